"""Intervals: how often devices are asked what they are, by their groups' schedules."""

import datetime as dt
import random
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone

from devices.models import Channel, DeviceGroup, InventorySchedule

JITTER = 0.1
"""The share of the interval by which devices drift apart, to either side."""

USED = 0.8
"""The share of the interval in which scheduled queries can be sent."""


@dataclass(frozen=True)
class Plan:
    """How often, and what: () for all queries."""

    every: dt.timedelta
    queries: tuple[str, ...] = ()

    def next(self) -> dt.datetime:
        """Return when to ask next, a little sooner or later than the interval."""
        return timezone.now() + self.every * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311

    @property
    def expires_at(self) -> dt.datetime:
        return timezone.now() + self.every * USED


def default() -> Plan:
    """Return the plan of devices that no group's schedule is for."""
    row = InventorySchedule.objects.filter(group=None).first()
    return plan_of(row) if row else Plan(dt.timedelta(hours=settings.INVENTORY_EVERY))


def plan_of(row: InventorySchedule) -> Plan:
    every = dt.timedelta(hours=max(row.every_hours, 1))
    return Plan(every, tuple(map(str, row.queries)))


def plans_of(devices: Iterable[int]) -> Mapping[int, Plan]:
    """Return the plan of each device: the shortest of its groups', or the default."""
    ids = set(devices)
    found = dict.fromkeys(ids, default())
    rows = InventorySchedule.objects.exclude(group=None).order_by("-every_hours", "pk")
    for row in rows:  # the shortest comes last and stays
        plan = plan_of(row)
        members = DeviceGroup.devices.through.objects.filter(
            devicegroup=row.group_id, device__in=ids
        )
        found |= dict.fromkeys(members.values_list("device", flat=True), plan)
    return found


def set_due(channels: Collection[int]) -> None:
    """Write down when these channels, just asked, are to be asked again."""
    rows = Channel.objects.filter(pk__in=channels)
    of_device = dict(rows.values_list("pk", "enrollment__device"))
    plans = plans_of(of_device.values())
    move({pk: plans[device] for pk, device in of_device.items()})


def move(plans: Mapping[int, Plan]) -> None:
    """Move the channels with these ids on, to when they are to be asked next."""
    rows = [Channel(pk=pk, inventory_due_at=plans[pk].next()) for pk in sorted(plans)]
    if rows:
        Channel.objects.bulk_update(rows, ["inventory_due_at"])
