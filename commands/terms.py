"""Terms: when and how an order goes out, in words."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils.formats import date_format
from django.utils.timezone import localtime

from .models import Order, RecurringOrder

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
EVERY_DAY = "every day"
HOUR, MINUTE = 3600, 60


def of(order: Order) -> list[str]:
    """Return a sentence for each thing that was said; [] for at once, to all."""
    return [sentence for sentence in _sentences(order) if sentence]


def _sentences(order: Order) -> Iterator[str]:
    if order.starts_at:
        yield f"Not before {moment(order.starts_at)}."
    if order.window:
        said = window(order.window).removeprefix(f"{EVERY_DAY} ")
        yield f"Only {said}, by the clock of each device."
    if order.first:
        most = order.most_failed
        unless = "any of them fails" if not most else f"more than {most} of them fail"
        yield f"To {order.first} first; then to the rest, unless {unless}."
    if order.spread:
        yield f"They are woken over {span(order.spread)}."
    if order.priority:
        before = order.priority > 0
        yield f"{'Before' if before else 'After'} all else that waits for a device."
    if order.expires_at:
        yield f"Not sent any more after {moment(order.expires_at)}."


def moment(when: dt.datetime) -> str:
    """Return a time in the zone of who looks."""
    return date_format(localtime(when), "j M Y, H:i")


def window(said: Mapping[str, Any]) -> str:
    """Return a maintenance window: “Mon, Tue between 22:00 and 05:00”."""
    return f"{days(said.get('days') or [])} between {said['from']} and {said['until']}"


def days(chosen: Sequence[int]) -> str:
    """Return weekdays, Monday being 0; none or all are every day."""
    if len(chosen) in (0, len(DAYS)):
        return EVERY_DAY
    return ", ".join(DAYS[day] for day in sorted(chosen))


def span(seconds: int) -> str:
    """Return a length of time in the largest unit that fits."""
    if seconds % HOUR == 0:
        count, unit = seconds // HOUR, "hour"
    elif seconds % MINUTE == 0:
        count, unit = seconds // MINUTE, "minute"
    else:
        count, unit = seconds, "second"
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def calendar(recurring: RecurringOrder) -> str:
    """Return when something is ordered again and again: “on Mon, Tue at 22:00 UTC”."""
    zone = recurring.time_zone.replace("_", " ")
    at = f"at {recurring.at:%H:%M} ({zone})"
    if recurring.days:
        which = days(recurring.days)
        return f"{which if which == EVERY_DAY else f'on {which}'} {at}"
    return f"on day {recurring.day} of each month {at}"
