"""Ordered: people who may order, fleets as rows, and a clock that is moved on."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from commands import ordering
from commands.models import Delivery, Order, State
from commands.targets import Targets
from devices.models import Channel, Device, Enrollment, User

from .conftest import TOPIC

RIGHTS = ("add_command", "view_command")
DESTROYS = (*RIGHTS, "order_destructive", "erase_device")


class Clock:
    """Stands still until it is moved."""

    def __init__(self, now: str) -> None:
        self.now = dt.datetime.fromisoformat(now).replace(tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        return self.now

    def to(self, now: str) -> None:
        self.now = dt.datetime.fromisoformat(now).replace(tzinfo=dt.UTC)

    def forward(self, **span: float) -> None:
        self.now += dt.timedelta(**span)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock("2026-03-02 12:00")
    monkeypatch.setattr(timezone, "now", clock)
    return clock


def who(name: str, *rights: str, **columns: Any) -> User:
    user = User.objects.create_user(name, **columns)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return user


def fleet(count: int) -> list[Channel]:
    """Return the device channels of so many enrolled iPhones."""
    devices = Device.objects.bulk_create(
        Device(udid=f"UDID-{number:06}", platform="iOS", os_version="17.6")
        for number in range(count)
    )
    stays = Enrollment.objects.bulk_create(
        Enrollment(device=one, state="active", topic=TOPIC, access_rights=8191)
        for one in devices
    )
    return Channel.objects.bulk_create(
        Channel(enrollment=stay, push_token="ab", push_magic="magic") for stay in stays
    )


def everybody(label: str = "") -> Targets:
    return Targets(Device.objects.all(), label=label)


def order(request_type: str = "DeviceInformation", **wanted: Any) -> Order:
    """Return an order to everybody, confirmed; of the portal unless ``by`` is said."""
    keys = wanted.pop("keys", None)
    if request_type == "DeviceInformation":
        keys = keys or {"Queries": ["OSVersion"]}
    targets = wanted.pop("targets", None) or everybody()
    by = wanted.pop("by", None)
    return ordering.order(targets, request_type, keys, by=by, **wanted)


def settle(order: Order, state: str, *channels: Channel, last: int = 0) -> None:
    """Have deliveries of the order end in a state: of all, of some, or the ``last``."""
    rows = Delivery.objects.filter(command__order=order)
    if channels:
        rows = rows.filter(channel__in=channels)
    if last:
        newest = rows.order_by("-pk").values_list("pk", flat=True)[:last]
        rows = rows.filter(pk__in=list(newest))
    now = timezone.now()
    is_open = state in (State.SENT, State.POSTPONED)
    rows.update(state=state, attempts=1, settled_at=None if is_open else now)


def told(order: Order) -> list[int]:
    """Return the channels that something of the order is queued for, or was."""
    rows = Delivery.objects.filter(command__order=order).order_by("channel", "pk")
    return list(rows.values_list("channel", flat=True))


def ids(channels: Iterable[Channel]) -> list[int]:
    return sorted(channel.pk for channel in channels)


def fresh(order: Order) -> Order:
    return Order.objects.get(pk=order.pk)


__all__ = ["clock"]
