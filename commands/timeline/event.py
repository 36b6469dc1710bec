"""Event: one thing that happened, and its place among all others."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db.models import Q

KINDS: Mapping[str, str] = {
    "enrollment": "Enrollment",
    "asked": "Ordered",
    "answered": "Answered",
    "inventory": "Inventory",
    "changed": "Changed",
    "located": "Located",
    "secrets": "Secrets",
    "staff": "Done by staff",
}
"""What can be chosen to be seen alone, with its title."""


LOCATED = 10
SEEN, LEFT, ENROLLED, BEGAN, AUDIT, CHANGED, ANSWERED, RUN, ASKED = range(9, 0, -1)
"""Ranks of the sources. They are part of addresses, so none ever gets another."""


class Cursor(NamedTuple):
    """A place in the timeline, unique: when, in which source, which row of it.

    Of a moment's events the source with the higher rank counts as the later.
    """

    at: dt.datetime
    rank: int
    pk: int

    def __str__(self) -> str:
        return f"{self.at.astimezone(dt.UTC):%Y%m%dT%H%M%S.%f}-{self.rank}-{self.pk}"

    @classmethod
    def read(cls, text: str) -> "Cursor | None":
        """Return what ``str`` made, None for anything else: it is from an address."""
        try:
            at, rank, pk = text.split("-")
            moment = dt.datetime.strptime(at, "%Y%m%dT%H%M%S.%f")
            return cls(moment.replace(tzinfo=dt.UTC), int(rank), int(pk) % 2**63)
        except (ValueError, OverflowError):
            return None

    def before(self, column: str, rank: int) -> Q:
        """Return which rows of the source ``rank`` are earlier than this place."""
        earlier = Q(**{f"{column}__lt": self.at})
        if rank < self.rank:
            return Q(**{f"{column}__lte": self.at})
        if rank == self.rank:
            return earlier | Q(**{column: self.at, "pk__lt": self.pk})
        return earlier


@dataclass(frozen=True)
class Event:
    """``tone`` is ok, info, warn, bad or mute; ``who`` did it, or the portal."""

    place: Cursor
    kind: str
    text: str
    tone: str = "mute"
    who: str = ""
    details: Sequence[str] = field(default=())
    url: str = ""
    user: str = ""
    """The managed user it happened to; '' for the device itself."""
    run: str = ""
    """Neighbours with the same are shown as one; '' for none such."""

    @property
    def at(self) -> dt.datetime:
        return self.place.at
