"""An order to the whole fleet: drafted, confirmed, written, watched and cancelled."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from commands import ordering, progress, queue
from commands.models import Delivery, Order
from commands.ordering import cancelling, writing
from commands.targets import Targets
from devices.models import Device

QUERY = {"Queries": ["OSVersion", "DeviceName"]}
HOUR = 3600


@dataclass(frozen=True)
class Step:
    """What one step took, and how many statements it may take at most."""

    name: str
    statements: int
    seconds: float
    most: int


def steps() -> Iterator[Step]:
    """Order something to all devices, and yield what each step took."""
    targets = Targets(Device.objects.all(), label="All devices")
    draft, step = _timed(
        lambda: ordering.draft(
            targets, "DeviceInformation", QUERY, by=None, spread=HOUR
        )
    )
    yield step(f"drafted for {draft.total:,} devices", 8)
    _, step = _timed(lambda: ordering.confirm(draft, None))
    yield step("confirmed", 8)
    _, step = _timed(writing._take_one)
    yield step(f"a batch of {queue.BATCH:,} written", 40)
    batches = -(-draft.total // queue.BATCH)
    _, step = _timed(_write_all)
    yield step("the other batches written", 40 * batches)
    order = Order.objects.get(pk=draft.pk)
    if order.state != Order.State.DONE:
        raise RuntimeError(f"the order is {order.state}, not written")
    _, step = _timed(lambda: progress.of_order(order))
    yield step("its progress", 1)
    cancelled, step = _timed(lambda: ordering.cancel(order, None))
    yield step(f"{cancelled.unsent:,} cancelled", 30 + 4 * order.total // 5000)
    if Delivery.objects.filter(command__order=order, state="queued").exists():
        raise RuntimeError(f"not all are cancelled in batches of {cancelling.BATCH}")


def _write_all() -> None:
    while Order.objects.filter(next_at__isnull=False).exists():
        ordering.run_due()


def _timed(do: Callable[[], Any]) -> tuple[Any, Callable[[str, int], Step]]:
    """Return what ``do`` returns, and what makes a step of what it took."""
    with CaptureQueriesContext(connection) as captured:
        start = time.perf_counter()
        found = do()
        seconds = time.perf_counter() - start
        count = len(captured)
    return found, lambda name, most: Step(name, count, seconds, most)
