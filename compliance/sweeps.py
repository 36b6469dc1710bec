"""Sweeps: every device is looked at, by policies that ask for time or were changed.

How far a sweep has come is kept with its policy, so it survives whoever is at it.
"""

import time
from collections.abc import Iterable

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from devices.models import Device

from .evaluation import BATCH, evaluate
from .models import Policy

SECONDS = 5
"""How long one run of the task goes on: a worker has other things to do, too."""


def begin(policies: QuerySet[Policy] | None = None) -> int:
    """Have all devices looked at anew by these policies, or all in force."""
    if policies is None:
        policies = Policy.objects.filter(is_enabled=True, sweep_after=None)
    total = Device.objects.count()
    return policies.update(sweep_after=0, sweep_total=total, sweep_done=0)


def go_on() -> bool:
    """Go on for SECONDS with what is under way; return whether there is more."""
    until = time.monotonic() + SECONDS
    while step():
        if time.monotonic() > until:
            return True
    return False


@transaction.atomic
def step() -> int:
    """Look at the next devices for those policies that have come least far.

    Return how many devices; 0 when nothing is under way, or all of it is done by
    others.
    """
    rows = Policy.objects.filter(sweep_after__isnull=False).order_by("pk")
    rows = rows.defer(*Policy.SECRETS)
    mine = list(rows.select_for_update(no_key=True, skip_locked=True))
    if not mine:
        return 0
    after = min(each.sweep_after or 0 for each in mine)
    level = [each.pk for each in mine if each.sweep_after == after]
    later = Device.objects.filter(pk__gt=after).order_by("pk")
    ids = list(later.values_list("pk", flat=True)[:BATCH])
    evaluate(ids, level)
    _note(level, ids)
    return len(ids) or 1


def _note(policies: Iterable[int], ids: list[int]) -> None:
    rows = Policy.objects.filter(pk__in=list(policies))
    if len(ids) == BATCH:
        rows.update(sweep_after=ids[-1], sweep_done=F("sweep_done") + len(ids))
    else:
        done = F("sweep_done") + len(ids)
        rows.update(sweep_after=None, sweep_done=done, swept_at=timezone.now())
