"""Writing: an order's commands and deliveries, batch by batch.

Each step is one transaction that holds the order's row: recipients and deliveries are
written together or not at all. Who dies leaves the order due for whoever comes next,
and two that come at once take different orders, or turns.
"""

import datetime as dt
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import F, Min, Q, QuerySet
from django.utils import timezone

from devices.models import Channel, Enrollment

from .. import availability, filled, orders, queue
from ..models import OPEN, Command, Delivery, Order, Recipient, State
from . import cancelling, recipients, stages
from .recipients import QUEUED, WAITING, Outcome
from .windows import Window, zone

logger = logging.getLogger(__name__)

INLINE = 500
"""So many recipients are written at once, in the transaction that confirms an order."""

RUN_FOR = 10.0
"""Seconds after which a run ends, so that the worker gets to other things."""

AFTER_TROUBLE = dt.timedelta(minutes=1)
"""When an order that could not be written is tried again."""

LOOK_EVERY = dt.timedelta(minutes=1)
"""How often it is looked whether what was sent in a window is answered."""

LEFT = "left management since"
EXPIRED = "the order expired before it could be sent"
UNAPPROVED = "Nobody approved it in time."

S = Order.State


# --- Who does it, and when


def run_due() -> int:
    """Take orders that are due further, in turns; return to how many it was written."""
    done, until = 0, time.monotonic() + RUN_FOR
    while time.monotonic() < until:
        count = _take_one()
        if count is None:
            break
        done += count
    return done


@transaction.atomic
def _take_one() -> int | None:
    """Take the order that is due longest one step further; None if none is due."""
    due = Order.objects.filter(next_at__lte=timezone.now())
    rows = due.select_for_update(of=("self",), skip_locked=True)
    order = rows.order_by("-priority", "next_at", "pk").first()
    if order is None:
        return None
    try:
        with transaction.atomic():
            return step(order)
    except Exception:
        logger.exception("order %s cannot be written", order.pk)
        later = timezone.now() + AFTER_TROUBLE
        Order.objects.filter(pk=order.pk).update(next_at=later)
        return 0


def begin(order: Order) -> None:
    """Write a small order at once, as far as it is due; have the task do a large one.

    The caller holds the order's row.
    """
    if order.total <= INLINE:
        while order.next_at and order.next_at <= timezone.now():
            step(order)
    else:
        ask_to_write()


def ask_to_write() -> None:
    """Have the task run once the transaction in hand has committed."""

    def publish() -> None:
        from ..tasks import write_orders

        write_orders.delay()

    transaction.on_commit(publish, robust=True)


def step(order: Order) -> int:
    """Do what is due for an order whose row is held; return to how many it wrote."""
    now = timezone.now()
    written = 0
    order.next_at = None
    if order.state == S.CANCELLED:
        cancelling.go_on(order, now)
    elif order.state == S.AWAITING:
        lapse(order, UNAPPROVED)
    elif order.expires_at and order.expires_at <= now:
        order.why = ""
        recipients.refuse_waiting(order, EXPIRED)
        finish(order)
    elif order.state == S.RUNNING:
        written = _write_next(order, now)
    order.save(
        update_fields=[
            *("state", "why", "queued", "refused", "next_at", "finished_at"),
            *("first_at", "rest_at", "decided_at"),
        ]
    )
    return written


def lapse(order: Order, why: str) -> None:
    """Let an order end that nobody approved."""
    recipients.withdraw(order)
    order.state, order.why, order.next_at = S.REJECTED, why[:255], None
    order.finished_at = timezone.now()


def finish(order: Order) -> None:
    order.state, order.next_at, order.finished_at = S.DONE, None, timezone.now()


# --- The next batch


def _write_next(order: Order, now: dt.datetime) -> int:
    """Write the next batch, or set when there is something to do again."""
    if order.window and _take_back(order, now) == queue.BATCH:
        order.next_at = now
        return 0
    if order.waits_for_the_first:
        stages.look(order, now)
        if order.waits_for_the_first:
            return 0
    waiting = order.recipients.filter(state=WAITING).order_by("pk")
    closes_at = None
    if order.window:
        places, closes_at = _open_places(order, waiting, now)
        waiting = waiting.filter(device__time_zone__in=places)
    batch = list(waiting[: stages.most(order, queue.BATCH)])
    if batch:
        expires_at = min(filter(None, (order.expires_at, closes_at)), default=None)
        _write(order, batch, expires_at, _pace(order, len(batch), closes_at, now))
        stages.note(order, now)
        if order.window or order.queued + order.refused < order.total:
            order.next_at = order.next_at or now
    elif order.window:
        order.next_at = _window_at(order, now)
    if order.next_at is None:
        finish(order)
    return len(batch)


def _write(
    order: Order,
    batch: Sequence[Recipient],
    expires_at: dt.datetime | None,
    pace: queue.Pace | None,
) -> None:
    """Queue an order for some of its recipients, and write down what became of each."""
    ids = [each.channel_id for each in batch if each.channel_id]
    found = Channel.objects.filter(pk__in=ids).select_related("enrollment__device")
    gone = Q(enrollment__state=Enrollment.State.ENDED)
    staying = list(found.exclude(gone).order_by("pk"))
    said = filled.Own(order.keys, order.passwords)
    sorted_ = _sort(order, staying, said.keys)
    commands = _commands(order, said, sorted_.groups)
    rows = queue.enqueue_each(commands, expires_at=expires_at, pace=pace)
    deliveries = {row.channel_id: row.pk for row in rows}
    reasons = {channel.pk: why for channel, why in sorted_.refused}
    outcomes = [_outcome(each, deliveries, reasons) for each in batch]
    recipients.settle(outcomes)
    queued = sum(outcome.delivery is not None for outcome in outcomes)
    order.queued += queued
    order.refused += len(outcomes) - queued


def _outcome(
    recipient: Recipient, deliveries: Mapping[int, int], reasons: Mapping[int, str]
) -> Outcome:
    channel = recipient.channel_id or 0
    if channel in deliveries:
        return Outcome(recipient.pk, deliveries[channel])
    return Outcome(recipient.pk, reason=reasons.get(channel) or LEFT)


def _sort(
    order: Order, channels: Sequence[Channel], keys: Mapping[str, Any]
) -> orders.Sorted:
    """Return who is told what; of a custom command nothing is filled in."""
    if not order.is_custom:
        return orders.sort(channels, order.request_type, keys)
    why = availability.refusals(channels, order.request_type, keys)
    refused = [(each, why[each.pk]) for each in channels if why[each.pk]]
    alike = {each.pk: each.enrollment.device for each in channels if not why[each.pk]}
    group = orders.Group(filled.Own(), alike)
    return orders.Sorted([group] if alike else [], refused)


def _commands(
    order: Order, said: filled.Own, groups: Sequence[orders.Group]
) -> list[tuple[Command, Sequence[int]]]:
    """Return a command for each group: the order's own where none has other keys."""
    made: list[tuple[Command, Sequence[int]]] = []
    is_shared = order.is_custom or order.request_type not in filled.FILLINGS
    shared = order.commands.order_by("pk").first() if is_shared else None
    for group in groups:
        command = shared or Command(
            request_type=order.request_type,
            ordered_by_id=order.ordered_by_id,
            note=order.note,
            expires_at=order.expires_at,
            priority=order.priority,
            order=order,
        )
        orders.fill(command, said, group.own)
        made.append((command, tuple(group.channels)))
    return made


def _pace(
    order: Order, count: int, closes_at: dt.datetime | None, now: dt.datetime
) -> queue.Pace | None:
    """Return when to push a batch: at its share of the time they are spread over."""
    if not order.spread:
        return None
    spread = dt.timedelta(seconds=order.spread)
    if closes_at:
        spread = min(spread, (closes_at - now) * 0.9)
    part = spread / max(order.total, 1)
    return queue.Pace(now + part * (order.queued + order.refused), part * count)


# --- Windows


def _open_places(
    order: Order, waiting: QuerySet[Recipient], now: dt.datetime
) -> tuple[list[str], dt.datetime | None]:
    """Return in which zones the window is open that closes first, and when that is."""
    window = Window.read(order.window or {})
    ends = {name: window.closes_at(now, zone(name)) for name in _places(waiting)}
    first = min(filter(None, ends.values()), default=None)
    return [name for name, end in ends.items() if end and end == first], first


def _places(waiting: QuerySet[Recipient]) -> list[str]:
    names = waiting.order_by().values_list("device__time_zone", flat=True)
    return list(names.distinct())


def _window_at(order: Order, now: dt.datetime) -> dt.datetime | None:
    """Return when a window opens, closes, or the order ends; None if all is over."""
    window = Window.read(order.window or {})
    waiting = order.recipients.filter(state=WAITING)
    opens = [window.opens_at(now, zone(name)) for name in _places(waiting)]
    under_way = Delivery.objects.filter(recipient__order=order, state__in=OPEN)
    ends = under_way.order_by().values_list("state").annotate(at=Min("expires_at"))
    # What was sent may be postponed yet, also after the window.
    closes = [now + LOOK_EVERY if state == State.SENT else at for state, at in ends]
    moments = [*opens, *(max(each, now) for each in closes)]
    if moments and order.expires_at:
        moments.append(order.expires_at)
    return min(moments, default=None)


def _take_back(order: Order, now: dt.datetime) -> int:
    """Have those wait for the next window that were sent nothing in this one.

    Return how many, BATCH at most.
    """
    late = Q(delivery__state__in=(State.QUEUED, State.POSTPONED))
    late &= Q(delivery__expires_at__lte=now)
    put_off = Q(delivery__attempts__lte=F("delivery__postponements"))
    late |= Q(delivery__state=State.EXPIRED) & put_off
    rows = order.recipients.filter(late, state=QUEUED).values_list("pk", "delivery")
    pairs = list(rows.order_by("pk")[: queue.BATCH])
    if not pairs:
        return 0
    unsent = Delivery.objects.filter(pk__in=[pk for _, pk in pairs])
    unsent.filter(state__in=(State.QUEUED, State.POSTPONED)).update(
        state=State.EXPIRED, settled_at=now
    )
    # What was sent in the meantime stays with its delivery: it must not come twice.
    back = order.recipients.filter(
        pk__in=[pk for pk, _ in pairs], delivery__state=State.EXPIRED
    )
    order.queued -= back.update(state=WAITING, delivery=None)
    order.first_at = order.first_at if order.rest_at else None
    return len(pairs)
