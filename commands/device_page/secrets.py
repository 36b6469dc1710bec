"""Secrets: what the device entrusted to us, which of it counts, what can be done."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from devices import reveal
from devices.admin.secret import standing
from devices.models import AuditEntry, Channel, Device, EscrowCertificate, Secret

from .. import destructive, live
from ..escrow import filevault, pending, rotation
from ..models import Delivery, State
from .look import Look

SHOWN = 200
REVEALS = 20
TRIES = 20


@dataclass(frozen=True)
class Version:
    """One version of a secret; ``order`` is what is to put it in force."""

    secret: Secret
    standing: SafeString
    order: Delivery | None
    order_state: SafeString | str


@dataclass(frozen=True)
class Checked:
    """What came of the last time that a password was tried on the device."""

    words: str
    tone: str
    order: Delivery


@dataclass(frozen=True)
class Kept:
    """All versions of one kind, newest first; the first ones are shown open."""

    kind: str
    title: str
    purpose: str
    versions: Sequence[Version]
    can_rotate: bool
    rotation_refused: str
    checked: "Checked | None" = None

    @property
    def now(self) -> Sequence[Version]:
        """Those that count, or may: in force, ordered, perhaps in force."""
        return [
            each
            for each in self.versions
            if each.secret.replaced_at is None or each.secret.may_be_in_force
        ]

    @property
    def before(self) -> Sequence[Version]:
        now = {each.secret.pk for each in self.now}
        return [each for each in self.versions if each.secret.pk not in now]

    @property
    def current(self) -> Secret | None:
        found = (each.secret for each in self.versions if each.secret.is_in_force)
        return next(found, None)


def gather(look: Look) -> dict[str, Any]:
    device, viewer = look.device, look.viewer
    rows = Secret.objects.filter(device=device).defer("value").select_related(None)
    secrets = list(rows.order_by("-pk")[:SHOWN])
    orders = _orders(secrets)
    versions: dict[str, list[Version]] = {}
    for secret in secrets:
        order = orders.get(secret.delivery_uuid)
        state = live.state_cell(order) if order else ""
        version = Version(secret, standing(secret), order, state)
        versions.setdefault(secret.kind, []).append(version)
    channel = look.channel if look.channel and not look.channel.user_id else None
    checked = _checked(device)
    audit = AuditEntry.objects.filter(device=device, action=reveal.ACTION)
    return {
        "kinds": [
            _kept(kind, versions[kind], channel, viewer, checked)
            for kind in reveal.PURPOSES
            if kind in versions
        ],
        "reveals": list(audit.order_by("-pk")[:REVEALS]),
        "may_reveal": viewer.has_perms((reveal.PERMISSION, "devices.view_secret")),
        "may_rotate": _may_rotate(viewer),
        **(
            _escrow(device, channel) if device.platform == Device.Platform.MACOS else {}
        ),
    }


def _orders(secrets: Sequence[Secret]) -> Mapping[str, Delivery]:
    uuids = [each.delivery_uuid for each in secrets if each.delivery_uuid]
    rows = Delivery.objects.filter(uuid__in=uuids).select_related("command")
    return {row.uuid: row for row in rows.defer("command__keys_plist")}


def _kept(
    kind: str,
    versions: Sequence[Version],
    channel: Channel | None,
    viewer: Any,
    checked: Mapping[str, Checked],
) -> Kept:
    current = next((v.secret for v in versions if v.secret.is_in_force), None)
    can_rotate = rotation.can_rotate(kind) and current is not None
    refused = ""
    if can_rotate and current is not None and _may_rotate(viewer):
        refused = rotation.refusal(current, channel)
    return Kept(
        kind=kind,
        title=Secret.Kind(kind).label,
        purpose=reveal.PURPOSES[kind],
        versions=versions,
        can_rotate=can_rotate,
        rotation_refused=refused,
        checked=checked.get(kind),
    )


def _checked(device: Device) -> dict[str, Checked]:
    """Return what came of the last try of each kind of password."""
    rows = Delivery.objects.filter(
        channel__enrollment__device=device,
        command__request_type__in=pending.KINDS_VERIFIED,
        state__in=(State.ACKNOWLEDGED, State.FAILED),
    )
    newest = rows.select_related("command").defer("command__keys_plist")
    found: dict[str, Checked] = {}
    for row in newest.order_by("-pk")[:TRIES]:
        kind = pending.KINDS_VERIFIED[row.command.request_type]
        found.setdefault(kind, Checked(*_outcome(row), row))
    return found


def _outcome(tried: Delivery) -> tuple[str, str]:
    """Return in words, with its colour, whether the password that was tried holds."""
    if tried.state == State.FAILED:
        return f"not checked: {tried.error or 'no reason given'}", "warn"
    return ("wrong", "bad") if tried.error else ("right", "ok")


def _may_rotate(viewer: Any) -> bool:
    return bool(viewer.has_perms(("commands.add_command", destructive.PERMISSION)))


def _escrow(device: Device, channel: Channel | None) -> dict[str, Any]:
    """Return what there is to know of the escrow of a Mac's FileVault key."""
    certificate = filevault.certificates(device).defer("private_key").first()
    refused = "it is not enrolled" if channel is None else filevault.refusal(channel)
    return {
        "is_mac": True,
        "escrowed_since": _since(certificate),
        "escrow_refused": refused,
        "installation": _installation(device),
    }


def _since(certificate: EscrowCertificate | None) -> dt.datetime | None:
    return certificate.created_at if certificate else None


def _installation(device: Device) -> SafeString | str:
    """Return how the newest order for the escrow profile stands."""
    rows = Delivery.objects.filter(
        channel__enrollment__device=device,
        command__request_type="InstallProfile",
        command__note=filevault.NOTE,
    )
    newest = rows.select_related("command").defer("command__keys_plist")
    found = newest.order_by("-pk").first()
    return live.state_cell(found) if found else ""
