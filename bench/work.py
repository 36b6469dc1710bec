"""The work behind the pages: what becomes of answers, and of groups that follow."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commands.models import Command, Delivery, State
from commands.results import software
from commands.results.said import Said
from devices import groups
from devices.models import Channel, Device, DeviceGroup, InstalledApplication
from mdmportal.protocol import plist

REGROUPED = 500


@dataclass(frozen=True)
class Job:
    """Some work, prepared by ``begin``: how many statements it may take at most."""

    name: str
    begin: Callable[[], Callable[[], Any]]
    most: int


def _regroup() -> Callable[[], Any]:
    Device.regroup(
        Device.objects.order_by("pk").values_list("pk", flat=True)[:REGROUPED]
    )
    return groups.regroup


def _sweep() -> Callable[[], Any]:
    """Settle a smart group whose rows are all gone on all devices."""
    group = DeviceGroup.objects.get(name="Could update")
    DeviceGroup.devices.through.objects.filter(devicegroup=group).delete()
    return lambda: groups.sweep_one(group.pk)


def _delivery() -> Delivery:
    """Return one that asked the first device for its applications, answered."""
    channel = (
        Channel.objects.filter(user_id="", enrollment__state="active")
        .select_related("enrollment__device")
        .order_by("pk")[0]
    )
    command = Command.objects.create(
        request_type=software.LIST, keys_plist=plist.dumps({})
    )
    return Delivery.objects.create(
        command=command, channel=channel, state=State.ACKNOWLEDGED
    )


def _items(device: Device) -> list[dict[str, Any]]:
    rows = InstalledApplication.objects.filter(device=device)
    return list(rows.order_by("pk").values_list("application__facts", flat=True))


def _refresh(change: int) -> Callable[[], Callable[[], Any]]:
    """Return the reading of a list of which ``change`` applications are other ones."""

    def begin() -> Callable[[], Any]:
        delivery = _delivery()
        items = _items(delivery.channel.enrollment.device)
        _read(delivery, items)
        others = [{**each, "Version": "new"} for each in items[:change]]
        return lambda: _read(delivery, [*others, *items[change:]])

    return begin


@transaction.atomic
def _read(delivery: Delivery, items: list[dict[str, Any]]) -> None:
    software.read(Said(delivery, {software.LIST: items}, timezone.now()))


JOBS = (
    Job(f"{REGROUPED} devices regrouped", _regroup, 200),
    Job("a smart group settled on all devices", _sweep, 20),
    Job("a device's applications, unchanged", _refresh(0), 10),
    Job("a device's applications, three changed", _refresh(3), 16),
)


def do(job: Job) -> tuple[int, float]:
    """Return the statements, and the seconds, that a job takes."""
    run = job.begin()
    with CaptureQueriesContext(connection) as captured:
        start = time.perf_counter()
        run()
        seconds = time.perf_counter() - start
        return len(captured), seconds
