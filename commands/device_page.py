"""The page of a device: what is gathered for its head and for each of its tabs."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from apns.models import PushCertificate
from devices.admin.enrollment import state_badge
from devices.models import (
    Channel,
    Device,
    Enrollment,
    Identity,
    Inventory,
    Secret,
    present_stay,
)

from . import answers, destructive, filled, live, orders, queue, words
from .models import OPEN, Delivery

TABS: Mapping[str, str] = {
    "overview": "Overview",
    "apps": "Apps",
    "profiles": "Profiles",
    "certificates": "Certificates",
    "security": "Security",
    "commands": "Commands",
    "enrollments": "Enrollments",
    "channels": "Channels",
}
LATEST, SHOWN = 5, 50


def tab_of(name: str) -> str:
    return name if name in TABS else "overview"


@dataclass(frozen=True)
class Button:
    """A frequent command: where it leads, or why it cannot be ordered."""

    title: str
    url: str
    refused: str
    destructive: bool


@dataclass(frozen=True)
class Reach:
    """How the device can be reached: what its channel, Apple and identity say."""

    channel: Channel | None
    trouble: str
    push_certificate: PushCertificate | None
    identity: Identity | None
    """The newest."""
    renewal: Delivery | None
    """What is to renew it, if that is ordered."""
    secrets: Mapping[str, dt.datetime]

    @property
    def unlock_token(self) -> dt.datetime | None:
        return self.secrets.get(Secret.Kind.UNLOCK_TOKEN)

    @property
    def bootstrap_token(self) -> dt.datetime | None:
        return self.secrets.get(Secret.Kind.BOOTSTRAP_TOKEN)

    @property
    def identity_state(self) -> str:
        """The colour of the identity's expiry."""
        if self.identity is None:
            return "mute"
        left = self.identity.not_after - timezone.now()
        if left <= dt.timedelta():
            return "bad"
        return "warn" if left <= dt.timedelta(days=30) else "ok"


def context(device: Device, tab: str, user: Any) -> dict[str, Any]:
    """Return what the page shows; only the tab at hand is gathered."""
    enrollments = list(device.enrollments.order_by("-opened_at", "-pk")[:SHOWN])
    stay = present_stay(enrollments)
    channels = _channels(device, stay) if stay else []
    channel = next((each for each in channels if not each.user_id), None)
    waiting = Delivery.objects.filter(channel__in=channels, state__in=OPEN).count()
    return {
        "tab": tab,
        "now": timezone.now(),
        "tabs": TABS,
        "stay": stay,
        "state": state_badge(stay),
        "enrollments": [(row, state_badge(row)) for row in enrollments],
        "channels": channels,
        "channel": channel,
        "waiting": waiting,
        "reach": _reach(stay, channel),
        **_buttons(device, channel, user),
        "order_url": f"{reverse('admin:commands_command_order')}?ids={device.pk}",
        "may_order": user.has_perm("commands.add_command"),
        **(TAB_CONTEXT[tab](device) if tab in TAB_CONTEXT else {}),
    }


def _channels(device: Device, stay: Enrollment) -> list[Channel]:
    """Return the channels, with what they belong to known without asking again."""
    stay.device = device
    channels = list(stay.channels.all())
    for channel in channels:
        channel.enrollment = stay
    return channels


def _reach(stay: Enrollment | None, channel: Channel | None) -> Reach:
    kept = Secret.objects.filter(enrollment=stay, replaced_at__isnull=True)
    found = kept.order_by("pk").values_list("kind", "created_at")
    topic = stay.topic if stay else ""
    identities = Identity.objects.filter(enrollment=stay, revoked_at__isnull=True)
    certificates = PushCertificate.objects.defer("private_key", "certificate")
    return Reach(
        channel=channel,
        trouble=_trouble(stay, channel),
        push_certificate=certificates.filter(topic=topic).first() if topic else None,
        identity=identities.defer("certificate").first() if stay else None,
        renewal=_renewal(channel),
        secrets=dict(found) if stay else {},
    )


def _renewal(channel: Channel | None) -> Delivery | None:
    waiting = Delivery.objects.filter(channel=channel, state__in=OPEN)
    return waiting.filter(priority=queue.RENEWAL).first() if channel else None


def _trouble(stay: Enrollment | None, channel: Channel | None) -> str:
    if stay is None or stay.state == Enrollment.State.ENDED:
        return "It left management: nothing can be sent to it."
    if channel is None:
        return "It has begun to enroll and not finished: it sent no push token yet."
    return push_trouble(channel)


def push_trouble(channel: Channel) -> str:
    """Return why Apple cannot be asked to wake the channel; '' if it can."""
    if not channel.push_token:
        return "It has sent no push token yet, so it cannot be woken."
    if channel.push_dead:
        return (
            "Apple says its push token is dead: it was erased, left, or is long "
            "offline. If it comes back by itself, it sends another."
        )
    return ""


def _buttons(
    device: Device, channel: Channel | None, user: Any
) -> dict[str, list[Button]]:
    buttons = [_button(device, channel, user, name) for name in words.FREQUENT]
    return {
        "possible": [button for button in buttons if not button.refused],
        "impossible": [button for button in buttons if button.refused],
    }


def _button(
    device: Device, channel: Channel | None, user: Any, request_type: str
) -> Button:
    path = reverse("admin:commands_command_order_form", args=[request_type])
    return Button(
        title=words.title(request_type),
        url=f"{path}?ids={device.pk}",
        refused=_refusal(channel, user, request_type),
        destructive=destructive.is_destructive(request_type),
    )


def _refusal(channel: Channel | None, user: Any, request_type: str) -> str:
    if channel is None:
        return orders.NOT_ENROLLED
    return (
        destructive.refusal(user, request_type)
        or orders.refusal(channel, request_type)
        or filled.missing(channel, request_type)
    )


# --- Tabs


def _answer(device: Device, request_type: str) -> Inventory | None:
    return Inventory.objects.filter(device=device, request_type=request_type).first()


def _overview(device: Device) -> dict[str, Any]:
    rows = _deliveries(device)[:LATEST]
    return {
        "latest": [(row, live.state_cell(row)) for row in rows],
        "information": _answer(device, "DeviceInformation"),
    }


def _deliveries(device: Device) -> Any:
    rows = Delivery.objects.filter(channel__enrollment__device=device)
    joined = rows.select_related("command__ordered_by", "channel").order_by("-pk")
    return joined.defer("command__keys_plist")


def _commands(device: Device) -> dict[str, Any]:
    rows = _deliveries(device)[:SHOWN]
    return {"rows": [(row, live.state_cell(row)) for row in rows]}


def _listed(request_type: str, sort_by: str) -> Callable[[Device], dict[str, Any]]:
    """Return the tab of a list that the device sent, sorted by one of its keys."""

    def gather(device: Device) -> dict[str, Any]:
        found = _answer(device, request_type)
        items = found.answer if found and isinstance(found.answer, list) else []
        rows = [item for item in items if isinstance(item, Mapping)]
        rows.sort(key=lambda item: str(item.get(sort_by, "")).lower())
        return {"answer": found, "items": rows}

    return gather


def _certificates(device: Device) -> dict[str, Any]:
    gathered = _listed("CertificateList", "CommonName")(device)
    now = timezone.now()
    for item in gathered["items"]:
        moment = parse_datetime(str(item.get("NotAfter") or ""))
        item["expires"] = moment
        item["is_expired"] = moment is not None and moment <= now
    return gathered


def _security(device: Device) -> dict[str, Any]:
    found = _answer(device, "SecurityInfo")
    said = answers.hide(found.answer) if found else {}
    return {"answer": found, "facts": flat(said)}


def flat(value: Any, path: str = "") -> list[tuple[str, str]]:
    """Return a dictionary as pairs, nested keys as ``outer › inner``."""
    pairs: list[tuple[str, str]] = []
    for name, item in value.items() if isinstance(value, Mapping) else ():
        where = f"{path} › {name}" if path else str(name)
        if isinstance(item, Mapping):
            pairs += flat(item, where)
        else:
            pairs.append((where, _said(item)))
    return pairs


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_said(item) for item in value) or "none"
    return str(value)


TAB_CONTEXT: Mapping[str, Callable[[Device], dict[str, Any]]] = {
    "overview": _overview,
    "apps": _listed("InstalledApplicationList", "Name"),
    "profiles": _listed("ProfileList", "PayloadDisplayName"),
    "certificates": _certificates,
    "security": _security,
    "commands": _commands,
}
"""What each tab needs beyond what the page's head has."""
