"""Scope: what a timeline is of; and what a table is asked for, a page at a time."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from devices.models import Channel, Device

from .event import Cursor, Event


@dataclass(frozen=True)
class Scope:
    """What the timeline is of, and what of it the viewer may see."""

    device: Device
    channels: Sequence[Channel]
    """Of all its stays; of a managed user alone, if it is of one."""
    user: Channel | None
    audited: bool
    located: bool = False
    """Whether the viewer may see where it was."""

    def name(self, channel_id: int) -> str:
        """Return whose channel it is; '' for the device's, or where it is plain."""
        if self.user:
            return ""
        channel = next((one for one in self.channels if one.pk == channel_id), None)
        return channel.user_name if channel else ""


@dataclass(frozen=True)
class Found:
    """Events newest first; all there are down to ``until``, None: to the beginning."""

    events: Sequence[Event]
    until: Cursor | None = None


Source = Callable[[Scope, Cursor | None, int], Found]
"""Asks one table for what happened before a place, newest first, so many at most."""


def rows_of(
    rows: "QuerySet[Any]", column: str, rank: int, before: Cursor | None, limit: int
) -> list[Any]:
    if before:
        rows = rows.filter(before.before(column, rank))
    return list(rows.order_by(f"-{column}", "-pk")[:limit])


def listed(events: Sequence[Event], limit: int) -> Found:
    return Found(events, events[-1].place if len(events) == limit else None)


def placed(events: Iterable[Event], before: Cursor | None, limit: int) -> Found:
    """Return what few events, all of them at hand, there are before a place."""
    earlier = [each for each in events if before is None or each.place < before]
    earlier.sort(key=lambda each: each.place, reverse=True)
    return listed(earlier[:limit], limit)
