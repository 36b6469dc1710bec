"""Facts: what is known of a device and its case, gathered for all of them at once."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db.models import Q, prefetch_related_objects

from devices.models import (
    AuditEntry,
    Channel,
    Device,
    Enrollment,
    Inventory,
    Location,
    Secret,
    present_stay,
)

from ..models import OPEN, Case, Command, Delivery, Order, Recipient
from ..queue import SCHEDULED
from . import marks
from .kinds import Kind, kind_of

MOST = 500
"""Rows of each table that are looked at."""

NOT_WRITTEN = (Order.State.AWAITING, Order.State.RUNNING, Order.State.PAUSED)
"""Orders that are confirmed while some of their deliveries are not there yet."""

KEPT = (
    Secret.Kind.BYPASS_CODE,
    Secret.Kind.FILEVAULT_KEY,
    Secret.Kind.RECOVERY_LOCK,
    Secret.Kind.FIRMWARE_PASSWORD,
    Secret.Kind.LOCK_PIN,
)


@dataclass(frozen=True)
class Facts:
    """A device, and what happened to it since its case was opened, newest first."""

    device: Device
    stay: Enrollment | None = None
    channel: Channel | None = None
    case: Case | None = None
    deliveries: Sequence[Delivery] = ()
    orders: Sequence[Order] = ()
    """Those that wait: for approval, or to be written."""
    entries: Sequence[AuditEntry] = ()
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    """The newest version that counts or may, by kind."""
    location: Location | None = None
    information: Mapping[str, Any] = field(default_factory=dict)
    """What a Mac last answered to DeviceInformation."""
    removals: frozenset[int] = frozenset()
    """Commands that remove the profile it is enrolled with."""

    @cached_property
    def kind(self) -> Kind:
        return kind_of(self.device, self.stay)

    @property
    def is_enrolled(self) -> bool:
        return self.channel is not None

    @property
    def is_back(self) -> bool:
        """Whether it has enrolled again since the case was opened."""
        return bool(
            self.case
            and self.stay
            and self.stay.state == Enrollment.State.ACTIVE
            and self.stay.opened_at > self.case.opened_at
        )

    @property
    def erasing(self) -> Delivery | Order | None:
        """What is to erase it, while that is under way."""
        return self.open_delivery("EraseDevice") or self.waiting("EraseDevice")

    def open_delivery(self, request_type: str) -> Delivery | None:
        mine = (each for each in self.deliveries if each.is_open)
        return next(
            (each for each in mine if each.command.request_type == request_type), None
        )

    def waiting(self, request_type: str) -> Order | None:
        mine = (each for each in self.orders if each.request_type == request_type)
        return next(mine, None)

    def is_of_stay(self, delivery: Delivery) -> bool:
        return self.stay is not None and delivery.channel.enrollment_id == self.stay.pk

    def mark(self, step: str) -> AuditEntry | None:
        """Return the newest entry by which somebody said how a step stands."""
        mine = (each for each in self.entries if each.details.get("step") == step)
        return next(mine, None)


def of(device: Device, case: Case | None) -> Facts:
    return gather([device], [case] if case else ())[0]


def gather(devices: Sequence[Device], cases: Iterable[Case]) -> list[Facts]:
    """Return the facts of each device; the statements do not grow with them."""
    ids = [device.pk for device in devices]
    mine = {case.device_id: case for case in cases}
    stays = _stays(devices)
    channels = _channels(stays.values())
    living = [pk for pk in ids if pk not in mine or mine[pk].is_open]
    deliveries = _deliveries(mine.values(), living)
    orders = _orders(living)
    entries = _entries(mine.values())
    secrets = _secrets(ids)
    places = _locations(mine.values())
    information = _information(devices)
    removals = _removals(stays.values(), deliveries)
    prefetch_related_objects(list(devices), "tags")
    return [
        Facts(
            device=device,
            stay=stays.get(device.pk),
            channel=channels.get(device.pk),
            case=mine.get(device.pk),
            deliveries=deliveries.get(device.pk, ()),
            orders=orders.get(device.pk, ()),
            entries=entries.get(device.pk, ()),
            secrets=secrets.get(device.pk, {}),
            location=places.get(device.pk),
            information=information.get(device.pk, {}),
            removals=removals,
        )
        for device in devices
    ]


def _stays(devices: Sequence[Device]) -> dict[int, Enrollment]:
    by_device: dict[int, list[Enrollment]] = defaultdict(list)
    rows = Enrollment.objects.filter(device__in=devices)
    for stay in rows.order_by("-opened_at", "-pk")[:MOST]:
        by_device[stay.device_id].append(stay)
    found: dict[int, Enrollment] = {}
    for device in devices:
        present = present_stay(by_device[device.pk])
        if present:
            present.device = device
            found[device.pk] = present
    return found


def _channels(stays: Collection[Enrollment]) -> dict[int, Channel]:
    """Return the device channels of those that are enrolled, by device."""
    active = {one.pk: one for one in stays if one.state == Enrollment.State.ACTIVE}
    found: dict[int, Channel] = {}
    for channel in Channel.objects.filter(enrollment__in=active, user_id=""):
        channel.enrollment = active[channel.enrollment_id]
        found[channel.enrollment.device_id] = channel
    return found


def _since(cases: Collection[Case], device: str, at: str) -> Q:
    """Return the condition for rows of these devices since their cases were opened."""
    where = Q(pk__in=[])
    for case in cases:
        during = Q(**{device: case.device_id, f"{at}__gte": case.opened_at})
        where |= during & _until(at, case.closed_at)
    return where


def _until(at: str, closed_at: dt.datetime | None) -> Q:
    return Q(**{f"{at}__lte": closed_at}) if closed_at else Q()


def _deliveries(
    cases: Collection[Case], living: Collection[int]
) -> dict[int, list[Delivery]]:
    """Return what was ordered since, and of the ``living`` what is under way."""
    path = "channel__enrollment__device"
    under_way = Q(**{f"{path}__in": living, "state__in": OPEN})
    rows = Delivery.objects.filter(_since(cases, path, "queued_at") | under_way)
    rows = rows.exclude(priority=SCHEDULED).defer("command__keys_plist")
    rows = rows.select_related("command__ordered_by", "channel__enrollment")
    found: dict[int, list[Delivery]] = defaultdict(list)
    for row in rows.order_by("-pk")[:MOST]:
        found[row.channel.enrollment.device_id].append(row)
    return found


def _orders(ids: Collection[int]) -> dict[int, list[Order]]:
    rows = Recipient.objects.filter(
        device__in=ids, state=Recipient.State.WAITING, order__state__in=NOT_WRITTEN
    )
    rows = rows.select_related("order__ordered_by").defer("order__keys_plist")
    found: dict[int, list[Order]] = defaultdict(list)
    for row in rows.order_by("-pk")[:MOST]:
        found[row.device_id].append(row.order)
    return found


def _entries(cases: Collection[Case]) -> dict[int, list[AuditEntry]]:
    rows = AuditEntry.objects.filter(_since(cases, "device", "at"))
    rows = rows.filter(action__in=marks.SHOWN)
    found: dict[int, list[AuditEntry]] = defaultdict(list)
    for row in rows.order_by("-pk")[:MOST]:
        assert row.device_id
        found[row.device_id].append(row)
    return found


def _secrets(ids: Collection[int]) -> dict[int, dict[str, Secret]]:
    rows = Secret.objects.filter(device__in=ids, kind__in=KEPT, replaced_at=None)
    found: dict[int, dict[str, Secret]] = defaultdict(dict)
    for row in rows.defer("value").order_by("-pk")[:MOST]:
        assert row.device_id
        found[row.device_id].setdefault(row.kind, row)
    return found


def _locations(cases: Collection[Case]) -> dict[int, Location]:
    rows = Location.objects.filter(_since(cases, "device", "received_at"))
    found: dict[int, Location] = {}
    for row in rows.order_by("-taken_at", "-pk")[:MOST]:
        found.setdefault(row.device_id, row)
    return found


def _information(devices: Sequence[Device]) -> dict[int, Mapping[str, Any]]:
    macs = [one.pk for one in devices if one.platform == Device.Platform.MACOS]
    if not macs:
        return {}
    rows = Inventory.objects.filter(
        device__in=macs, user_id="", request_type="DeviceInformation"
    )
    return {
        row.device_id: row.answer for row in rows if isinstance(row.answer, Mapping)
    }


def _removals(
    stays: Collection[Enrollment], deliveries: Mapping[int, Sequence[Delivery]]
) -> frozenset[int]:
    """Return which of the RemoveProfile among them end management."""
    own = {one.profile_identifier for one in stays if one.profile_identifier}
    ids = {
        each.command_id
        for rows in deliveries.values()
        for each in rows
        if each.command.request_type == "RemoveProfile"
    }
    if not ids:
        return frozenset()
    rows = Command.objects.filter(pk__in=ids)
    return frozenset(row.pk for row in rows if row.keys.get("Identifier") in own)
