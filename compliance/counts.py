"""Counts: how many devices stand how, now and day by day."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from django.db.models import Count
from django.utils import timezone

from .models import DailyCount, Policy, Standing, State

DAYS = 30
KEPT_FOR = dt.timedelta(days=2 * 365)


def now(policies: Iterable[int] | None = None) -> Mapping[int, Counter[str]]:
    """Return how many devices stand how, by policy; one statement for all of them."""
    rows = Standing.objects.order_by()
    if policies is not None:
        rows = rows.filter(policy__in=list(policies))
    found: dict[int, Counter[str]] = defaultdict(Counter)
    for policy, state, count in rows.values_list("policy", "state").annotate(
        n=Count("pk")
    ):
        found[policy][state] = count
    return found


def keep() -> int:
    """Write down today's counts, in place of what was counted earlier today."""
    today = timezone.localdate()
    found = now()
    rows = [
        DailyCount(
            policy=policy,
            day=today,
            **{state: found[policy.pk][state] for state in State.values}
            if policy.pk in found
            else {},
        )
        for policy in Policy.objects.filter(is_enabled=True).only("pk")
    ]
    DailyCount.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["policy", "day"],
        update_fields=list(State.values),
    )
    DailyCount.objects.filter(day__lt=today - KEPT_FOR).delete()
    return len(rows)


def days(policy: Policy) -> list[DailyCount]:
    """Return the last DAYS days, oldest first; today as it is now, and a day on which
    nothing was counted as 0."""
    today = timezone.localdate()
    first = today - dt.timedelta(days=DAYS - 1)
    kept = {row.day: row for row in policy.daily_counts.filter(day__gte=first)}
    kept[today] = DailyCount(policy=policy, day=today, **now([policy.pk])[policy.pk])
    spread = (first + dt.timedelta(days=n) for n in range(DAYS))
    return [kept.get(day) or DailyCount(policy=policy, day=day) for day in spread]
