"""Arrivals: how a stay opens, is completed, or is held until somebody looks at it."""

import logging
from typing import Any

from django.db import transaction
from django.utils import timezone

from apns.tasks import ask_for_push
from commands import inventory, queue
from commands.escrow import filevault
from devices import sessions
from devices.authentication import Caller
from devices.models import (
    AuditEntry,
    Channel,
    Device,
    Enrollment,
    Identity,
    SessionToken,
)
from devices.models.enrollment import ACCOUNT_DRIVEN
from mdmportal.protocol import ProtocolError, checkin
from mdmportal.protocol.platforms import platform_of

from . import signon, users
from .models import Challenge

logger = logging.getLogger(__name__)

NAMES = ("serial_number", "imei", "meid")
"""What tells one device from all others: never asked of a person's own."""


def intent_of(identity: Identity) -> Challenge | None:
    """Return what the identity was issued for, None for one that moved in."""
    found = Challenge.objects.select_related("way", "user", "sign_in", "ota")
    return found.filter(identity=identity).first()


def check_session(caller: Caller, intent: Challenge | None) -> SessionToken | None:
    """Return the token of the sign-in by which an account-driven device comes.

    None for other ways in. Raises sessions.SignInRequired where it holds no more: the
    device signs in anew and repeats its Authenticate.
    """
    if intent is None or not intent.way.is_account_driven:
        return None
    token = sessions.find(caller.bearer)
    account = intent.sign_in.managed_apple_account if intent.sign_in else ""
    if token is None or token.user_id != intent.user_id:
        raise sessions.SignInRequired
    if token.managed_apple_account != account:
        raise sessions.SignInRequired
    return token


def open_stay(
    identity: Identity,
    intent: Challenge | None,
    token: SessionToken | None,
    message: checkin.Authenticate,
) -> Enrollment:
    """Open an enrollment for the identity, of the device that ``message`` names."""
    if intent and intent.ota and message.udid != intent.ota.udid:
        raise ProtocolError("the UDID is not the one of the over-the-air session")
    mode = intent.way.mode if intent else Enrollment.Mode.DEVICE
    device = _device(message, mode)
    enrollment = Enrollment(device=device, topic=message.topic, mode=mode)
    if intent:
        enrollment.way = intent.way.name
        enrollment.access_rights = intent.way.access_rights
        enrollment.profile_identifier = intent.way.profile_identifier
        enrollment.owner = intent.user
    if mode == Enrollment.Mode.USER:
        enrollment.access_rights = 0  # such a profile has none
    if token:
        enrollment.managed_apple_account = token.managed_apple_account
    enrollment.save()
    if token:
        sessions.bind(token, enrollment)
    identity.enrollment = enrollment
    identity.save(update_fields=["enrollment"])
    Device.regroup([device.pk])
    if not is_contested(enrollment):  # else it may not be the device it says
        learn(device, message, mode)
        _begin_anew(device)
    return enrollment


def _begin_anew(device: Device) -> None:
    """Forget what was done to it in the stay before, and ended with that."""
    if device.in_lost_mode is not None:
        device.in_lost_mode = None
        device.save(update_fields=["in_lost_mode"])


def _device(message: checkin.Authenticate, mode: str) -> Device:
    """Return the device, locked. A person's own stays anonymous, whatever it says."""
    locked = Device.objects.select_for_update()
    if mode == Enrollment.Mode.USER:
        if not message.enrollment_id:
            raise ProtocolError("a user enrollment comes with an EnrollmentID")
        device, _ = locked.get_or_create(enrollment_id=message.enrollment_id)
    elif message.udid:
        device, _ = locked.get_or_create(udid=message.udid)
    else:
        if mode in ACCOUNT_DRIVEN:
            raise ProtocolError("a device enrollment comes with a UDID")
        device, _ = locked.get_or_create(enrollment_id=message.enrollment_id)
    return device


def learn(device: Device, message: checkin.Authenticate, mode: str) -> None:
    """Take over what the device says of itself."""
    facts: dict[str, Any] = {
        "platform": platform_of(message.product_name, message.model),
        "name": message.device_name or _first_name(device, message),
        "product_name": message.product_name,
        "model": message.model,
        "model_name": message.model_name,
        "os_version": message.os_version,
        "build_version": message.build_version,
    }
    if mode != Enrollment.Mode.USER:
        facts |= {name: getattr(message, name) for name in NAMES}
    device.learn(**facts)


def _first_name(device: Device, message: checkin.Authenticate) -> str:
    """What to call a device that has not told its name yet."""
    return device.name or message.product_name or message.serial_number


def open_channel(
    enrollment: Enrollment, message: checkin.TokenUpdate, **columns: Any
) -> Channel:
    """Keep how to push to the channel that speaks; ``columns`` are further ones."""
    channel, _ = Channel.objects.update_or_create(
        enrollment=enrollment,
        user_id=message.user_id,
        defaults={
            "user_short_name": message.user_short_name,
            "user_long_name": message.user_long_name,
            "push_token": message.token.hex(),
            "push_magic": message.push_magic,
            "push_dead": False,
            **columns,
        },
    )
    return channel


# --- Completed, or held


def is_contested(enrollment: Enrollment) -> bool:
    """Whether the stay claims a device that another owner has enrolled.

    Anyone can say a UDID. Whoever is not known to be the owner could otherwise end the
    owner's stay by it.
    """
    device = enrollment.device
    others = device.enrollments.exclude(pk=enrollment.pk)
    other = others.filter(state=Enrollment.State.ACTIVE).first()
    if other is None:
        return False
    owner = device.owner_id or other.owner_id  # staff may have given it to another
    return owner is not None and owner != enrollment.owner_id


def complete(enrollment: Enrollment, channel: Channel) -> None:
    """Make a pending stay the device's own, or hold it; its token has just come."""
    Device.objects.select_for_update().get(pk=enrollment.device_id)
    if is_contested(enrollment):
        enrollment.state = Enrollment.State.HELD
        enrollment.save(update_fields=["state"])
        Device.regroup([enrollment.device_id])
        logger.warning("enrollment %d is held for review", enrollment.pk)
        AuditEntry.write(None, "held for review", enrollment.device)
        return
    _admit(enrollment, channel)


def _admit(enrollment: Enrollment, channel: Channel) -> None:
    _end_others(enrollment)
    enrollment.state = Enrollment.State.ACTIVE
    enrollment.enrolled_at = timezone.now()
    enrollment.save(update_fields=["state", "enrolled_at"])
    _belongs(enrollment)
    Device.regroup([enrollment.device_id])
    channel.enrollment = enrollment
    awaiting = enrollment.awaiting_configuration
    inventory.ask(channel, and_then=[inventory.configured()] if awaiting else [])
    filevault.install_again(channel)
    users.admitted(enrollment)


def _end_others(enrollment: Enrollment) -> None:
    """End the stays before this one: nothing that waited in them runs in the new one.

    Only now: a device whose new profile fails after Authenticate keeps its old one.
    """
    others = enrollment.device.enrollments.exclude(pk=enrollment.pk)
    for other in others.exclude(state=Enrollment.State.ENDED).select_related("device"):
        other.end("enrolled again")


def _belongs(enrollment: Enrollment) -> None:
    """Give the device its owner, and the groups of its way in and of its owner."""
    device = enrollment.device
    if enrollment.owner_id and device.owner_id != enrollment.owner_id:
        device.owner_id = enrollment.owner_id
        device.save(update_fields=["owner"])
    intent = Challenge.objects.filter(identity__enrollment=enrollment, renews=None)
    found = intent.select_related("way__device_group").first()
    if found and found.way.device_group:
        found.way.device_group.devices.add(device)
    if enrollment.owner:
        signon.apply_device_groups(enrollment.owner)


# --- Reviewed


@transaction.atomic
def approve(enrollment: Enrollment, by: Any) -> None:
    """Let a held stay replace the one there is, as if it had not been contested."""
    if not _still_held(enrollment):
        return
    channel = enrollment.channels.get(user_id="")
    _admit(enrollment, channel)
    ask_for_push()
    AuditEntry.write(by, "approved an enrollment", enrollment.device)


@transaction.atomic
def reject(enrollment: Enrollment, by: Any) -> None:
    """End a held stay; its device is told to leave. The one there is goes on."""
    if not _still_held(enrollment):
        return
    enrollment.end(Enrollment.REJECTED)
    queue.waken(enrollment.channels.values_list("pk", flat=True))  # to be told so
    ask_for_push()
    AuditEntry.write(by, "rejected an enrollment", enrollment.device)


def _still_held(enrollment: Enrollment) -> bool:
    """Look again, with the device locked: two may review at once."""
    Device.objects.select_for_update().get(pk=enrollment.device_id)
    enrollment.refresh_from_db()
    return enrollment.state == Enrollment.State.HELD
