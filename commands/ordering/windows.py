"""Windows: hours of the day in which an order is sent, by the clock of each device.

Clocks are put forward and back: a time that does not exist on a day is the moment at
which the clock jumps over it, one that comes twice is the first of both.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from ..checking import Invalid

DAY = dt.timedelta(days=1)


def zone(name: str) -> ZoneInfo:
    """Return the zone of this name; the portal's own if there is none."""
    return _named(name) or ZoneInfo(settings.TIME_ZONE)


@lru_cache(maxsize=1000)
def _named(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (LookupError, ValueError, OSError):
        return None


def moment(day: dt.date, at: dt.time, where: ZoneInfo) -> dt.datetime:
    """Return the first moment of that day, in UTC, at which clocks show ``at``."""
    wall = dt.datetime.combine(day, at)
    late = wall.replace(tzinfo=where).astimezone(dt.UTC)
    if late.astimezone(where).replace(tzinfo=None) == wall:
        return late
    early = wall.replace(tzinfo=where, fold=1).astimezone(dt.UTC)
    while late - early > dt.timedelta(seconds=1):  # clocks jump in between
        middle = early + (late - early) // 2
        if middle.astimezone(where).replace(tzinfo=None) < wall:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)


@dataclass(frozen=True)
class Window:
    """Open from ``opens`` to ``closes``, perhaps of the day after, on these weekdays.

    The day is the one on which it opens; Monday is 0.
    """

    days: frozenset[int]
    opens: dt.time
    closes: dt.time

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> "Window":
        """Return what Order.window says; Invalid if that is no window."""
        try:
            days = frozenset(int(each) for each in value["days"])
            opens, closes = (
                dt.time.fromisoformat(value[name]) for name in ("from", "until")
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Invalid("the window lacks days, a beginning or an end") from error
        if not days or not days <= frozenset(range(7)):
            raise Invalid("the window needs at least one day of the week")
        if opens == closes:
            raise Invalid("the window ends when it begins")
        return cls(days, opens, closes)

    @property
    def value(self) -> dict[str, Any]:
        """The window as Order.window holds it."""
        return {
            "days": sorted(self.days),
            "from": f"{self.opens:%H:%M}",
            "until": f"{self.closes:%H:%M}",
        }

    def closes_at(self, now: dt.datetime, where: ZoneInfo) -> dt.datetime | None:
        """Return when the window closes that is open now; None if none is."""
        today = now.astimezone(where).date()
        for day in (today - DAY, today):
            opens, closes = self._span(day, where)
            if day.weekday() in self.days and opens <= now < closes:
                return closes
        return None

    def opens_at(self, now: dt.datetime, where: ZoneInfo) -> dt.datetime:
        """Return when the next one opens after now."""
        today = now.astimezone(where).date()
        # Clocks may jump over a whole window: then it is the one of the week after.
        for day in (today + DAY * number for number in range(15)):
            opens, closes = self._span(day, where)
            if day.weekday() in self.days and now < opens < closes:
                return opens
        return now + DAY * 15

    def _span(self, day: dt.date, where: ZoneInfo) -> tuple[dt.datetime, dt.datetime]:
        last = day if self.closes > self.opens else day + DAY
        return moment(day, self.opens, where), moment(last, self.closes, where)
