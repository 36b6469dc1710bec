"""Several workers at once: each answer is read, each device asked, once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from commands import queue, results, schedule
from commands.models import Delivery, Result
from commands.results import followups
from devices.models import Application, Channel, InstalledApplication

from .answering import enrolled, said
from .test_inventory_asked import due
from .test_inventory_software import LIST, apps

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        "connection.vendor != 'postgresql'", reason="SQLite has one who writes"
    ),
]

WORKERS = 4


def at_once(work: Callable[[Any], object], share: list[Any]) -> None:
    """Do ``work`` with each of ``share`` in a thread and a connection of its own."""

    def run(one: Any) -> object:
        try:
            return work(one)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(share)) as pool:
        list(pool.map(run, share))


def read_one(pk: int) -> None:
    results._read(pk, followups.FollowUps())


def test_workers_that_meet_new_applications_together_write_them_once() -> None:
    fleet: list[Channel] = [enrolled(number) for number in range(12)]
    for number, channel in enumerate(fleet):
        numbers = list(range(30))
        said(channel, LIST, apps(*(numbers if number % 2 else reversed(numbers))))
    ids = list(Result.objects.order_by("pk").values_list("pk", flat=True))

    def read(offset: int) -> None:
        for pk in ids[offset::WORKERS]:
            read_one(pk)

    at_once(read, list(range(WORKERS)))
    assert results.read_waiting() == 0
    assert not Result.objects.exclude(problem="").exists()
    assert Application.objects.count() == 30
    assert InstalledApplication.objects.count() == 12 * 30


def test_answers_of_one_kind_of_one_device_take_turns() -> None:
    phone = enrolled()
    for count in (1, 2, 3, 4):
        said(phone, LIST, apps(*range(count)))
    ids = list(Result.objects.order_by("pk").values_list("pk", flat=True))
    at_once(read_one, ids)
    assert not Result.objects.exclude(problem="").exists()
    assert InstalledApplication.objects.count() == 4, "the newest counts"


def test_workers_that_ask_together_ask_each_device_once() -> None:
    fleet = [enrolled(number) for number in range(40)]
    due(*fleet)
    at_once(lambda _: schedule.ask_due(), list(range(WORKERS)))
    asked = Delivery.objects.filter(command__request_type="SecurityInfo")
    assert asked.count() == len(fleet)
    assert {one.priority for one in asked} == {queue.SCHEDULED}
