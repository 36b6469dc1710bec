"""Recurring: orders that come of the calendar, in the name of who set them up.

Each of them is an order like any other: whoever is in the group then gets it, the
account must still have the right, and where a rule asks for a second person, each time
one has to approve it, before the next time comes. Nobody can approve beforehand what
will go to devices that are not known yet.
"""

import calendar
import datetime as dt

from django.db import transaction
from django.utils import timezone

from devices.models import Device, Enrollment

from .. import destructive
from ..checking import Invalid
from ..destructive import Level
from ..models import RecurringOrder
from ..targets import Targets
from . import rights
from .confirming import order
from .windows import DAY, moment, zone

LOOK_AHEAD = 366 + 31
"""Days; whatever recurs does so within them."""


def next_time(recurring: RecurringOrder, after: dt.datetime) -> dt.datetime | None:
    """Return when it is ordered next after that; None if it has no days."""
    where = zone(recurring.time_zone)
    today = after.astimezone(where).date()
    for day in (today + DAY * number for number in range(LOOK_AHEAD)):
        if _is_on(recurring, day):
            at = moment(day, recurring.at, where)
            if at > after:
                return at
    return None


def _is_on(recurring: RecurringOrder, day: dt.date) -> bool:
    if recurring.days:
        return day.weekday() in recurring.days
    last = calendar.monthrange(day.year, day.month)[1]
    return recurring.day is not None and day.day == min(recurring.day, last)


def run_recurring() -> int:
    """Order what is due, once each however late it is; return how many orders."""
    _plan()
    done = 0
    while (was_ordered := _take_one()) is not None:
        done += was_ordered
    return done


def _plan() -> None:
    """Set the next time of those that were made or switched on."""
    for each in RecurringOrder.objects.filter(is_enabled=True, next_at=None):
        at = next_time(each, timezone.now())
        if at:
            same = RecurringOrder.objects.filter(pk=each.pk, next_at=None)
            same.update(next_at=at)


@transaction.atomic
def _take_one() -> bool | None:
    """Order one that is due; whether it could be, None if none is due."""
    now = timezone.now()
    due = RecurringOrder.objects.filter(is_enabled=True, next_at__lte=now)
    rows = due.select_for_update(of=("self",), skip_locked=True)
    recurring = rows.order_by("next_at", "pk").first()
    if recurring is None:
        return None
    recurring.next_at = next_time(recurring, now)
    recurring.last_at = now
    recurring.trouble = _order(recurring, now)[:255]
    recurring.save(update_fields=["next_at", "last_at", "trouble"])
    return not recurring.trouble


def _order(recurring: RecurringOrder, now: dt.datetime) -> str:
    """Order it; return why that could not be, in words, '' if it could."""
    by = recurring.ordered_by
    if by is None:
        return "The account that it orders for is gone: save it anew."
    if destructive.level(recurring.request_type, recurring.keys) == Level.ERASING:
        return "Erasing is never ordered by the calendar."
    if not by.is_active:
        return f"The account of {by} is switched off: let somebody else save it."
    try:
        order(
            targets(recurring),
            recurring.request_type,
            recurring.keys,
            by=by,
            note=recurring.note,
            spread=recurring.spread,
            expires_at=_expires_at(recurring, now),
            recurring=recurring,
        )
    except rights.NotAllowed as problem:
        return f"{by}: {problem}."
    except Invalid as problem:
        return f"Not ordered: {problem}."
    return ""


def targets(recurring: RecurringOrder) -> Targets:
    """Return whoever would get it now."""
    if recurring.group:
        return Targets(recurring.group.devices.all(), label=f"Group {recurring.group}")
    active = Enrollment.objects.filter(state=Enrollment.State.ACTIVE)
    devices = Device.objects.filter(pk__in=active.values("device"))
    return Targets(devices, label="All enrolled devices")


def _expires_at(recurring: RecurringOrder, now: dt.datetime) -> dt.datetime | None:
    """Return when it is too late for a device: before the order comes again."""
    life = recurring.expires_after
    own = now + dt.timedelta(seconds=life) if life else None
    return min(filter(None, (own, recurring.next_at)), default=None)
