"""Orders by the calendar: when they come, and in whose name."""

import datetime as dt
from typing import Any

import pytest

from commands import ordering
from commands.models import ApprovalRule, Delivery, Order, RecurringOrder
from devices.models import DeviceGroup
from mdmportal.protocol import plist

from .answering import enrolled
from .ordered import DESTROYS, RIGHTS, Clock, clock, fleet, fresh, ids, told, who

__all__ = ["clock"]

S = Order.State


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def recurring(**columns: Any) -> RecurringOrder:
    values: dict[str, Any] = {
        "name": "Nightly",
        "request_type": "ProfileList",
        "keys_plist": plist.dumps({}),
        "days": [0, 1, 2, 3, 4, 5, 6],
        "at": dt.time(3),
        "time_zone": "Europe/Berlin",
        **columns,
    }
    return RecurringOrder(**values)


@pytest.mark.parametrize(
    ("columns", "after", "at"),
    [
        ({}, "2026-03-02 01:59", "2026-03-02 02:00"),
        ({}, "2026-03-02 02:00", "2026-03-03 02:00"),
        ({"days": [4]}, "2026-03-02 12:00", "2026-03-06 02:00"),
        ({"days": [], "day": 15}, "2026-03-02 12:00", "2026-03-15 02:00"),
        ({"days": [], "day": 31}, "2026-02-02 12:00", "2026-02-28 02:00"),
        ({"days": [], "day": 31}, "2026-02-28 02:00", "2026-03-31 01:00"),
        # Clocks jump from 2:00 to 3:00; in autumn 2:30 comes twice, and counts once.
        ({"at": dt.time(2, 30)}, "2026-03-28 12:00", "2026-03-29 01:00"),
        ({"at": dt.time(2, 30)}, "2026-10-24 12:00", "2026-10-25 00:30"),
        ({"at": dt.time(2, 30)}, "2026-10-25 00:30", "2026-10-26 01:30"),
        ({"time_zone": "Asia/Tokyo"}, "2026-03-02 12:00", "2026-03-02 18:00"),
        ({"time_zone": "Mars/Olympus"}, "2026-03-02 12:00", "2026-03-03 03:00"),
    ],
)
def test_it_comes_by_the_clock_of_its_zone(
    columns: dict[str, Any], after: str, at: str, settings: Any
) -> None:
    settings.TIME_ZONE = "UTC"
    assert ordering.next_time(recurring(**columns), utc(after)) == utc(at)


def test_without_days_it_never_comes() -> None:
    never = recurring(days=[], day=None)
    assert ordering.next_time(never, utc("2026-03-02 12:00")) is None


@pytest.fixture
def nightly(db: None, clock: Clock) -> RecurringOrder:
    """At two in the morning, UTC, to the group of two devices."""
    chosen, _ = fleet(2), enrolled(7)
    group = DeviceGroup.objects.create(name="Sales")
    group.devices.set(one.enrollment.device for one in chosen)
    made = recurring(group=group, ordered_by=who("ada", *RIGHTS), note="at night")
    made.save()
    assert ordering.run_recurring() == 0
    made.refresh_from_db()
    assert made.next_at == utc("2026-03-03 02:00")
    return made


def run(clock: Clock, now: str) -> int:
    clock.to(now)
    return ordering.run_recurring()


def test_whoever_is_in_the_group_then_gets_it(
    nightly: RecurringOrder, clock: Clock
) -> None:
    assert run(clock, "2026-03-03 01:59") == 0
    late = enrolled(5)
    assert nightly.group is not None
    nightly.group.devices.add(late.enrollment.device)
    assert run(clock, "2026-03-03 02:00:10") == 1
    made = Order.objects.get()
    assert len(told(made)) == 3
    assert late.pk in told(made)
    assert (made.ordered_by, made.recurring) == (nightly.ordered_by, nightly)
    assert (made.audience, made.note) == ("Group Sales", "at night")
    assert made.expires_at == utc("2026-03-04 02:00"), "before it comes again"
    assert ordering.run_recurring() == 0


def test_times_that_were_missed_are_made_up_for_once(
    nightly: RecurringOrder, clock: Clock
) -> None:
    assert run(clock, "2026-03-09 12:00") == 1
    nightly.refresh_from_db()
    assert (nightly.next_at, nightly.trouble) == (utc("2026-03-10 02:00"), "")
    assert ordering.run_recurring() == 0
    assert Order.objects.count() == 1


def test_it_ends_with_the_account_that_it_orders_for(
    nightly: RecurringOrder, clock: Clock
) -> None:
    ada = nightly.ordered_by
    assert ada is not None
    ada.user_permissions.clear()
    assert run(clock, "2026-03-03 02:00") == 0
    assert "may not order" in trouble(nightly)
    ada.is_active = False
    ada.save()
    assert run(clock, "2026-03-04 02:00") == 0
    assert "switched off" in trouble(nightly)
    ada.delete()
    assert run(clock, "2026-03-05 02:00") == 0
    assert "is gone" in trouble(nightly)
    assert not Order.objects.exists()


def trouble(recurring: RecurringOrder) -> str:
    return RecurringOrder.objects.get(pk=recurring.pk).trouble


def test_an_empty_group_is_said_and_nothing_is_ordered(
    nightly: RecurringOrder, clock: Clock
) -> None:
    assert nightly.group is not None
    nightly.group.devices.clear()
    assert run(clock, "2026-03-03 02:00") == 0
    assert "no device" in trouble(nightly)
    assert not Order.objects.exists()


def test_what_is_switched_off_does_not_come(
    nightly: RecurringOrder, clock: Clock
) -> None:
    RecurringOrder.objects.update(is_enabled=False)
    assert run(clock, "2026-03-03 02:00") == 0
    assert not Order.objects.exists()


def test_nothing_is_ever_erased_by_the_calendar(
    nightly: RecurringOrder, clock: Clock
) -> None:
    RecurringOrder.objects.update(
        request_type="EraseDevice", ordered_by=who("eve", *DESTROYS)
    )
    assert run(clock, "2026-03-03 02:00") == 0
    assert "never" in trouble(nightly)
    assert not Order.objects.exists()


@pytest.mark.django_db
def test_each_time_a_second_person_must_approve_what_a_rule_is_about(
    clock: Clock,
) -> None:
    ApprovalRule.objects.create()
    channels = fleet(2)
    made = recurring(
        request_type="RestartDevice",
        ordered_by=who("ada", *DESTROYS),
        expires_after=3600,
        next_at=clock.now,
    )
    made.save()
    assert ordering.run_recurring() == 1
    restart = Order.objects.get()
    assert restart.state == S.AWAITING
    assert not Delivery.objects.exists()
    clock.forward(minutes=61)
    ordering.run_due()
    assert fresh(restart).state == S.REJECTED
    assert ids(channels)
    assert told(restart) == []
