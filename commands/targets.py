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

from django.db.models import BooleanField, Count, ExpressionWrapper, Q, QuerySet

from devices.models import Channel, Device, Enrollment
from mdmportal.protocol import schema

from . import availability
from .models import Order
from .requirements import Situation

NAMED = 10
"""How many of the devices that cannot take a command are named for each reason."""

FACTS = {
    "platform": "enrollment__device__platform",
    "os_version": "enrollment__device__os_version",
    "is_supervised": "enrollment__device__is_supervised",
    "mode": "enrollment__mode",
    "access_rights": "enrollment__access_rights",
}
"""What decides by the schema -> its column, from a channel."""

SITUATION = {
    "awaiting_configuration": "enrollment__awaiting_configuration",
    "user_awaits": "awaiting_configuration",
    "in_lost_mode": "enrollment__device__in_lost_mode",
    "is_apple_silicon": "enrollment__device__is_apple_silicon",
    "needs_pin_to_lock": "enrollment__device__needs_pin_to_lock",
    "needs_pin_to_erase": "enrollment__device__needs_pin_to_erase",
}
"""What decides beside it."""

ALL = {**FACTS, **SITUATION}
OF_DEVICE = Q(user_id="")


@dataclass(frozen=True)
class Kind:
    """Channels alike in all that decides: how many, how to find them, what decides."""

    count: int
    where: Q
    target: schema.Target
    situation: Situation

    def refusal(self, request_type: str, keys: Mapping[str, Any] | None) -> str:
        return availability.why_not(request_type, keys, self.target, self.situation)


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
    """Devices, on their device channel; or the channels given."""

    devices: QuerySet[Device]
    channel: Channel | None = None
    label: str = field(default="")
    chosen: QuerySet[Channel] | None = None
    """Channels, where they and not the devices were chosen."""
    total: int | None = None
    """How many were chosen, where that is known already."""

    @classmethod
    def of_channels(cls, chosen: QuerySet[Channel], label: str = "") -> "Targets":
        """Return these very channels: users of Macs, say."""
        ids = chosen.order_by().values("enrollment__device")
        return cls(Device.objects.filter(pk__in=ids), label=label, chosen=chosen)

    @cached_property
    def count(self) -> int:
        if self.total is not None:
            return self.total
        if self.chosen is not None:
            return self.chosen.count()
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
        if self.chosen is not None:
            return enrolled.filter(pk__in=self.chosen.order_by().values("pk"))
        # Without an order: sorting thousands for a subquery would be for nothing.
        chosen = self.devices.order_by().values("pk")
        return enrolled.filter(user_id="", enrollment__device__in=chosen)

    @cached_property
    def kinds(self) -> tuple[Kind, ...]:
        is_device = ExpressionWrapper(OF_DEVICE, BooleanField())
        rows = self.channels.order_by().annotate(is_device=is_device)
        rows = rows.values("is_device", *ALL.values()).annotate(n=Count("pk"))
        return tuple(map(_kind, rows))

    def refusals(
        self, request_type: str, keys: Mapping[str, Any] | None = None
    ) -> Counter[str]:
        """Return how many cannot take the command, by reason."""
        counts: Counter[str] = Counter()
        for kind in self.kinds:
            reason = kind.refusal(request_type, keys)
            if reason:
                counts[reason] += kind.count
        missing = self.count - sum(kind.count for kind in self.kinds)
        if missing > 0:
            counts[availability.NOT_ENROLLED] += missing
        return counts

    def unable(
        self, request_type: str, keys: Mapping[str, Any] | None = None
    ) -> Iterator[tuple[Q, str]]:
        """Yield which channels cannot take the command, kind by kind, and why."""
        for kind in self.kinds:
            reason = kind.refusal(request_type, keys)
            if reason:
                yield kind.where, reason

    def preview(
        self, request_type: str, keys: Mapping[str, Any] | None = None
    ) -> Preview:
        """Return how many can take the command, and who cannot and why.

        One statement for the kinds there are, and one for the names of each reason.
        """
        refused = self.refusals(request_type, keys)
        return Preview(
            able=self.count - refused.total(),
            refused=tuple(
                Refused(reason, count, tuple(self._names(request_type, keys, reason)))
                for reason, count in refused.most_common()
            ),
        )

    def _names(
        self, request_type: str, keys: Mapping[str, Any] | None, reason: str
    ) -> Iterator[str]:
        if reason == availability.NOT_ENROLLED:
            enrolled = self.channels.order_by().values("enrollment__device")
            without = self.devices.exclude(pk__in=enrolled).order_by("name", "pk")
            return (str(device) for device in without[:NAMED])
        where = Q()
        for kind in self.kinds:
            if kind.refusal(request_type, keys) == reason:
                where |= kind.where
        found = self.channels.filter(where).select_related("enrollment__device")
        first = found.order_by("enrollment__device__name", "pk")[:NAMED]
        return map(_name, first)


def of_order(order: Order) -> Targets:
    """Return the recipients that were written down when the order was drafted."""
    recipients = order.recipients.order_by()
    channels = Channel.objects.filter(pk__in=recipients.values("channel"))
    return Targets(
        Device.objects.filter(pk__in=recipients.values("device")),
        label=order.audience,
        chosen=channels,
        total=recipients.count(),
    )


def _name(channel: Channel) -> str:
    device = str(channel.enrollment.device)
    return f"{device}, {channel.user_name}" if channel.user_id else device


def _kind(row: Mapping[str, Any]) -> Kind:
    facts = {name: row[path] for name, path in FACTS.items()}
    beside = {name: row[path] for name, path in SITUATION.items()}
    known = {path: row[path] for path in ALL.values() if row[path] is not None}
    unknown = {f"{path}__isnull": True for path in ALL.values() if row[path] is None}
    user_id = "" if row["is_device"] else "user"
    own = {name: facts[name] for name in ("platform", "os_version", "mode")}
    return Kind(
        count=row["n"],
        where=(OF_DEVICE if row["is_device"] else ~OF_DEVICE) & Q(**known, **unknown),
        target=availability.target(**facts, user_id=user_id),
        situation=availability.situation(**own, **beside, user_id=user_id),
    )
