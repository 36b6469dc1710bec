"""The queue: what each channel is yet to be told.

One transaction orders a command to many channels; reports.py is what happens when their
devices connect.
"""

import datetime as dt
import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from apns.tasks import ask_for_push
from devices.models import Channel, Enrollment
from mdmportal.protocol import plist

from .escrow import pending
from .models import OPEN, Command, Delivery, State

BATCH = 1000

REMOVAL, RENEWAL = 1000, 2000
"""Priorities of what is sent to a device that gets nothing else: one whose person did
not sign in again is told to remove profiles, one whose identity expired renews it."""

SCHEDULED = -100
"""Priority of what the inventory asks by itself: after all that somebody ordered."""

ANSWER_WITHIN = dt.timedelta(days=1)
"""How long after its expiry what was sent may still be answered."""

SLOTS = 10
"""Over how many moments the pushes of one batch are spread, if they are."""


@dataclass(frozen=True)
class Pace:
    """When to push: from ``at`` on, spread over ``within``."""

    at: dt.datetime
    within: dt.timedelta = dt.timedelta()

    def slots(self, ids: Iterable[int]) -> Iterator[tuple[dt.datetime, list[int]]]:
        """Yield moments, each with those to be pushed then: at random, not in a row."""
        rest = list(ids)
        if not self.within:
            yield self.at, rest
            return
        random.shuffle(rest)
        for slot in range(SLOTS):
            if some := rest[slot::SLOTS]:
                share = (slot + random.random()) / SLOTS  # noqa: S311
                yield self.at + self.within * share, some


def enqueue(
    channels: Iterable[int],
    request_type: str,
    keys: Mapping[str, Any] | None = None,
    *,
    ordered_by: Any = None,
    expires_at: dt.datetime | None = None,
    priority: int = 0,
    note: str = "",
) -> Command:
    """Order a command to the channels with these ids; pushes follow the commit.

    Channels whose device has left are passed over. Statements grow with the batches of
    BATCH channels, not with the channels.
    """
    command = Command(
        request_type=request_type,
        keys_plist=plist.dumps(keys or {}),
        ordered_by=ordered_by,
        expires_at=expires_at,
        priority=priority,
        note=note,
    )
    enqueue_all(channels, [command])
    return command


@transaction.atomic
def enqueue_all(channels: Iterable[int], commands: Sequence[Command]) -> None:
    """Save these commands and order each of them, in this order, as enqueue does."""
    Command.objects.bulk_create(commands)
    for ids in _batches(channels):
        _deliver(commands, _reachable(ids))
    ask_for_push()


@transaction.atomic
def enqueue_each(
    orders: Sequence[tuple[Command, Collection[int]]],
    *,
    expires_at: dt.datetime | None = None,
    pace: Pace | None = None,
) -> list[Delivery]:
    """Save these commands, order each to channels of its own; return the deliveries.

    For commands that differ from device to device; a channel is in one order only.
    Statements grow with the batches of BATCH, not with commands and channels. Commands
    that are saved already are ordered again. ``expires_at`` is for deliveries that
    expire before their command does.
    """
    for start in range(0, len(orders), BATCH):
        chosen = [one for one, _ in orders[start : start + BATCH] if one.pk is None]
        Command.objects.bulk_create(chosen)
    command_of = {pk: command for command, channels in orders for pk in channels}
    written: list[Delivery] = []
    for ids in _batches(command_of):
        rows = [_delivery(command_of[pk], pk, expires_at) for pk in _reachable(ids)]
        _insert(rows, 1, pace)
        written += rows
    ask_for_push()
    return written


@transaction.atomic
def enqueue_several(orders: Sequence[tuple[Command, Collection[int]]]) -> None:
    """Order each command to channels of its own; a channel may be in several orders.

    For no more than BATCH channels. Commands that are saved already are ordered again.
    """
    Command.objects.bulk_create([one for one, _ in orders if one.pk is None])
    counts = Counter(pk for _, channels in orders for pk in channels)
    reachable = set(_reachable(sorted(counts)))
    alike: dict[int, set[int]] = defaultdict(set)
    for pk in reachable:
        alike[counts[pk]].add(pk)
    for each, ids in alike.items():
        rows = [
            _delivery(command, pk)
            for command, channels in orders
            for pk in channels
            if pk in ids
        ]
        _insert(rows, each)
    ask_for_push()


def _batches(ids: Iterable[int]) -> Iterator[list[int]]:
    rest = iter(sorted(set(ids)))
    while batch := list(itertools.islice(rest, BATCH)):
        yield batch


def _reachable(ids: list[int]) -> list[int]:
    """Return which of these channels are enrolled, locked in one order by everybody.

    The state is looked at here: as a condition it makes SQLite go through all
    enrollments first.
    """
    rows = Channel.objects.filter(pk__in=ids).values_list("pk", "enrollment__state")
    locked = rows.select_for_update(of=("self",)).order_by("pk")
    return [pk for pk, state in locked if state == Enrollment.State.ACTIVE]


def _deliver(commands: Sequence[Command], ids: list[int]) -> None:
    rows = [_delivery(command, channel) for command in commands for channel in ids]
    _insert(rows, len(commands))


def _delivery(
    command: Command, channel: int, expires_at: dt.datetime | None = None
) -> Delivery:
    return Delivery(
        command=command,
        channel_id=channel,
        priority=command.priority,
        expires_at=expires_at or command.expires_at,
    )


def _insert(rows: Sequence[Delivery], each: int, pace: Pace | None = None) -> None:
    """Write deliveries, ``each`` for every channel, and what they put in force."""
    Delivery.objects.bulk_create(rows)
    pending.expect(rows)
    ids = {row.channel_id for row in rows}
    Channel.objects.filter(pk__in=ids).update(ordered=F("ordered") + each)
    waken(ids, pace)


def waken(ids: Iterable[int], pace: Pace | None = None) -> None:
    """Mark channels as due for a push at that time, now if none is said.

    One that is due sooner stays so.
    """
    pace = pace or Pace(timezone.now())
    for moment, some in pace.slots(ids):
        living = Channel.objects.filter(pk__in=some, push_dead=False)
        living = living.exclude(push_token="").exclude(push_at__lte=moment)
        living.update(push_at=moment, push_attempts=0)


def cancel(deliveries: QuerySet[Delivery]) -> int:
    """Cancel what is queued or postponed; return how many.

    What was sent may be under way on the device: it is left to be answered.
    """
    unsent = deliveries.filter(state__in=(State.QUEUED, State.POSTPONED))
    return unsent.update(state=State.CANCELLED, settled_at=timezone.now())


def close(enrollment: Enrollment, **channel: Any) -> int:
    """Cancel all that is open for a device that left; return how many.

    Or only for the ``channel`` with this value, such as ``pk``: a user who left.
    """
    channels = enrollment.channels.filter(**channel)
    waiting = Delivery.objects.filter(channel__in=channels, state__in=OPEN)
    return waiting.update(state=State.CANCELLED, settled_at=timezone.now())


def expire() -> int:
    """Expire what is late, cancel what waits for the departed; return how many."""
    now = timezone.now()
    waiting = Delivery.objects.filter(state__in=OPEN)
    late = waiting.filter(
        Q(expires_at__lte=now - ANSWER_WITHIN)
        | Q(expires_at__lte=now) & ~Q(state=State.SENT)
    )
    gone = waiting.filter(channel__enrollment__state=Enrollment.State.ENDED)
    return late.update(state=State.EXPIRED, settled_at=now) + gone.update(
        state=State.CANCELLED, settled_at=now
    )
