"""The page of a policy: what is gathered for it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from commands import words
from commands.answers import pretty
from devices.conditions import Invalid

from .. import counts, cycles, live
from ..actions import orders
from ..models import Action, DailyCount, Policy, State
from .action import state_badge

SHOWN, PROBLEMS = 20, 5


@dataclass(frozen=True)
class Day:
    """A day of the chart: its counts, each as a share of the fullest day."""

    count: DailyCount
    complies: str
    violates: str
    unknown: str


def listed(name: str, **query: str | int) -> str:
    """Return the address of a list with these filters."""
    return f"{reverse(f'admin:compliance_{name}_changelist')}?{urlencode(query)}"


def link(policy: Policy, state: State, count: int) -> SafeString:
    """Return a count that leads to what it counts."""
    if not count:
        return format_html('<span class="mp-subtle">{}</span>', 0)
    url = listed("standing", policy__id__exact=policy.pk, state=state.value)
    return format_html('<a class="mp-link" href="{}">{}</a>', url, count)


def for_whom(policy: Policy) -> str:
    """Return who the policy is for, in words."""
    groups = ", ".join(str(group) for group in policy.groups.all())
    platforms = ", ".join(policy.platforms)
    return " · ".join(filter(None, (groups, platforms))) or "all enrolled devices"


def context(policy: Policy) -> dict[str, Any]:
    found = counts.now([policy.pk])[policy.pk]
    violating = policy.standings.filter(state=State.VIOLATES)
    first = violating.select_related("device").order_by("-since", "-pk")[:SHOWN]
    return {
        "policy": policy,
        "for_whom": for_whom(policy),
        "cell": live.cell(policy, found),
        "counts": found,
        "judged": found.total(),
        "days": days(policy),
        "violating": list(first),
        "all_url": listed("standing", policy__id__exact=policy.pk),
        "violating_url": listed(
            "standing", policy__id__exact=policy.pk, state=State.VIOLATES.value
        ),
        "actions_url": listed("action", policy__id__exact=policy.pk),
        "is_circular": policy.pk in cycles.circular(),
        **_asked(policy),
        **_done(policy),
    }


def _asked(policy: Policy) -> dict[str, Any]:
    try:
        asked = [item.words() for item in policy.rules.items]
    except Invalid as problem:
        return {"asked": [], "asked_problem": str(problem)}
    return {"asked": asked, "asked_problem": ""}


def days(policy: Policy) -> Sequence[Day]:
    """Return the chart's days; [] before there is anything to show."""
    rows = counts.days(policy)
    most = max(row.total for row in rows)

    def share(count: int) -> str:
        return f"{100 * count / most:.2f}%"

    return [
        Day(row, share(row.complies), share(row.violates), share(row.unknown))
        for row in rows
        if most
    ]


def _done(policy: Policy) -> dict[str, Any]:
    """Return what the policy does, and what became of it so far."""
    rows = policy.actions.order_by()
    counted = rows.values_list("kind", "state").annotate(n=Count("pk"))
    outcomes = [
        (
            Action.Kind(kind).label,
            state_badge(state),
            count,
            listed("action", policy__id__exact=policy.pk, kind=kind, state=state),
        )
        for kind, state, count in sorted(counted)
    ]
    waiting = policy.standings.filter(state=State.VIOLATES, acted_at=None)
    first = waiting.order_by("since").values_list("since", flat=True).first()
    problems = policy.actions.exclude(problem="").exclude(state=Action.State.DROPPED)
    return {
        "outcomes": outcomes,
        "first_due": first and first + dt.timedelta(hours=policy.grace_hours),
        "problems": list(problems.select_related("device")[:PROBLEMS]),
        "may_retry": problems.exclude(state=Action.State.DONE).exists(),
        **_command(policy),
    }


def _command(policy: Policy) -> dict[str, Any]:
    if not policy.command_type:
        return {}
    return {
        "command_title": words.title(policy.command_type),
        "command_keys": pretty(policy.keys) if policy.keys else "",
        "command_problem": orders.refusal(policy),
    }
