"""Pending: versions of secrets that orders are to put in force.

Each is written with its order, before anything can be sent, and is in force when the
device acknowledges that order: until then the earlier version counts. What was refused
or withdrawn is kept too, for an answer may come late, or never.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from devices.models import Channel, Device, Secret
from mdmportal.protocol import ProtocolError, plist
from mdmportal.protocol.connect import Status

from ..models import OPEN, Command, Delivery, Result, State

BATCH = 1000
Chain = tuple[int, str]
"""The id of a device and a kind: of the versions in it one is in force."""

SETS: Mapping[str, tuple[str, str]] = {
    "DeviceLock": ("PIN", Secret.Kind.LOCK_PIN),
    "EraseDevice": ("PIN", Secret.Kind.LOCK_PIN),
    "SetRecoveryLock": ("NewPassword", Secret.Kind.RECOVERY_LOCK),
    "SetFirmwarePassword": ("NewPassword", Secret.Kind.FIRMWARE_PASSWORD),
    "SetAutoAdminPassword": ("passwordHash", Secret.Kind.ADMIN_PASSWORD),
    "AccountConfiguration": ("AutoSetupAdminAccounts", Secret.Kind.ADMIN_PASSWORD),
}
"""RequestType -> the key by which it sets a secret, and what that is then."""


# --- Ordered


def expect(deliveries: Sequence[Delivery]) -> None:
    """Keep what these deliveries, just written, are to put in force on each device."""
    values = {command: _value(command) for command in {d.command for d in deliveries}}
    setting = [each for each in deliveries if values[each.command] is not None]
    if not setting:
        return
    ids = [each.channel_id for each in setting]
    rows = Channel.objects.filter(pk__in=ids).select_related("enrollment__device")
    channels = {channel.pk: channel for channel in rows}
    Secret.objects.bulk_create(
        [
            Secret.of_stay(
                channels[each.channel_id].enrollment,
                SETS[each.command.request_type][1],
                values[each.command] or b"",
                is_confirmed=False,
                delivery_uuid=each.uuid,
            )
            for each in setting
            if _is_asked(each.command, channels[each.channel_id])
        ]
    )


def _value(command: Command) -> bytes | None:
    """Return what the command sets, None for nothing.

    b"" takes a password away, or sets one of which only the hash is known.
    """
    if command.request_type not in SETS:
        return None
    name, kind = SETS[command.request_type]
    if kind in command.passwords:
        return command.passwords[kind]
    value = command.keys.get(name)
    if kind == Secret.Kind.ADMIN_PASSWORD:
        return b"" if _has_hash(value) else None
    return None if value is None else str(value).encode()


def _has_hash(value: Any) -> bool:
    """Whether it is a password hash, or administrators of whom the first has one."""
    if isinstance(value, list):
        first = value[0] if value else None
        return isinstance(first, Mapping) and "passwordHash" in first
    return isinstance(value, bytes)


def _is_asked(command: Command, channel: Channel) -> bool:
    """Only Macs ask for a PIN; others pass over the key."""
    is_pin = SETS[command.request_type][1] == Secret.Kind.LOCK_PIN
    platform = channel.enrollment.device.platform
    return not is_pin or platform in ("", Device.Platform.MACOS)


# --- Settled


def settle() -> int:
    """Put in force what was acknowledged, mark what was not; return how many."""
    done = 0
    while ids := list(_settled().values_list("pk", flat=True)[:BATCH]):
        done += _settle(ids)
    return done


def _settled() -> QuerySet[Secret]:
    waiting = Delivery.objects.filter(uuid=OuterRef("delivery_uuid"), state__in=OPEN)
    expected = Secret.objects.filter(is_confirmed=False, replaced_at=None)
    return expected.filter(~Exists(waiting)).order_by("pk")


@transaction.atomic
def _settle(ids: Sequence[int]) -> int:
    rows = Secret.objects.select_for_update(of=("self",)).filter(pk__in=ids)
    secrets = list(rows.filter(is_confirmed=False, replaced_at=None).order_by("pk"))
    uuids = [each.delivery_uuid for each in secrets]
    found = Delivery.objects.filter(uuid__in=uuids).select_related("command", "result")
    found = found.defer("command__keys_plist", "error_chain")
    deliveries = {delivery.uuid: delivery for delivery in found}
    confirmed, failed = [], []
    for secret in secrets:
        delivery = deliveries.get(secret.delivery_uuid)
        secret.outcome = _outcome(delivery)
        if secret.outcome or delivery is None:
            secret.replaced_at = timezone.now()
            failed.append(secret)
        else:
            secret.valid_at = delivery.settled_at or timezone.now()
            confirmed.append(secret)
    Secret.objects.bulk_update(failed, ["outcome", "replaced_at"])
    _tell_seen(failed)
    _put_in_force(confirmed)
    return len(secrets)


def _outcome(delivery: Delivery | None) -> str:
    """Return why the version is not in force; '' if it is."""
    if delivery is None:
        return Secret.Outcome.UNANSWERED  # gone with its device
    if delivery.state == State.ACKNOWLEDGED:
        result: Result | None = getattr(delivery, "result", None)
        was_done = result is None or _was_done(delivery, result)
        return "" if was_done else _refused(delivery)
    if delivery.state == State.FAILED:
        return _refused(delivery)
    was_put_off = delivery.attempts <= delivery.postponements
    return Secret.Outcome.WITHDRAWN if was_put_off else Secret.Outcome.UNANSWERED


def _refused(delivery: Delivery) -> str:
    """Return how sure a refusal is.

    Sent again because the first answer got lost, it may be refused since it was done
    the first time: the password that it takes away is gone.
    """
    was_sent_again = delivery.attempts - delivery.postponements > 1
    return Secret.Outcome.UNSURE if was_sent_again else Secret.Outcome.REFUSED


def _was_done(delivery: Delivery, result: Result) -> bool:
    try:
        answer = plist.loads(bytes(result.body))
    except ProtocolError:
        return True  # it was read well enough to say Acknowledged
    return did(delivery.command.request_type, answer)


def did(request_type: str, answer: Mapping[str, Any]) -> bool:
    """Whether what was acknowledged was done: some say so apart."""
    if request_type != "SetFirmwarePassword":
        return True
    said = answer.get(request_type)
    return not isinstance(said, Mapping) or bool(said.get("PasswordChanged", True))


def _put_in_force(confirmed: Sequence[Secret]) -> None:
    """Let each be the version in force, in this order, and those before it no more."""
    chains = _chains(confirmed)
    replaced = []
    for secret in confirmed:
        secret.is_confirmed, secret.outcome, secret.replaced_at = True, "", None
        chain = chains[secret.device_id or 0, secret.kind]
        newer = next((each for each in chain if each.pk > secret.pk), None)
        if newer:
            secret.replaced_at = newer.valid_at or newer.created_at
        elif not secret.value:  # there is none any more
            secret.replaced_at = secret.valid_at
        for earlier in [each for each in chain if each.pk < secret.pk]:
            earlier.replaced_at, earlier.rotate_at = secret.valid_at, None
            chain.remove(earlier)
            replaced.append(earlier)
        if secret.replaced_at is None:
            chain.append(secret)
    columns = ["is_confirmed", "outcome", "valid_at", "replaced_at", "rotate_at"]
    known = {each.pk: each for each in [*replaced, *confirmed]}
    Secret.objects.bulk_update(known.values(), columns)


def _chains(secrets: Iterable[Secret]) -> dict[Chain, list[Secret]]:
    """Return the versions in force beside these, without their values."""
    devices = {each.device_id for each in secrets if each.device_id}
    kinds = {each.kind for each in secrets}
    rows = Secret.objects.filter(device__in=devices, kind__in=kinds, is_confirmed=True)
    locked = rows.filter(replaced_at=None).select_for_update(of=("self",))
    chains: dict[Chain, list[Secret]] = defaultdict(list)
    for row in locked.defer("value").order_by("pk"):
        chains[row.device_id or 0, row.kind].append(row)
    return chains


def _tell_seen(failed: Iterable[Secret]) -> None:
    """Say of versions that people know and that were to be replaced: they stay."""
    chains = _chains(failed)
    seen = []
    for secret in failed:
        for row in chains[secret.device_id or 0, secret.kind]:
            if row.revealed_at:
                row.rotation = f"{Secret.Outcome(secret.outcome).label}."[:255]
                seen.append(row)
    Secret.objects.bulk_update(seen, ["rotation"])


# --- Answered, perhaps late


def answered(delivery: Delivery, answer: Mapping[str, Any], at: dt.datetime) -> None:
    """Take an answer at once; one that is late tells what became of it after all.

    Also if nobody has noted yet that the order was given up.
    """
    if delivery.command.request_type not in SETS or delivery.is_open:
        return
    expected = _settled().filter(delivery_uuid=delivery.uuid)
    ids = list(expected.values_list("pk", flat=True))
    if ids:
        _settle(ids)
    given_up = ~Q(outcome__in=("", Secret.Outcome.REFUSED))
    rows = Secret.objects.select_for_update(of=("self",)).filter(given_up)
    secret = rows.filter(delivery_uuid=delivery.uuid, is_confirmed=False).first()
    if secret is None:
        return
    is_done = answer.get("Status") == Status.ACKNOWLEDGED
    if is_done and did(delivery.command.request_type, answer):
        secret.valid_at = at
        _put_in_force([secret])
    else:
        secret.outcome = Secret.Outcome.REFUSED
        secret.save(update_fields=["outcome"])


# --- What the device says of what is in force


KINDS_VERIFIED: Mapping[str, str] = {
    "VerifyRecoveryLock": Secret.Kind.RECOVERY_LOCK,
    "VerifyFirmwarePassword": Secret.Kind.FIRMWARE_PASSWORD,
}


def verified(delivery: Delivery, answer: Mapping[str, Any], at: dt.datetime) -> None:
    """Take over whether the password that was tried holds."""
    request_type = delivery.command.request_type
    device_id = delivery.channel.enrollment.device_id
    said = answer.get(request_type, answer)
    holds = said.get("PasswordVerified") if isinstance(said, Mapping) else None
    current = Secret.current_of_device(device_id, KINDS_VERIFIED[request_type])
    tried = str(delivery.command.keys.get("Password", "")).encode()
    if current and isinstance(holds, bool) and bytes(current.value) == tried:
        _holds(current, at) if holds else no_longer(current, at)


def _holds(secret: Secret, at: dt.datetime) -> None:
    secret.valid_at, secret.invalid_at = at, None
    secret.save(update_fields=["valid_at", "invalid_at"])


def no_longer(secret: Secret | None, at: dt.datetime) -> None:
    """Mark what is in force as void, if that was said after it came into force."""
    if secret is None or secret.invalid_at:
        return
    if at > (secret.valid_at or secret.created_at):
        secret.invalid_at = at
        secret.save(update_fields=["invalid_at"])


def take_status(device_id: int, said: Mapping[str, Any], at: dt.datetime) -> None:
    """Take over from SecurityInfo which passwords the Mac has no more."""
    if said.get("IsRecoveryLockEnabled") is False:
        kind = Secret.Kind.RECOVERY_LOCK
        no_longer(Secret.current_of_device(device_id, kind), at)
    firmware = said.get("FirmwarePasswordStatus")
    if isinstance(firmware, Mapping) and firmware.get("PasswordExists") is False:
        kind = Secret.Kind.FIRMWARE_PASSWORD
        no_longer(Secret.current_of_device(device_id, kind), at)
