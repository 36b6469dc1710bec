"""Planning: from verdicts to what is to be done about them."""

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from .. import cycles
from ..models import Action, Policy, Standing, State
from . import tags

Kind = Action.Kind

BATCH = 500
ORDERED_EVERY = dt.timedelta(days=1)
KEPT_FOR = dt.timedelta(days=30)

SENT: Mapping[Kind, Callable[[Policy], bool]] = {
    Kind.EMAIL: lambda policy: bool(policy.emails),
    Kind.WEBHOOK: lambda policy: bool(policy.webhook_url),
}
"""What tells somebody, and whether a policy does."""


def plan() -> int:
    """Begin what is due and end what is over; return for how many devices."""
    rows = Policy.objects.filter(_pending()).defer(*Policy.SECRETS)
    pending = list(rows.order_by("pk"))
    restless = cycles.circular() if pending else set()
    return sum(
        _all(step, policy)
        for policy in pending
        for step in ((_end,) if policy.pk in restless else (_end, _begin))
    )


def _pending() -> Q:
    """Return the policies with a verdict that nothing was done about yet."""
    rows = Standing.objects.filter(
        Q(state=State.VIOLATES, acted_at=None)
        | Q(state=State.COMPLIES, acted_at__isnull=False)
    )
    return Q(is_enabled=True, pk__in=rows.order_by().values("policy"))


def _all(step: Callable[[int], int], policy: Policy) -> int:
    done = 0
    while count := step(policy.pk):
        done += count
    return done


def lock(policies: Iterable[int]) -> list[Policy]:
    """Return these policies, locked: their verdicts are written by one at a time."""
    rows = Policy.objects.select_for_update(no_key=True).filter(pk__in=list(policies))
    return list(rows.defer(*Policy.SECRETS).order_by("pk"))


@transaction.atomic
def _begin(pk: int) -> int:
    """Begin the actions of the devices whose grace is over; return how many."""
    now = timezone.now()
    for policy in lock([pk]):
        grace = dt.timedelta(hours=policy.grace_hours)
        due = policy.standings.filter(
            state=State.VIOLATES, acted_at=None, since__lte=now - grace
        )
        rows = list(due.order_by("since", "pk")[:BATCH])
        _act(policy, rows, State.VIOLATES)
        Standing.objects.filter(pk__in=[row.pk for row in rows]).update(acted_at=now)
        return len(rows)
    return 0


@transaction.atomic
def _end(pk: int) -> int:
    """Take back the actions of the devices that comply again; return how many."""
    for policy in lock([pk]):
        over = policy.standings.filter(state=State.COMPLIES, acted_at__isnull=False)
        rows = list(over.order_by("pk")[:BATCH])
        _act(policy, rows, State.COMPLIES)
        Standing.objects.filter(pk__in=[row.pk for row in rows]).update(acted_at=None)
        return len(rows)
    return 0


def _act(policy: Policy, rows: Sequence[Standing], about: State) -> None:
    devices = [row.device_id for row in rows]
    if about == State.VIOLATES:
        made = _made(policy, Kind.TAG, tags.put(policy.tag_id, devices))
        made += _orders(policy, devices)
        untold: set[int] = set()
    else:
        made = _made(policy, Kind.UNTAG, tags.take_off(policy, devices))
        untold = drop(policy, devices)
    reasons = {row.device_id: row.reasons for row in rows}
    for kind, is_wanted in SENT.items():
        if is_wanted(policy):
            told = [pk for pk in devices if kind != Kind.EMAIL or pk not in untold]
            made += _rows(policy, kind, told, about=about, reasons=reasons)
    Action.objects.bulk_create(made)


def drop(policy: Policy, devices: Collection[int]) -> set[int]:
    """Drop what waits and is not needed any more; return whose e-mail it was.

    A webhook is told of both: it keeps the state.
    """
    waiting = Action.objects.filter(
        policy=policy,
        device__in=devices,
        kind__in=(Kind.EMAIL, Kind.COMMAND),
        state=Action.State.WAITING,
    )
    emails = waiting.filter(kind=Kind.EMAIL, about=State.VIOLATES)
    untold = set(emails.values_list("device", flat=True))
    waiting.update(state=Action.State.DROPPED, settled_at=timezone.now())
    return untold


def leave(policy: Policy, rows: Sequence[Standing]) -> None:
    """Take back what was done to devices that the policy is not for any more."""
    acted = [row.device_id for row in rows if row.acted_at]
    if acted:
        drop(policy, acted)
        gone = tags.take_off(policy, acted)
        Action.objects.bulk_create(_made(policy, Kind.UNTAG, gone))


def _rows(
    policy: Policy,
    kind: Kind,
    devices: Iterable[int],
    *,
    about: State = State.VIOLATES,
    reasons: Mapping[int, list[str]] | None = None,
) -> list[Action]:
    now = timezone.now()
    return [
        Action(
            policy=policy,
            device_id=pk,
            kind=kind,
            about=about,
            reasons=(reasons or {}).get(pk, []),
            next_at=now,
            created_at=now,
        )
        for pk in devices
    ]


def _made(policy: Policy, kind: Kind, devices: Iterable[int]) -> list[Action]:
    """Return the rows of what was done in this very transaction."""
    about = State.VIOLATES if kind == Kind.TAG else State.COMPLIES
    rows = _rows(policy, kind, devices, about=about)
    for row in rows:
        row.state, row.settled_at = Action.State.DONE, row.created_at
    return rows


def _orders(policy: Policy, devices: Collection[int]) -> list[Action]:
    """Return the command for each device, but once a day: else a row that says so."""
    if not policy.command_type:
        return []
    before = Action.objects.filter(
        policy=policy,
        device__in=devices,
        kind=Kind.COMMAND,
        state__in=(Action.State.WAITING, Action.State.DONE),
        created_at__gt=timezone.now() - ORDERED_EVERY,
    )
    ordered = set(before.values_list("device", flat=True))
    rows = _rows(policy, Kind.COMMAND, devices)
    for row in rows:
        if row.device_id in ordered:
            row.state, row.settled_at = Action.State.DROPPED, row.created_at
            row.problem = "It was ordered within the last day already."
    return rows


def forget() -> int:
    """Delete what was settled long ago; return how many."""
    old = Action.objects.filter(created_at__lt=timezone.now() - KEPT_FOR)
    return old.exclude(state=Action.State.WAITING).delete()[0]
