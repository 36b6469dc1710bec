"""Several workers, people and devices at once: no recipient gets an order twice."""

import threading
import time
from collections import Counter
from typing import Any

import pytest
from django.db import connection

from commands import ordering, queue
from commands.models import Delivery, Order, Recipient, RecurringOrder, State
from commands.ordering import writing

from .ordered import Clock, clock, everybody, fleet, fresh, ids, order, told, who
from .test_inventory_at_once import WORKERS, at_once
from .test_ordering_recurring import recurring

__all__ = ["clock"]

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one who writes"
    ),
]


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "INLINE", 0)
    monkeypatch.setattr(queue, "BATCH", 5)


def test_workers_that_write_together_write_each_recipient_once() -> None:
    channels = fleet(20)
    orders = [order() for _ in range(2)]
    at_once(lambda _: ordering.run_due(), list(range(WORKERS)))
    ordering.run_due()
    for each in orders:
        assert told(each) == ids(channels)
        assert (fresh(each).queued, fresh(each).state) == (20, Order.State.DONE)


def test_two_who_confirm_at_once_order_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "INLINE", 500)
    channels = fleet(3)
    keys = {"Queries": ["OSVersion"]}
    draft = ordering.draft(everybody(), "DeviceInformation", keys, by=None)
    copies = [Order.objects.get(pk=draft.pk) for _ in range(WORKERS)]
    at_once(lambda copy: ordering.confirm(copy, None), copies)
    assert told(draft) == ids(channels)


def test_what_is_cancelled_while_it_is_written_is_all_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fleet(60)
    large = order()
    begun, write = threading.Event(), writing._write

    def slowly(*of_batch: Any) -> None:
        write(*of_batch)
        begun.set()
        time.sleep(0.05)

    def work(is_person: bool) -> None:
        if is_person:
            begun.wait(10)
            ordering.cancel(Order.objects.get(pk=large.pk), None)
        else:
            ordering.run_due()

    monkeypatch.setattr(writing, "_write", slowly)
    at_once(work, [False, True, False])
    ordering.run_due()
    assert fresh(large).state == Order.State.CANCELLED
    left = Counter(Recipient.objects.values_list("state", flat=True))
    assert 0 < left["queued"] == Delivery.objects.count() < 60
    assert left["cancelled"] == 60 - left["queued"]
    assert set(Delivery.objects.values_list("state", flat=True)) == {State.CANCELLED}


def test_workers_that_look_at_the_calendar_together_order_once(clock: Clock) -> None:
    fleet(2)
    ada = who("ada", "add_command")
    recurring(ordered_by=ada, next_at=clock.now).save()
    at_once(lambda _: ordering.run_recurring(), list(range(WORKERS)))
    assert Order.objects.count() == 1
    assert RecurringOrder.objects.get().trouble == ""
