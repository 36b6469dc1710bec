"""Forgetting: what grows by itself and is of no use any more is deleted, in batches.

Each batch is a transaction of its own, and each run ends after so many: what is left
waits for the next. All of it may run twice at once.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from devices.models import Application, Change, InstalledApplication, Location

from . import queue
from .models import OPEN, Command, Delivery, Order, Recipient, Result

BATCH = 5000
BATCHES = 50

SCHEDULED_FOR = dt.timedelta(days=3)
"""How long the orders that the inventory places by itself are kept, with their raw
answers. What those said stays in the inventory, what they changed in the history."""

DRAFTS_FOR = dt.timedelta(days=1)
"""How long an order is kept that was looked at and not confirmed."""

COMMANDS = 500
"""How many of those orders are looked at together."""


def changes() -> int:
    """Forget what changed longer ago than HISTORY_DAYS; return how much."""
    limit = timezone.now() - dt.timedelta(days=settings.HISTORY_DAYS)
    old = Change.objects.filter(at__lt=limit).order_by("at")
    return _repeat(lambda: _delete(old))


def locations() -> int:
    """Forget where devices were longer ago than LOCATION_DAYS; return how much.

    The raw answers tell it too, so they go with the places.
    """
    limit = timezone.now() - dt.timedelta(days=settings.LOCATION_DAYS)
    said = Result.objects.filter(
        delivery__command__request_type="DeviceLocation", received_at__lt=limit
    )
    _repeat(lambda: _delete(said.order_by("pk")))
    old = Location.objects.filter(taken_at__lt=limit).order_by("taken_at")
    return _repeat(lambda: _delete(old))


def applications() -> int:
    """Forget applications that no device has any more; return how many."""
    having = InstalledApplication.objects.filter(application=OuterRef("pk"))
    unused = Application.objects.filter(~Exists(having)).order_by("pk")
    try:
        return _repeat(lambda: _delete(unused))
    except IntegrityError:
        return 0  # a device got one of them just now: another time


def scheduled() -> int:
    """Forget the inventory's own orders that are over; return how many deliveries."""
    limit = timezone.now() - SCHEDULED_FOR
    old = Command.objects.filter(priority=queue.SCHEDULED, ordered_at__lt=limit)
    ids = old.order_by("pk").values_list("pk", flat=True)
    done, last = 0, 0
    for _ in range(BATCHES):
        commands = list(ids.filter(pk__gt=last)[:COMMANDS])
        if not commands:
            break
        done += _repeat(partial(_forget_deliveries, commands))
        _forget_empty(commands)
        last = commands[-1]
    return done


def drafts() -> int:
    """Forget orders that nobody confirmed, with their recipients; return how many."""
    limit = timezone.now() - DRAFTS_FOR
    old = Order.objects.filter(state=Order.State.DRAFT, ordered_at__lt=limit)
    done = 0
    for pk in list(old.order_by("pk").values_list("pk", flat=True)[:BATCHES]):
        done += _forget_draft(pk)
    return done


@transaction.atomic
def _forget_draft(pk: int) -> int:
    """Delete one, unless it was confirmed just now."""
    rows = Order.objects.select_for_update().filter(state=Order.State.DRAFT)
    draft = rows.filter(pk=pk).first()
    if draft is None:
        return 0
    _raw(Recipient.objects.filter(order=draft))
    draft.delete()
    return 1


@transaction.atomic
def _forget_deliveries(commands: Sequence[int]) -> int:
    over = Delivery.objects.filter(command__in=commands).exclude(state__in=OPEN)
    ids = list(over.order_by("pk").values_list("pk", flat=True)[:BATCH])
    answers = Result.objects.filter(delivery__in=ids)
    answers._raw_delete(answers.db)
    return _raw(Delivery.objects.filter(pk__in=ids))


@transaction.atomic
def _forget_empty(commands: Sequence[int]) -> None:
    left = Delivery.objects.filter(command__in=commands).order_by()
    busy = set(left.values_list("command", flat=True).distinct())
    _raw(Command.objects.filter(pk__in=[pk for pk in commands if pk not in busy]))


@transaction.atomic
def _delete(rows: "QuerySet[Any]") -> int:
    ids = list(rows.values_list("pk", flat=True)[:BATCH])
    return _raw(rows.model.objects.filter(pk__in=ids)) if ids else 0


def _raw(rows: QuerySet[Any]) -> int:
    """Delete rows that nothing hangs on, without looking for that."""
    return int(rows._raw_delete(rows.db) or 0)


def _repeat(one: Callable[[], int]) -> int:
    done = 0
    for _ in range(BATCHES):
        count = one()
        done += count
        if count < BATCH:
            break
    return done
