"""Orders: what the device was told and asked, and what came of it."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from .. import inventory, words
from ..models import Delivery, State
from .event import ANSWERED, ASKED, RUN, Cursor, Event
from .scope import Found, Scope, listed, rows_of

RUN_ROWS = 1000
"""Questions of the portal that are looked at for one page."""
RUN_GAP = dt.timedelta(minutes=10)
"""What is asked further apart was asked another time."""


def _deliveries(scope: Scope) -> "QuerySet[Delivery]":
    rows = Delivery.objects.filter(channel__in=scope.channels)
    return rows.select_related("command__ordered_by").defer("command__keys_plist")


ROUTINE = Q(command__ordered_by=None, command__request_type__in=inventory.QUERIES)
"""What the portal asks by itself; told in one line for each time."""


def asked(scope: Scope, before: Cursor | None, limit: int) -> Found:
    rows = _deliveries(scope).exclude(ROUTINE)
    found = rows_of(rows, "queued_at", ASKED, before, limit)
    return listed([_asked(scope, each) for each in found], limit)


def _asked(scope: Scope, delivery: Delivery) -> Event:
    command = delivery.command
    return Event(
        Cursor(delivery.queued_at, ASKED, delivery.pk),
        "asked",
        f"Ordered: {words.title(command.request_type)}",
        "info",
        who=str(command.ordered_by or "portal"),
        details=[command.note] if command.note else [],
        url=reverse("admin:commands_delivery_change", args=[delivery.pk]),
        user=scope.name(delivery.channel_id),
    )


OUTCOMES: Mapping[str, tuple[str, str]] = {
    State.ACKNOWLEDGED: ("Done: {}", "ok"),
    State.FAILED: ("Failed: {}", "bad"),
    State.CANCELLED: ("Cancelled: {}", "mute"),
    State.EXPIRED: ("Expired before the device came: {}", "warn"),
    State.REFUSED: ("Not sent: {}", "warn"),
}


def answered(scope: Scope, before: Cursor | None, limit: int) -> Found:
    """What the portal asks by itself is told only where it failed."""
    rows = _deliveries(scope).exclude(ROUTINE & ~Q(state=State.FAILED))
    rows = rows.filter(settled_at__isnull=False)
    found = rows_of(rows, "settled_at", ANSWERED, before, limit)
    return listed([_answered(scope, each) for each in found], limit)


def _answered(scope: Scope, delivery: Delivery) -> Event:
    text, tone = OUTCOMES.get(delivery.state, ("Settled: {}", "mute"))
    return Event(
        Cursor(delivery.settled_at or timezone.now(), ANSWERED, delivery.pk),
        "answered",
        text.format(words.title(delivery.command.request_type)),
        tone,
        details=[delivery.error] if delivery.error else [],
        url=reverse("admin:commands_delivery_change", args=[delivery.pk]),
        user=scope.name(delivery.channel_id),
    )


def runs(scope: Scope, before: Cursor | None, limit: int) -> Found:
    """What the portal asked by itself, one event for each time that it did.

    It stands where the first of the questions does, so that a page that ends among
    them neither loses nor repeats it.
    """
    rows = _deliveries(scope).filter(ROUTINE)
    found = rows_of(rows, "queued_at", RUN, before, RUN_ROWS)
    events = [_run(scope, each) for each in _times(found)]
    events.sort(key=lambda each: each.place, reverse=True)
    if len(events) < limit and len(found) == RUN_ROWS:
        return Found(events, Cursor(found[-1].queued_at, RUN, found[-1].pk))
    return listed(events[:limit], limit)


def _times(deliveries: Sequence[Delivery]) -> Iterator[Sequence[Delivery]]:
    """Yield what each channel was asked at a time, the last question first."""
    open_runs: dict[int, list[Delivery]] = {}
    for delivery in deliveries:
        run = open_runs.setdefault(delivery.channel_id, [])
        if run and run[-1].queued_at - delivery.queued_at > RUN_GAP:
            yield run
            open_runs[delivery.channel_id] = run = []
        run.append(delivery)
    yield from open_runs.values()


def _run(scope: Scope, asked: Sequence[Delivery]) -> Event:
    first = asked[-1]
    done = sum(each.state == State.ACKNOWLEDGED for each in asked)
    waiting = sum(each.is_open for each in asked)
    counts = [f"{done} of {len(asked)} answered"]
    if waiting:
        counts.append(f"{waiting} waiting")
    types = dict.fromkeys(each.command.request_type for each in asked[::-1])
    names = ", ".join(words.asked_for(each) for each in types)
    return Event(
        Cursor(first.queued_at, RUN, first.pk),
        "inventory",
        f"Asked for its inventory: {', '.join(counts)}",
        "mute",
        who="portal",
        details=[names],
        user=scope.name(first.channel_id),
    )
