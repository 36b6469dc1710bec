"""History: what happened in a case, orders and all else in one list."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from devices.models import AuditEntry

from .. import words
from ..models import Delivery
from . import marks
from .facts import Facts

SHOWN = 50


@dataclass(frozen=True)
class Event:
    at: dt.datetime
    title: str
    who: str
    details: Sequence[str] = ()
    delivery: Delivery | None = None


def events(facts: Facts) -> list[Event]:
    """Return the newest first."""
    found = [_ordered(each) for each in facts.deliveries]
    found += [_audited(each) for each in facts.entries]
    found.sort(key=lambda event: event.at, reverse=True)
    return found[:SHOWN]


def _ordered(delivery: Delivery) -> Event:
    command = delivery.command
    return Event(
        delivery.queued_at,
        words.title(command.request_type),
        str(command.ordered_by or "the portal"),
        delivery=delivery,
    )


TITLES = {
    marks.OPENED: "Case opened",
    marks.TURNED: "Case goes on as stolen",
    marks.CLOSED: "Case closed",
    marks.DONE: "Done: {title}",
    marks.SKIPPED: "Skipped: {title}",
}
HIDDEN = ("step", "case", "title", "version", "kind", "of", "into")
"""Details that say nothing new on the page of a case."""


def _audited(entry: AuditEntry) -> Event:
    title = TITLES.get(entry.action, entry.action[:1].upper() + entry.action[1:])
    details = [
        f"{name}: {value}"
        for name, value in entry.details.items()
        if value and name not in HIDDEN
    ]
    said = title.format(title=entry.details.get("title", ""))
    return Event(entry.at, said, entry.actor_name, details)
