"""Connect: a device reports on one command and takes the next."""

import logging
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from devices import sessions
from devices.authentication import Caller, ChannelRow
from devices.models import Enrollment
from mdmportal.protocol import ProtocolError
from mdmportal.protocol import connect as protocol

from . import availability, queue, reports

logger = logging.getLogger(__name__)


class Unrecognized(Exception):
    """The device is to leave management: it was held for review, and rejected."""


def take(caller: Caller, source: Mapping[str, Any], body: bytes) -> bytes:
    """Take the report on one command, return the next; b"" ends the session.

    ``source`` is the property list in ``body``, which is kept as it came. Raises
    sessions.SignInRequired, Unrecognized, Declined on the channel of a user, and
    ProtocolError for all else.
    """
    report = protocol.read(source)
    caller.check_device(report)
    channel = caller.channel(report)
    is_early = channel is None and report.user_configuration and bool(report.user_id)
    if (channel is None and not is_early) or not _is_served(caller):
        raise ProtocolError("the channel is not enrolled")
    if channel is None:
        return b""  # Setup Assistant goes on; the user comes when there is one
    caller.check_user(report)
    if caller.state == Enrollment.State.HELD:
        return b""
    if not caller.is_account_driven:
        return _serve(caller, channel, report, body)
    try:
        sessions.require(caller)
    except sessions.SignInRequired:
        return _serve_signed_out(caller, channel, report, body)
    return _serve(caller, channel, report, body)


def _is_served(caller: Caller) -> bool:
    if caller.state == Enrollment.State.HELD:
        return True
    return caller.is_enrolled or _is_back(caller)


def _serve(
    caller: Caller, channel: ChannelRow, report: protocol.Report, body: bytes
) -> bytes:
    """Settle and send what the device can take.

    One whose identity has expired gets what renews it, whatever it is.
    """
    if caller.is_expired:
        return _command(reports.take(channel, report, body, queue.RENEWAL))

    def refuses(found: reports.Next) -> str:
        """Keys that nobody foresaw must not stop all that waits behind them."""
        try:
            return availability.on_delivery(
                caller, channel, found.request_type, found.keys
            )
        except Exception:
            logger.exception("%s cannot be looked at: sent as it is", found.uuid)
            return ""

    return _command(reports.take(channel, report, body, refuses=refuses))


def _serve_signed_out(
    caller: Caller, channel: ChannelRow, report: protocol.Report, body: bytes
) -> bytes:
    """Send only what removes profiles, and nothing before the device is expelled.

    A report on that is taken, for a device that removes the enrollment waits for it.
    """
    if caller.is_expelled:
        found = reports.take(channel, report, body, queue.REMOVAL)
        if found is not None or report.status != protocol.Status.IDLE:
            return _command(found)
    elif channel.is_stale:
        reports.seen(channel)
    raise sessions.SignInRequired


def _command(found: reports.Next | None) -> bytes:
    if found is None:
        return b""
    return protocol.command(found.uuid, found.request_type, found.keys)


@transaction.atomic
def _is_back(caller: Caller) -> bool:
    """Whether a device that was taken for erased turns out to live on.

    Raises Unrecognized for one that staff did not approve.
    """
    if caller.enrollment_id is None or caller.state != Enrollment.State.ENDED:
        return False
    enrollment = Enrollment.objects.get(pk=caller.enrollment_id)
    if enrollment.end_reason == Enrollment.REJECTED:
        raise Unrecognized(enrollment.pk)
    return enrollment.erasure_failed()
