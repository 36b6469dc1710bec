"""A page of the timeline: what waits on top, then what happened, by day."""

import datetime as dt
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils.timezone import localdate

from devices.models import Channel, Device

from .event import Cursor, Event
from .scope import Found, Scope
from .sources import ALL, SOURCES

LENGTH = 50
"""Events of a page."""
CHANNELS = 200


@dataclass(frozen=True)
class Group:
    """An event, or neighbours that are shown as one."""

    events: Sequence[Event]

    @property
    def first(self) -> Event:
        return self.events[0]


@dataclass(frozen=True)
class Day:
    """A day in the viewer's zone, and what happened on it, newest first."""

    date: dt.date
    groups: Sequence[Group]


@dataclass(frozen=True)
class Page:
    days: Sequence[Day]
    older: Cursor | None
    """Where the next page begins, None at the end."""


def page(
    device: Device,
    user: Channel | None = None,
    *,
    kind: str = "",
    before: Cursor | None = None,
    audited: bool = False,
    located: bool = False,
) -> Page:
    """Return what happened before a place.

    ``audited``: also what staff did; ``located``: also where the device was.
    """
    scope = Scope(device, _channels(device, user), user, audited, located)
    found = [source(scope, before, LENGTH + 1) for source in SOURCES.get(kind, ALL)]
    events, more = _merged(found)
    days = [
        Day(date, list(_groups(list(of_day))))
        for date, of_day in itertools.groupby(events, lambda each: localdate(each.at))
    ]
    return Page(days, events[-1].place if events and more else None)


def _channels(device: Device, user: Channel | None) -> list[Channel]:
    rows = Channel.objects.filter(enrollment__device=device)
    if user:
        rows = rows.filter(user_id=user.user_id)
    return list(rows.order_by("-pk")[:CHANNELS])


def _merged(found: Sequence[Found]) -> tuple[list[Event], bool]:
    """Return the newest events, and whether there are more.

    No source may be passed that had more than it gave: what it holds back is newer
    than what others have from there on.
    """
    ends = [one.until for one in found if one.until]
    end = max(ends, default=None)
    events = sorted(
        (event for one in found for event in one.events),
        key=lambda event: event.place,
        reverse=True,
    )
    safe = [event for event in events if end is None or event.place >= end]
    return safe[:LENGTH], len(safe) > LENGTH or bool(ends) or len(safe) < len(events)


def _groups(events: Sequence[Event]) -> Iterator[Group]:
    for run, neighbours in itertools.groupby(events, lambda event: event.run):
        if run:
            yield Group(list(neighbours))
        else:
            yield from (Group([event]) for event in neighbours)
