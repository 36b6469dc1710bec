"""Check-in: how an enrollment begins, is kept up, and ends.

A device repeats a message whose answer was lost, so each of these may run twice. The
identity says which enrollment is meant; a new identity means a new stay.
https://developer.apple.com/documentation/devicemanagement/check-in
"""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils import timezone

from apns.models import PushCertificate
from apns.tasks import ask_for_push
from commands import queue
from commands.models import OPEN
from devices import sessions
from devices.authentication import Caller
from devices.models import Channel, Enrollment, Identity, Secret
from mdmportal.protocol import ProtocolError, checkin

from . import arrivals, logins, renewal, tokens, users


def take(caller: Caller, message: checkin.Message) -> bytes:
    """Do what ``message`` asks, return the answer.

    Raises ProtocolError for a wrong one, sessions.SignInRequired, and Declined for a
    user who is not managed. CheckOut is sent once: it is taken from an expired identity
    and without a session.
    """
    leaves = isinstance(message, checkin.CheckOut)
    if caller.is_expired and not leaves:
        raise ProtocolError("the identity has expired")
    caller.check_device(message)
    is_open = caller.state and caller.state != Enrollment.State.ENDED
    if caller.is_account_driven and is_open and not leaves:
        sessions.require(caller)
    if not _is_login(message):
        caller.check_user(message)
    return HANDLERS[type(message)](caller, message)


def _is_login(message: checkin.Message) -> bool:
    """Whether it asks if a user is to be managed, whatever was answered before."""
    if isinstance(message, checkin.TokenUpdate):
        return message.is_of_shared_ipad
    return isinstance(message, checkin.UserAuthenticate)


# --- Authenticate


@transaction.atomic
def authenticate(caller: Caller, message: checkin.Authenticate) -> bytes:
    """Open an enrollment for the identity, unless it has one that is open."""
    if not PushCertificate.objects.filter(topic=message.topic).exists():
        raise ProtocolError("the topic is not of a push certificate of ours")
    if not message.device_id:
        raise ProtocolError("neither UDID nor EnrollmentID")
    locked = Identity.objects.select_for_update(of=("self",))
    identity = locked.select_related("enrollment__device").get(pk=caller.identity_id)
    open_one = _open_enrollment(identity)
    intent = None if open_one else arrivals.intent_of(identity)
    if intent and intent.renews_id:
        open_one = renewal.bind(caller, identity, intent)
    if open_one is None:
        token = arrivals.check_session(caller, intent)
        arrivals.open_stay(identity, intent, token, message)
    elif open_one.device.device_id != message.device_id:
        raise ProtocolError("the identity belongs to another device")
    elif not arrivals.is_contested(open_one):
        arrivals.learn(open_one.device, message, open_one.mode)
    return b""


def _open_enrollment(identity: Identity) -> Enrollment | None:
    enrollment = identity.enrollment
    if enrollment is None or enrollment.state == Enrollment.State.ENDED:
        return None
    return enrollment


# --- TokenUpdate


def token_update(caller: Caller, message: checkin.TokenUpdate) -> bytes:
    """Keep how to push to the channel; the first of a device completes enrollment."""
    enrollment_id = _open_id(caller)
    if message.is_of_shared_ipad:
        users.admit_shared(caller, message)
    if not _says_something_new(caller, message):
        return b""
    with transaction.atomic():
        enrollment = _locked(enrollment_id)
        if message.topic != enrollment.topic:
            raise ProtocolError("the topic is not the one of the enrollment")
        enrollment = renewal.stay_of(caller, enrollment, message)
        is_first = bool(message.user_id) and not users.is_open(enrollment, message)
        channel = _keep_token(enrollment, message)
        if message.unlock_token:
            Secret.keep(enrollment, Secret.Kind.UNLOCK_TOKEN, message.unlock_token)
        if message.user_id:
            users.opened(channel, message, is_first=is_first)
        else:
            _complete(enrollment, channel, message)
    return b""


def _says_something_new(caller: Caller, message: checkin.TokenUpdate) -> bool:
    """A repeated TokenUpdate is the common one: it costs nothing but the look."""
    channel = caller.channel(message)
    known = channel is not None and (
        channel.push_token == message.token.hex()
        and channel.push_magic == message.push_magic
        and not channel.push_dead
    )
    if not known or not caller.is_enrolled or message.awaiting_configuration:
        return True
    return bool(message.unlock_token) and _is_new(caller, message.unlock_token)


def _is_new(caller: Caller, unlock_token: bytes) -> bool:
    kept = Secret.current(_open_id(caller), Secret.Kind.UNLOCK_TOKEN)
    return kept is None or bytes(kept.value) != unlock_token


def _keep_token(enrollment: Enrollment, message: checkin.TokenUpdate) -> Channel:
    now = timezone.now()
    channel = arrivals.open_channel(
        enrollment, message, token_updated_at=now, last_seen_at=now
    )
    channel.enrollment = enrollment
    if channel.deliveries.filter(state__in=OPEN).exists():
        queue.waken([channel.pk])  # what waited for a living token need wait no longer
        ask_for_push()
    return channel


def _complete(
    enrollment: Enrollment, channel: Channel, message: checkin.TokenUpdate
) -> None:
    awaiting = message.awaiting_configuration
    if awaiting is not None and awaiting != enrollment.awaiting_configuration:
        enrollment.awaiting_configuration = awaiting
        enrollment.save(update_fields=["awaiting_configuration"])
    if enrollment.state == Enrollment.State.PENDING:
        arrivals.complete(enrollment, channel)


# --- The others


@transaction.atomic
def check_out(caller: Caller, message: checkin.CheckOut) -> bytes:
    """End the stay. On a user channel only that user is no longer managed."""
    if caller.enrollment_id is None:
        return b""
    enrollment = _locked(caller.enrollment_id)
    if message.user_id:
        users.left(enrollment, message.user_id)
    elif enrollment.state != Enrollment.State.ENDED:
        enrollment.end("checked out")
    return b""


@transaction.atomic
def set_bootstrap_token(caller: Caller, message: checkin.SetBootstrapToken) -> bytes:
    enrollment = _locked(_open_id(caller))
    Secret.keep(enrollment, Secret.Kind.BOOTSTRAP_TOKEN, message.bootstrap_token)
    return b""


def get_bootstrap_token(caller: Caller, message: checkin.GetBootstrapToken) -> bytes:
    kept = Secret.current(_open_id(caller), Secret.Kind.BOOTSTRAP_TOKEN)
    return checkin.bootstrap_token(bytes(kept.value) if kept else b"")


def _open_id(caller: Caller) -> int:
    """Return the id of the caller's open enrollment; without one, refuse."""
    if caller.enrollment_id is None or caller.state == Enrollment.State.ENDED:
        raise ProtocolError("there is no open enrollment: Authenticate comes first")
    return caller.enrollment_id


def _locked(enrollment_id: int) -> Enrollment:
    rows = Enrollment.objects.select_for_update(of=("self",)).select_related("device")
    return rows.get(pk=enrollment_id)


HANDLERS: dict[type[checkin.Message], Callable[[Caller, Any], bytes]] = {
    checkin.Authenticate: authenticate,
    checkin.TokenUpdate: token_update,
    checkin.CheckOut: check_out,
    checkin.SetBootstrapToken: set_bootstrap_token,
    checkin.GetBootstrapToken: get_bootstrap_token,
    checkin.UserAuthenticate: logins.authenticate,
    checkin.GetToken: tokens.get_token,
}
