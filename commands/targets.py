"""Targets: the devices an order is for, and which of them can take it.

What decides is a handful of facts that thousands of devices share, so devices are
counted by facts, and a command is tried on one of each kind: the cost does not grow
with the fleet.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db.models import Count, Q, QuerySet

from devices.models import Channel, Device, Enrollment
from mdmportal.protocol import schema

from . import availability

NAMED = 10
"""How many of the devices that cannot take a command are named for each reason."""

FACTS = {
    "platform": "enrollment__device__platform",
    "os_version": "enrollment__device__os_version",
    "is_supervised": "enrollment__device__is_supervised",
    "mode": "enrollment__mode",
    "access_rights": "enrollment__access_rights",
}


@dataclass(frozen=True)
class Kind:
    """Channels alike in all that decides: how many, how to find them, what decides."""

    count: int
    where: Q
    target: schema.Target


@dataclass(frozen=True)
class Refused:
    """Why some cannot take a command, how many, and the first of them by name."""

    reason: str
    count: int
    names: tuple[str, ...]

    @property
    def more(self) -> int:
        return self.count - len(self.names)


@dataclass(frozen=True)
class Preview:
    """What would become of an order."""

    able: int
    refused: tuple[Refused, ...]


@dataclass(frozen=True)
class Targets:
    """Devices, on their device channel; or the one channel given."""

    devices: QuerySet[Device]
    channel: Channel | None = None
    label: str = field(default="")

    @cached_property
    def count(self) -> int:
        return 1 if self.channel else self.devices.count()

    @cached_property
    def single(self) -> Device | None:
        """The device, if it is only one."""
        return self.devices.first() if self.count == 1 else None

    @property
    def channels(self) -> QuerySet[Channel]:
        """The channels of those devices that are enrolled."""
        enrolled = Channel.objects.filter(enrollment__state=Enrollment.State.ACTIVE)
        if self.channel:
            return enrolled.filter(pk=self.channel.pk)
        # Without an order: sorting thousands for a subquery would be for nothing.
        chosen = self.devices.order_by().values("pk")
        return enrolled.filter(user_id="", enrollment__device__in=chosen)

    @cached_property
    def kinds(self) -> tuple[Kind, ...]:
        rows = self.channels.order_by().values(*FACTS.values()).annotate(n=Count("pk"))
        user_id = self.channel.user_id if self.channel else ""
        return tuple(_kind(row, user_id) for row in rows)

    def refusals(self, request_type: str) -> Counter[str]:
        """Return how many cannot take the command, by reason."""
        counts: Counter[str] = Counter()
        for kind in self.kinds:
            reason = availability.unavailable(request_type, kind.target)
            if reason:
                counts[reason] += kind.count
        missing = self.count - sum(kind.count for kind in self.kinds)
        if missing > 0:
            counts[availability.NOT_ENROLLED] += missing
        return counts

    def preview(self, request_type: str) -> Preview:
        """Return how many can take the command, and who cannot and why."""
        refused = self.refusals(request_type)
        return Preview(
            able=self.count - refused.total(),
            refused=tuple(
                Refused(reason, count, tuple(self._names(request_type, reason)))
                for reason, count in refused.most_common()
            ),
        )

    def _names(self, request_type: str, reason: str) -> Iterator[str]:
        if reason == availability.NOT_ENROLLED:
            enrolled = self.channels.order_by().values("enrollment__device")
            without = self.devices.exclude(pk__in=enrolled).order_by("name", "pk")
            return (str(device) for device in without[:NAMED])
        where = Q()
        for kind in self.kinds:
            if availability.unavailable(request_type, kind.target) == reason:
                where |= kind.where
        found = self.channels.filter(where).select_related("enrollment__device")
        first = found.order_by("enrollment__device__name", "pk")[:NAMED]
        return (str(channel.enrollment.device) for channel in first)


def _kind(row: Mapping[str, Any], user_id: str) -> Kind:
    facts = {name: row[path] for name, path in FACTS.items()}
    known = {path: row[path] for path in FACTS.values() if row[path] is not None}
    unknown = {f"{path}__isnull": True for path in FACTS.values() if row[path] is None}
    return Kind(
        count=row["n"],
        where=Q(**known, **unknown),
        target=availability.target(**facts, user_id=user_id),
    )
