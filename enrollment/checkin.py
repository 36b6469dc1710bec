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
from commands import inventory, queue
from commands.models import OPEN
from devices.authentication import Caller
from devices.models import Channel, Device, Enrollment, Identity, Secret
from mdmportal.protocol import ProtocolError, checkin
from mdmportal.protocol.platforms import platform_of

from .models import EnrollmentProfile


class Declined(Exception):
    """The user who logs in is not to be managed; the device is, as before."""


def take(caller: Caller, message: checkin.Message) -> bytes:
    """Do what ``message`` asks, return the answer; ProtocolError for a wrong one."""
    if caller.is_expired and not isinstance(message, checkin.CheckOut):
        raise ProtocolError("the identity has expired")
    caller.check_device(message)
    return HANDLERS[type(message)](caller, message)


# --- Authenticate


@transaction.atomic
def authenticate(caller: Caller, message: checkin.Authenticate) -> bytes:
    """Open an enrollment for the identity, unless it has one that is open."""
    if not PushCertificate.objects.filter(topic=message.topic).exists():
        raise ProtocolError("the topic is not of a push certificate of ours")
    if not message.device_id:
        raise ProtocolError("neither UDID nor EnrollmentID")
    identity = Identity.objects.select_for_update(of=("self",)).get(
        pk=caller.identity_id
    )
    device = _device(message)
    open_one = _open_enrollment(identity)
    if open_one is None:
        _open(identity, device, message)
    elif open_one.device_id != device.pk:
        raise ProtocolError("the identity belongs to another device")
    return b""


def _open_enrollment(identity: Identity) -> Enrollment | None:
    enrollment = identity.enrollment
    if enrollment is None or enrollment.state == Enrollment.State.ENDED:
        return None
    return enrollment


def _device(message: checkin.Authenticate) -> Device:
    """Return the device, locked, with what it says of itself taken over."""
    locked = Device.objects.select_for_update()
    if message.udid:
        device, _ = locked.get_or_create(udid=message.udid)
    else:
        device, _ = locked.get_or_create(enrollment_id=message.enrollment_id)
    device.learn(
        platform=platform_of(message.product_name, message.model),
        name=message.device_name or _first_name(device, message),
        product_name=message.product_name,
        model=message.model,
        model_name=message.model_name,
        os_version=message.os_version,
        build_version=message.build_version,
        serial_number=message.serial_number,
        imei=message.imei,
        meid=message.meid,
    )
    return device


def _first_name(device: Device, message: checkin.Authenticate) -> str:
    """What to call a device that has not told its name yet."""
    return device.name or message.product_name or message.serial_number


def _open(identity: Identity, device: Device, message: checkin.Authenticate) -> None:
    way = _way_of(identity)
    identity.enrollment = Enrollment.objects.create(
        device=device,
        topic=message.topic,
        mode=way.mode if way else Enrollment.Mode.DEVICE,
        way=way.name if way else "",
        access_rights=way.access_rights if way else 0,
    )
    identity.save(update_fields=["enrollment"])


def _way_of(identity: Identity) -> EnrollmentProfile | None:
    return EnrollmentProfile.objects.filter(challenges__identity=identity).first()


# --- TokenUpdate


def token_update(caller: Caller, message: checkin.TokenUpdate) -> bytes:
    """Keep how to push to the channel; the first of a device completes enrollment."""
    enrollment_id = _open_id(caller)
    if not _says_something_new(caller, message):
        return b""
    with transaction.atomic():
        enrollment = _locked(enrollment_id)
        if message.topic != enrollment.topic:
            raise ProtocolError("the topic is not the one of the enrollment")
        channel = _keep_token(enrollment, message)
        if message.unlock_token:
            Secret.keep(enrollment, Secret.Kind.UNLOCK_TOKEN, message.unlock_token)
        if not message.user_id:
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
    channel, _ = Channel.objects.update_or_create(
        enrollment=enrollment,
        user_id=message.user_id,
        defaults={
            "user_short_name": message.user_short_name,
            "user_long_name": message.user_long_name,
            "push_token": message.token.hex(),
            "push_magic": message.push_magic,
            "push_dead": False,
            "token_updated_at": now,
            "last_seen_at": now,
        },
    )
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
    if enrollment.state != Enrollment.State.PENDING:
        return
    _end_others(enrollment)
    enrollment.state = Enrollment.State.ACTIVE
    enrollment.enrolled_at = timezone.now()
    enrollment.save(update_fields=["state", "enrolled_at"])
    channel.enrollment = enrollment
    inventory.ask(channel, and_then=[inventory.configured()] if awaiting else [])


def _end_others(enrollment: Enrollment) -> None:
    """End the stays before this one: nothing that waited in them runs in the new one.

    Only now: a device whose new profile fails after Authenticate keeps its old one.
    """
    Device.objects.select_for_update().get(pk=enrollment.device_id)
    others = enrollment.device.enrollments.exclude(pk=enrollment.pk)
    for other in others.exclude(state=Enrollment.State.ENDED).select_related("device"):
        other.end("enrolled again")


# --- The others


@transaction.atomic
def check_out(caller: Caller, message: checkin.CheckOut) -> bytes:
    """End the stay. On a user channel only that user is no longer managed."""
    if caller.enrollment_id is None:
        return b""
    enrollment = _locked(caller.enrollment_id)
    if message.user_id:
        enrollment.channels.filter(user_id=message.user_id).update(
            push_token="", push_magic="", push_at=None
        )
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


def user_authenticate(caller: Caller, message: checkin.UserAuthenticate) -> bytes:
    """Network users are not managed."""
    raise Declined


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
    checkin.UserAuthenticate: user_authenticate,
}
