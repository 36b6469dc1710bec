"""Own devices: what a person sees of the devices they own, and may order for them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet

from commands import availability, checking, orders, queue
from commands.models import Delivery, State
from devices.models import AuditEntry, Channel, Device, Enrollment, User

from ..models import Challenge, EnrollmentProfile

SHOWN = 50
NOTE = "by its owner, on “my devices”"
LOST, FOUND = "EnableLostMode", "DisableLostMode"


@dataclass(frozen=True)
class Own:
    """A device, its stay, what it enrolled by, and what its owner ordered last."""

    device: Device
    stay: Enrollment | None = None
    channel: Channel | None = None
    way: EnrollmentProfile | None = None
    ordered: Sequence[Delivery] = field(default_factory=tuple)

    @property
    def is_enrolled(self) -> bool:
        return self.stay is not None and self.stay.state == Enrollment.State.ACTIVE

    @property
    def is_mac(self) -> bool:
        return self.device.platform == Device.Platform.MACOS

    @property
    def is_own(self) -> bool:
        """Whether it is the person's own, of which IT manages the work side alone."""
        return self.stay is not None and self.stay.mode == Enrollment.Mode.USER

    @property
    def identifier(self) -> str:
        """What ends management when it is removed; '' if it is not known."""
        told = self.stay.profile_identifier if self.stay else ""
        return told or (self.way.profile_identifier if self.way else "")

    @property
    def is_lost(self) -> bool:
        """Whether its owner put it into Lost Mode and did not end that."""
        told = [
            each.command.request_type
            for each in self.ordered
            if each.command.request_type in (LOST, FOUND)
            and (each.is_open or each.state == State.ACKNOWLEDGED)
        ]
        return bool(told) and told[0] == LOST

    @property
    def latest(self) -> str:
        """What became of the newest order, in words; '' if there is none."""
        if not self.ordered:
            return ""
        newest = self.ordered[0]
        title = TITLES.get(newest.command.request_type, newest.command.request_type)
        if newest.is_open:
            return f"{title}: waiting for the device to answer"
        if newest.state == State.ACKNOWLEDGED:
            return f"{title}: done"
        return f"{title}: it did not work. {newest.error}".strip()

    @property
    def actions(self) -> list["Action"]:
        return [action for action in ACTIONS.values() if action.offered(self)]


# --- What may be ordered


@dataclass(frozen=True)
class Action:
    """``allowed`` says whether the way lets owners do it, and the device can."""

    name: str
    title: str
    icon: str
    request_type: str
    allowed: Callable[[Own], bool]

    def offered(self, own: Own) -> bool:
        return own.is_enrolled and own.channel is not None and self.allowed(own)


def _can(own: Own, request_type: str) -> bool:
    assert own.channel
    return not availability.refusal(own.channel, request_type)


def _may_lock(own: Own) -> bool:
    return own.way is not None and own.way.owner_may_lock


ACTIONS: Mapping[str, Action] = {
    action.name: action
    for action in (
        Action(
            "lock",
            "Lock",
            "lock",
            "DeviceLock",
            lambda own: _may_lock(own) and _can(own, "DeviceLock"),
        ),
        Action(
            "lost",
            "Lost",
            "wrong_location",
            LOST,
            # Only what is known to be supervised has it; elsewhere it would fail.
            lambda own: (
                _may_lock(own)
                and not own.is_lost
                and bool(own.device.is_supervised)
                and _can(own, LOST)
            ),
        ),
        Action(
            "found",
            "Found",
            "where_to_vote",
            FOUND,
            lambda own: _may_lock(own) and own.is_lost and _can(own, FOUND),
        ),
        Action(
            "remove",
            "Remove",
            "logout",
            "RemoveProfile",
            lambda own: (
                own.way is not None
                and own.way.owner_may_remove
                and bool(own.identifier)
            ),
        ),
    )
}
TITLES = {action.request_type: action.title for action in ACTIONS.values()}


def order(own: Own, action: Action, keys: Mapping[str, Any], by: User) -> None:
    """Order it as the owner. checking.Invalid, or orders.Refused if it cannot be."""
    assert own.channel
    if action.name == "remove":
        _remove(own, by)
        return
    given = {name: value for name, value in keys.items() if value}
    placed = orders.place([own.channel], action.request_type, given, by=by, note=NOTE)
    if placed.refused:
        raise orders.Refused(placed.refused[0][1])


def _remove(own: Own, by: User) -> None:
    """Removing its own profile is a server's right, whatever it asked for.

    So it is queued without looking at AccessRights.
    """
    assert own.channel
    keys = {"Identifier": own.identifier}
    checking.check("RemoveProfile", keys)
    queue.enqueue([own.channel.pk], "RemoveProfile", keys, ordered_by=by, note=NOTE)
    AuditEntry.write(by, "ordered RemoveProfile", own.device, channels=1)


# --- What there is


def of(user: User) -> list[Own]:
    """Return the person's devices by name, those that are enrolled first; 5 queries."""
    found = _gather(Device.objects.filter(owner=user).order_by("name", "pk"), user)
    return sorted(found, key=lambda own: not own.is_enrolled)


def one(user: User, pk: int) -> Own | None:
    """Return this device if it is the person's own, else None."""
    return next(iter(_gather(Device.objects.filter(owner=user, pk=pk), user)), None)


def _gather(devices: QuerySet[Device], user: User) -> list[Own]:
    rows = list(devices[:SHOWN])
    stays = _stays(rows, user)
    channels = {
        channel.enrollment_id: channel
        for channel in Channel.objects.filter(enrollment__in=stays.values(), user_id="")
    }
    challenges = Challenge.objects.filter(identity__enrollment__in=stays.values())
    ways = {
        challenge.identity.enrollment_id: challenge.way
        for challenge in challenges.select_related("way", "identity").order_by("-pk")
        if challenge.identity
    }
    ordered = _ordered(channels.values(), user)
    return [
        _own(device, stays.get(device.pk), channels, ways, ordered) for device in rows
    ]


def _own(
    device: Device,
    stay: Enrollment | None,
    channels: Mapping[int, Channel],
    ways: Mapping[int | None, EnrollmentProfile],
    ordered: Mapping[int, list[Delivery]],
) -> Own:
    if stay is None:
        return Own(device)
    stay.device = device
    channel = channels.get(stay.pk)
    if channel:
        channel.enrollment = stay
    told = ordered.get(channel.pk, []) if channel else []
    return Own(device, stay, channel, ways.get(stay.pk), told)


def _stays(devices: Sequence[Device], user: User) -> dict[int, Enrollment]:
    """Return each device's stay: the active one, else the newest that is not another's.

    Of a stay that is held for review, because somebody else claims the device, its
    owner is told nothing here: IT is.
    """
    found = Enrollment.objects.filter(device__in=devices).order_by("opened_at", "pk")
    stays: dict[int, Enrollment] = {}
    for stay in found:
        known = stays.get(stay.device_id)
        if known is not None and known.state == Enrollment.State.ACTIVE:
            continue
        active = stay.state == Enrollment.State.ACTIVE
        if active or stay.owner_id in (None, user.pk):
            stays[stay.device_id] = stay
    return stays


def _ordered(channels: Any, user: User) -> dict[int, list[Delivery]]:
    """Return what the person ordered on each channel, the newest first."""
    rows = Delivery.objects.filter(
        channel__in=list(channels),
        command__ordered_by=user,
        command__request_type__in=TITLES,
    )
    joined = rows.select_related("command").defer("command__keys_plist")
    found: dict[int, list[Delivery]] = {}
    for delivery in joined.order_by("-pk")[: SHOWN * 4]:
        found.setdefault(delivery.channel_id, []).append(delivery)
    return found
