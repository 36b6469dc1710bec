"""Connect: a device reports on one command and takes the next."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from devices.authentication import Caller
from devices.models import Enrollment
from mdmportal.protocol import ProtocolError
from mdmportal.protocol import connect as protocol

from . import reports


def take(caller: Caller, source: Mapping[str, Any], body: bytes) -> bytes:
    """Take the report on one command, return the next; b"" ends the session.

    ``source`` is the property list in ``body``, which is kept as it came.
    """
    if caller.is_expired:
        raise ProtocolError("the identity has expired")
    report = protocol.read(source)
    caller.check_device(report)
    channel = caller.channel(report)
    if channel is None or not (caller.is_enrolled or _is_back(caller)):
        raise ProtocolError("the channel is not enrolled")
    found = reports.take(channel, report, body)
    if found is None:
        return b""
    return protocol.command(found.uuid, found.request_type, found.keys)


@transaction.atomic
def _is_back(caller: Caller) -> bool:
    """Whether a device that was taken for erased turns out to live on."""
    if caller.enrollment_id is None or caller.state != Enrollment.State.ENDED:
        return False
    return Enrollment.objects.get(pk=caller.enrollment_id).erasure_failed()
