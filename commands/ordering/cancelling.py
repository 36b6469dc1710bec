"""Cancelling: what is not sent yet stays unsent; of the rest the truth is told."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from devices.models import AuditEntry

from ..models import Delivery, Order, State
from . import recipients, rights

BATCH = 5000
S = Order.State
UNSENT = (State.QUEUED, State.POSTPONED)
TOO_LATE = (State.SENT, State.ACKNOWLEDGED)


@dataclass(frozen=True)
class Cancelled:
    """How many were not written yet, were written and not sent, and had been sent."""

    waiting: int
    unsent: int
    too_late: int


def cancel(order: Order, by: Any) -> Cancelled:
    """Cancel all of an order that is not sent; return what became of the others.

    Nothing more is written from the first transaction on. What is queued follows in
    batches; who dies between them leaves the rest to the task. What was sent may be
    under way, or done: it is too late for that. Raises NotAllowed and TooLate.
    """
    with transaction.atomic():
        rights.lock(order)
        rights.check_cancelling(by, order)
        states = (S.DRAFT, S.AWAITING, S.RUNNING, S.PAUSED, S.DONE, S.CANCELLED)
        rights.check_state(order, *states)
        if order.state == S.DONE and not _deliveries(order, UNSENT).exists():
            return Cancelled(0, 0, _deliveries(order, TOO_LATE).count())
        waiting = recipients.withdraw(order)
        if order.state != S.CANCELLED:
            _note(order, by)
    unsent = 0
    while count := _cancel_batch(order):
        unsent += count
    order.next_at = None
    order.save(update_fields=["next_at"])
    return Cancelled(waiting, unsent, _deliveries(order, TOO_LATE).count())


def _note(order: Order, by: Any) -> None:
    """Write down that an order is cancelled, and due until all of it is."""
    now = timezone.now()
    order.state, order.why = S.CANCELLED, ""
    order.next_at, order.finished_at = now, now
    order.save(update_fields=["state", "why", "next_at", "finished_at"])
    did = f"cancelled {order.request_type}"
    AuditEntry.write(by, did, to_whom(order), order=order.pk)


def _deliveries(order: Order, states: Collection[str]) -> QuerySet[Delivery]:
    return Delivery.objects.filter(command__order=order, state__in=states)


def go_on(order: Order, now: dt.datetime) -> None:
    """Cancel what somebody left who began with it; the order's row is held."""
    if _cancel_batch(order):
        order.next_at = now


@transaction.atomic
def _cancel_batch(order: Order) -> int:
    unsent = _deliveries(order, UNSENT).order_by("pk")
    ids = list(unsent.values_list("pk", flat=True)[:BATCH])
    # What was sent in the meantime is not cancelled any more.
    rows = Delivery.objects.filter(pk__in=ids, state__in=UNSENT)
    return rows.update(state=State.CANCELLED, settled_at=timezone.now())


def to_whom(order: Order) -> Any:
    """Return the device that an order is to, or whom in words if it is to several."""
    if order.total == 1:
        only = order.recipients.select_related("device").first()
        if only:
            return only.device
    return order.audience or f"{order.total} devices"
