"""When an order goes out: its start, its spread, its stages, its windows."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from commands import ordering, progress, queue
from commands.checking import Invalid
from commands.models import Delivery, Order, State
from commands.ordering import writing
from commands.ordering.windows import Window, moment
from devices.models import Channel

from .answering import enrolled
from .ordered import (
    DESTROYS,
    Clock,
    clock,
    fleet,
    fresh,
    ids,
    order,
    settle,
    told,
    who,
)

__all__ = ["clock"]

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
S = Order.State


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


# --- Clocks


NIGHT = {"days": [4], "from": "22:00", "until": "05:00"}
"""Fridays, into Saturday."""


@pytest.mark.parametrize(
    ("now", "closes", "opens"),
    [
        ("2026-03-06 20:59", None, "2026-03-06 21:00"),
        ("2026-03-06 21:00", "2026-03-07 04:00", "2026-03-13 21:00"),
        ("2026-03-07 03:59", "2026-03-07 04:00", "2026-03-13 21:00"),
        ("2026-03-07 04:00", None, "2026-03-13 21:00"),
        ("2026-03-07 22:00", None, "2026-03-13 21:00"),  # a Saturday: not its day
    ],
)
def test_a_window_over_midnight_belongs_to_the_day_it_begins_on(
    now: str, closes: str | None, opens: str
) -> None:
    window = Window.read(NIGHT)
    assert window.closes_at(utc(now), BERLIN) == (utc(closes) if closes else None)
    assert window.opens_at(utc(now), BERLIN) == utc(opens)


@pytest.mark.parametrize(
    ("day", "at", "is_at"),
    [
        ("2026-03-29", "01:59", "2026-03-29 00:59"),
        ("2026-03-29", "02:30", "2026-03-29 01:00"),  # skipped: when clocks jump
        ("2026-03-29", "03:00", "2026-03-29 01:00"),
        ("2026-10-25", "02:30", "2026-10-25 00:30"),  # twice: the first of both
        ("2026-10-25", "03:00", "2026-10-25 02:00"),
    ],
)
def test_clocks_that_are_changed(day: str, at: str, is_at: str) -> None:
    when = moment(dt.date.fromisoformat(day), dt.time.fromisoformat(at), BERLIN)
    assert when == utc(is_at)


def test_a_window_through_the_change_of_clocks_closes_by_the_clock() -> None:
    window = Window.read({"days": [5, 6], "from": "23:00", "until": "04:00"})
    assert window.closes_at(utc("2026-03-28 23:30"), BERLIN) == utc("2026-03-29 02:00")
    assert window.closes_at(utc("2026-10-24 23:30"), BERLIN) == utc("2026-10-25 03:00")


def test_a_window_that_clocks_jump_over_is_the_next_one() -> None:
    window = Window.read({"days": [6], "from": "02:10", "until": "02:50"})
    assert window.opens_at(utc("2026-03-28 12:00"), BERLIN) == utc("2026-04-05 00:10")


# --- Start and end


@pytest.mark.django_db
def test_an_order_begins_when_it_says(clock: Clock) -> None:
    enrolled()
    later = order(starts_at=utc("2026-03-02 18:00"))
    ordering.run_due()
    assert told(later) == []
    clock.to("2026-03-02 18:00")
    assert ordering.run_due() == 1
    assert fresh(later).state == S.DONE


@pytest.mark.django_db
def test_an_order_must_end_after_it_begins(clock: Clock) -> None:
    enrolled()
    for expires_at in ("2026-03-02 11:00", "2026-03-02 17:00"):
        with pytest.raises(Invalid, match="before it starts"):
            order(starts_at=utc("2026-03-02 18:00"), expires_at=utc(expires_at))


@pytest.mark.django_db
def test_what_expires_before_it_is_written_is_not_sent(clock: Clock) -> None:
    enrolled()
    ends = utc("2026-03-02 19:00")
    later = order(starts_at=utc("2026-03-02 18:00"), expires_at=ends)
    clock.to("2026-03-02 20:00")
    assert ordering.run_due() == 0
    assert (fresh(later).state, fresh(later).refused) == (S.DONE, 1)
    assert "expired" in later.recipients.get().reason


# --- Spread


@pytest.mark.django_db
def test_pushes_are_spread_over_the_time_that_was_chosen(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "INLINE", 0)
    monkeypatch.setattr(queue, "BATCH", 20)
    channels = fleet(40)
    soon = channels[0]
    Channel.objects.filter(pk=soon.pk).update(push_at=clock.now)
    order(spread=3600)
    ordering.run_due()
    rows = Channel.objects.order_by("pk").exclude(pk=soon.pk)
    waits = [(one.push_at - clock.now).total_seconds() for one in rows if one.push_at]
    assert len(waits) == 39
    first, second = waits[:19], waits[19:]
    assert 0 <= min(first) <= max(first) <= 1800 <= min(second) <= max(second) <= 3600
    assert len(set(waits)) >= 20, "not all of a batch at the same moment"
    soon.refresh_from_db()
    assert soon.push_at == clock.now, "it is due sooner for something else"


# --- Stages


@pytest.fixture
def staged(db: None, clock: Clock) -> Order:
    """Six devices, two of them first, of which one may fail."""
    fleet(6)
    return order(first=2, most_failed=1)


def look(clock: Clock, order: Order) -> Order:
    clock.forward(seconds=15)
    ordering.run_due()
    return fresh(order)


def test_the_rest_waits_for_the_first(staged: Order, clock: Clock) -> None:
    assert len(told(staged)) == 2
    assert look(clock, staged).queued == 2
    settle(staged, State.SENT)
    assert look(clock, staged).state == S.RUNNING
    settle(staged, State.ACKNOWLEDGED)
    done = look(clock, staged)
    assert (done.state, done.queued) == (S.DONE, 6)


def test_the_rest_goes_as_soon_as_no_more_can_fail_than_may(
    staged: Order, clock: Clock
) -> None:
    settle(staged, State.ACKNOWLEDGED, last=1)
    assert look(clock, staged).state == S.DONE


def test_too_many_failures_pause_it_until_somebody_goes_on(
    staged: Order, clock: Clock
) -> None:
    settle(staged, State.FAILED)
    paused = look(clock, staged)
    assert (paused.state, len(told(staged))) == (S.PAUSED, 2)
    assert paused.why.startswith("2 of the first 2 failed, at most 1 may")
    assert look(clock, staged).state == S.PAUSED
    with pytest.raises(ordering.NotAllowed):
        ordering.go_on(staged, who("nobody"))
    assert ordering.go_on(staged, who("ada", *DESTROYS)).state == S.DONE
    assert len(told(staged)) == 6
    assert fresh(staged).why == ""


def test_who_never_answers_holds_it_up_until_somebody_decides(
    staged: Order, clock: Clock
) -> None:
    clock.forward(days=1)
    waiting = look(clock, staged)
    assert (waiting.state, waiting.queued) == (S.RUNNING, 2)
    assert "2 of the first 2 have not answered" in waiting.why
    ordering.go_on(staged, None)
    assert fresh(staged).state == S.DONE


@pytest.mark.django_db
def test_those_that_cannot_take_it_are_not_the_first(clock: Clock) -> None:
    old = [enrolled(number, is_supervised=False) for number in range(3)]
    able = [enrolled(number, is_supervised=True) for number in range(3, 8)]
    staged = order("RestartDevice", first=2)
    assert told(staged) == ids(able[:2])
    assert fresh(staged).refused == len(old)


@pytest.mark.django_db
def test_an_order_to_no_more_than_the_first_is_done_with_them(clock: Clock) -> None:
    fleet(2)
    assert order(first=2).state == S.DONE


# --- Windows

EVENINGS: dict[str, Any] = {
    "days": [0, 1, 2, 3, 4, 5, 6],
    "from": "20:00",
    "until": "22:00",
}


@pytest.fixture
def windowed(db: None, clock: Clock, settings: Any) -> tuple[Order, Channel, Channel]:
    """An order in the evenings, to a device in Berlin and one in New York."""
    settings.TIME_ZONE = "UTC"
    berlin = enrolled(0, time_zone="Europe/Berlin")
    new_york = enrolled(1, time_zone="America/New_York")
    return order(window=EVENINGS), berlin, new_york


Windowed = tuple[Order, Channel, Channel]


def test_a_window_is_by_the_clock_of_each_device(
    windowed: Windowed, clock: Clock
) -> None:
    made, berlin, new_york = windowed
    assert (made.state, told(made)) == (S.RUNNING, [])
    assert made.next_at == utc("2026-03-02 19:00")
    clock.to("2026-03-02 19:00")
    ordering.run_due()
    assert told(made) == [berlin.pk]
    assert Delivery.objects.get().expires_at == utc("2026-03-02 21:00")
    clock.to("2026-03-03 01:30")
    ordering.run_due()
    clock.forward(seconds=1)
    ordering.run_due()
    assert new_york.pk in told(made)
    last = Delivery.objects.get(channel=new_york)
    assert last.expires_at == utc("2026-03-03 03:00")


def test_what_a_window_did_not_reach_waits_for_the_next(
    windowed: Windowed, clock: Clock
) -> None:
    made, berlin, new_york = windowed
    for now in ("2026-03-02 19:00", "2026-03-02 21:00", "2026-03-03 01:00"):
        clock.to(now)
        ordering.run_due()
    settle(made, State.ACKNOWLEDGED, new_york)
    missed = Delivery.objects.get(channel=berlin)
    assert missed.state == State.EXPIRED
    assert made.recipients.get(channel=berlin).state == "waiting"
    clock.to("2026-03-03 19:00")
    ordering.run_due()
    assert told(made) == [berlin.pk, berlin.pk, new_york.pk]
    shown = progress.of_order(made)
    assert shown.counts == {State.QUEUED: 1, State.ACKNOWLEDGED: 1}
    assert (fresh(made).queued, shown.total) == (2, 2)
    settle(made, State.ACKNOWLEDGED)
    clock.to("2026-03-03 21:00")
    ordering.run_due()
    assert fresh(made).state == S.DONE


def test_what_the_clearing_up_expired_first_waits_for_the_next_too(
    windowed: Windowed, clock: Clock
) -> None:
    made, berlin, _ = windowed
    clock.to("2026-03-02 19:00")
    ordering.run_due()
    clock.to("2026-03-02 21:00")
    assert queue.expire() == 1
    ordering.run_due()
    assert made.recipients.get(channel=berlin).state == "waiting"


def test_what_was_sent_in_a_window_is_never_sent_again(
    windowed: Windowed, clock: Clock
) -> None:
    made, berlin, _ = windowed
    clock.to("2026-03-02 19:00")
    ordering.run_due()
    settle(made, State.SENT, berlin)
    for now in ("2026-03-02 21:00", "2026-03-03 19:00", "2026-03-04 19:00"):
        clock.to(now)
        queue.expire()
        ordering.run_due()
    assert told(made).count(berlin.pk) == 1


@pytest.mark.django_db
def test_windows_end_with_the_order(clock: Clock) -> None:
    enrolled()
    made = order(window=EVENINGS, expires_at=utc("2026-03-03 21:00"))
    for now in ("2026-03-02 20:00", "2026-03-02 22:00", "2026-03-03 20:00"):
        clock.to(now)
        ordering.run_due()
    assert Delivery.objects.order_by("pk").last().expires_at == utc("2026-03-03 21:00")  # type: ignore[union-attr]
    clock.to("2026-03-03 21:00")
    ordering.run_due()
    assert fresh(made).state == S.DONE
    assert len(told(made)) == 2


@pytest.mark.django_db
def test_a_device_of_no_known_zone_goes_by_the_portals(
    clock: Clock, settings: Any
) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    enrolled(0)
    enrolled(1, time_zone="Mars/Olympus")
    made = order(window=EVENINGS)
    assert made.next_at == utc("2026-03-02 19:00")
    clock.to("2026-03-02 19:00")
    ordering.run_due()
    assert len(told(made)) == 2


def test_what_is_sent_as_the_window_closes_is_not_sent_again(
    windowed: Windowed, clock: Clock
) -> None:
    made, berlin, _ = windowed
    clock.to("2026-03-02 19:00")
    ordering.run_due()
    clock.to("2026-03-02 21:00")
    is_sent = False

    def send(execute: Any, sql: str, *rest: Any) -> Any:
        """A device that began before fetches it between two statements."""
        nonlocal is_sent
        if not is_sent and sql.startswith('UPDATE "commands_delivery"'):
            is_sent = True
            settle(made, State.SENT, berlin)
        return execute(sql, *rest)

    with connection.execute_wrapper(send):
        ordering.run_due()
    assert is_sent
    recipient = made.recipients.get(channel=berlin)
    assert recipient.delivery is not None
    assert (recipient.state, recipient.delivery.state) == ("queued", State.SENT)
