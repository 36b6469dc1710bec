"""Kept: what the portal keeps of many devices, by a statement for each kind."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet

from devices.models import Channel, EscrowCertificate, Inventory, Secret
from devices.models.secret import label_of

ACCOUNTS = "AutoSetupAdminAccounts"
OF_DEVICE = frozenset(
    (
        Secret.Kind.RECOVERY_LOCK,
        Secret.Kind.FIRMWARE_PASSWORD,
        Secret.Kind.FILEVAULT_KEY,
        Secret.Kind.ADMIN_PASSWORD,
    )
)
"""What stays in force when a Mac leaves and enrolls again; others belong to a stay."""


def values(channels: Sequence[Channel], kind: str) -> dict[int, bytes]:
    """Return the values in force by channel: one statement."""
    by_device = kind in OF_DEVICE
    found: dict[int | None, bytes] = {}
    for secret in in_force(channels, kind).order_by("pk"):  # the newest stays
        found[secret.device_id if by_device else secret.enrollment_id] = bytes(
            secret.value
        )
    keys = {
        channel.pk: channel.enrollment.device_id if by_device else channel.enrollment_id
        for channel in channels
    }
    return {pk: found[key] for pk, key in keys.items() if key in found}


def in_force(channels: Sequence[Channel], kind: str) -> QuerySet[Secret]:
    rows = Secret.in_force(kind).filter(invalid_at=None)
    if kind in OF_DEVICE:
        return rows.filter(device__in=[each.enrollment.device_id for each in channels])
    return rows.filter(enrollment__in=[each.enrollment_id for each in channels])


def expected(channels: Sequence[Channel], kind: str) -> frozenset[int | None]:
    """Return on which devices an order for another version is under way."""
    devices = [each.enrollment.device_id for each in channels]
    rows = Secret.objects.filter(device__in=devices, kind=kind)
    rows = rows.filter(is_confirmed=False, replaced_at=None)
    return frozenset(rows.values_list("device_id", flat=True))


def certificates(channels: Sequence[Channel]) -> dict[int, bytes]:
    """Return to what FileVault keys are encrypted, the newest of each device."""
    devices = [each.enrollment.device for each in channels]
    labels = {label_of(device): device.pk for device in devices}
    own = EscrowCertificate.objects.filter(device__in=devices)
    gone = EscrowCertificate.objects.filter(device=None, device_label__in=labels)
    rows: list[tuple[Any, Any]] = [
        *gone.order_by("pk").values_list("device_label", "certificate"),
        *own.order_by("pk").values_list("device_id", "certificate"),
    ]
    found: dict[int, bytes] = {}
    for whose, certificate in rows:
        device_id = labels[whose] if isinstance(whose, str) else whose
        if device_id:
            found[device_id] = bytes(certificate)
    return found


def guids(channels: Sequence[Channel]) -> dict[int, str]:
    """Return the GUIDs of administrators that Setup Assistant made, as Macs told."""
    rows = Inventory.objects.filter(
        device__in=[each.enrollment.device_id for each in channels],
        user_id="",
        request_type="DeviceInformation",
    )
    told = rows.values_list("device_id", f"answer__{ACCOUNTS}")
    found = {}
    for device_id, accounts in told:
        first = accounts[0] if isinstance(accounts, list) and accounts else None
        if isinstance(first, Mapping) and first.get("GUID"):
            found[device_id] = str(first["GUID"])
    return found
