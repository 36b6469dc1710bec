"""Evaluation: how devices stand with policies, by differences and for many at once."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone

from devices.conditions import Condition, Invalid
from devices.models import Change, Device, Enrollment

from . import cycles, rules
from .actions import planning
from .models import Policy, Standing, State

BATCH = 500
"""Devices at once: what a statement can name."""


@dataclass(frozen=True)
class Verdict:
    state: State
    reasons: list[str]


@transaction.atomic
def evaluate(ids: Collection[int], policies: Iterable[int] | None = None) -> int:
    """Settle how these devices stand with these policies, or all; return what changed.

    ``ids`` are at most BATCH. The policies are locked: who comes with an older look at
    a device waits, and looks again.
    """
    if policies is None:
        policies = Policy.objects.order_by().values_list("pk", flat=True)
    chosen = planning.lock(policies)
    if not chosen or not ids:
        return 0
    return _Settling(_scopes(ids, chosen), _standings(ids, chosen)).settle(chosen)


# --- Who a policy is for


def _scopes(
    ids: Collection[int], policies: Sequence[Policy]
) -> Mapping[int, frozenset[int]]:
    """Return which of the devices each policy is for."""
    stays = Enrollment.objects.filter(
        device__in=ids, state=Enrollment.State.ACTIVE
    ).order_by()
    platforms = dict(stays.values_list("device", "device__platform"))
    groups = _groups(policies)
    members = _members(ids, {pk for each in groups.values() for pk in each})
    return {
        policy.pk: frozenset(
            pk
            for pk, platform in platforms.items()
            if policy.is_enabled
            and (not policy.platforms or platform in policy.platforms)
            and (policy.pk not in groups or groups[policy.pk] & members[pk])
        )
        for policy in policies
    }


def _groups(policies: Sequence[Policy]) -> Mapping[int, set[int]]:
    """Return the groups of each policy that has any."""
    found: dict[int, set[int]] = defaultdict(set)
    rows = Policy.groups.through.objects.filter(policy__in=policies)
    for policy, group in rows.values_list("policy", "devicegroup"):
        found[policy].add(group)
    return found


def _members(ids: Collection[int], groups: Collection[int]) -> Mapping[int, set[int]]:
    """Return in which of the groups each device is."""
    found: dict[int, set[int]] = defaultdict(set)
    if groups:
        rows = Device.groups.through.objects.filter(
            devicegroup__in=groups, device__in=ids
        )
        for device, group in rows.values_list("device", "devicegroup"):
            found[device].add(group)
    return found


def _standings(
    ids: Collection[int], policies: Sequence[Policy]
) -> Mapping[int, dict[int, Standing]]:
    found: dict[int, dict[int, Standing]] = defaultdict(dict)
    for row in Standing.objects.filter(device__in=ids, policy__in=policies):
        found[row.policy_id][row.device_id] = row
    return found


# --- Verdicts


def verdicts(policy: Policy, ids: Collection[int]) -> dict[int, Verdict]:
    """Return how each of these devices stands: two statements for a condition at most,
    and one for the devices of which something is to be said."""
    try:
        items = policy.rules.items
    except Invalid as problem:
        return {pk: Verdict(State.UNKNOWN, [str(problem)]) for pk in ids}
    failing: dict[int, list[Condition]] = defaultdict(list)
    silent: dict[int, list[Condition]] = defaultdict(list)
    for item in items:
        for pk, is_told in _unmet(item, ids):
            (failing if is_told else silent)[pk].append(item)
    devices = Device.objects.in_bulk(failing.keys()) if failing else {}
    asked = {item: item.words() for item in items} if failing or silent else {}
    return {
        pk: _verdict(devices.get(pk), failing.get(pk, ()), silent.get(pk, ()), asked)
        for pk in ids
    }


def _unmet(item: Condition, ids: Collection[int]) -> Iterable[tuple[int, bool]]:
    """Yield who does not meet the condition, and whether they have told at all."""
    met = Device.objects.filter(item.q(), pk__in=ids).order_by()
    rest = set(ids) - set(met.values_list("pk", flat=True))
    unknown = item.unknown() if rest else None
    silent: set[int] = set()
    if unknown is not None:
        rows = Device.objects.filter(unknown, pk__in=rest).order_by()
        silent = set(rows.values_list("pk", flat=True))
    return ((pk, pk not in silent) for pk in rest)


def _verdict(
    device: Device | None,
    failing: Sequence[Condition],
    silent: Sequence[Condition],
    asked: Mapping[Condition, str],
) -> Verdict:
    if failing and device is not None:
        reasons = [rules.reason(each, asked[each], device) for each in failing]
        return Verdict(State.VIOLATES, reasons)
    if silent or failing:
        return Verdict(
            State.UNKNOWN, [rules.not_told(each, asked[each]) for each in silent]
        )
    return Verdict(State.COMPLIES, [])


# --- What changes


@dataclass
class _Settling:
    """Collects what differs from the standings there are, then writes it."""

    scopes: Mapping[int, frozenset[int]]
    standings: Mapping[int, dict[int, Standing]]
    now: dt.datetime = field(default_factory=timezone.now)
    new: list[Standing] = field(default_factory=list)
    changed: list[Standing] = field(default_factory=list)
    gone: list[Standing] = field(default_factory=list)
    history: list[Change] = field(default_factory=list)
    moved: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))

    def settle(self, policies: Sequence[Policy]) -> int:
        for policy in policies:
            self._compare(policy)
        Standing.objects.bulk_create(self.new)
        Standing.objects.bulk_update(
            self.changed, ["state", "reasons", "since", "checked_at"]
        )
        if self.gone:
            gone = [row.pk for row in self.gone]
            Standing.objects.filter(pk__in=gone).delete()
        Change.objects.bulk_create(self.history)
        cycles.tell(self.moved)
        return len(self.new) + len(self.changed) + len(self.gone)

    def _compare(self, policy: Policy) -> None:
        known = self.standings.get(policy.pk, {})
        scope = self.scopes[policy.pk]
        left = [row for pk, row in known.items() if pk not in scope]
        for row in left:
            self._note(policy, row.device_id, row.state, "")
        planning.leave(policy, left)
        self.gone += left
        found = verdicts(policy, scope) if scope else {}
        for pk, verdict in found.items():
            self._take(policy, pk, known.get(pk), verdict)

    def _take(
        self, policy: Policy, pk: int, row: Standing | None, verdict: Verdict
    ) -> None:
        state, reasons = verdict.state, verdict.reasons
        if row is None:
            row = Standing(device_id=pk, policy=policy, since=self.now)
            self.new.append(row)
            self._note(policy, pk, "", state, reasons)
        elif row.state != state:
            self._note(policy, pk, row.state, state, reasons)
            row.since = self.now
            self.changed.append(row)
        elif row.reasons != reasons:
            self.changed.append(row)
        else:
            return
        row.state, row.reasons, row.checked_at = state, reasons, self.now

    def _note(
        self,
        policy: Policy,
        pk: int,
        before: str,
        after: str,
        reasons: Sequence[str] = (),
    ) -> None:
        """Write into the device's history what changed; a good beginning is no news."""
        self.moved[policy.pk].add(pk)
        if not (before and after) and State.VIOLATES not in (before, after):
            return
        self.history.append(
            Change(
                device_id=pk,
                at=self.now,
                request_type="Compliance",
                kind=_kind(before, after),
                name=policy.name,
                before=_label(before),
                after="; ".join((_label(after), *reasons))[:500],
            )
        )


def _kind(before: str, after: str) -> Change.Kind:
    if not before:
        return Change.Kind.ADDED
    return Change.Kind.CHANGED if after else Change.Kind.REMOVED


def _label(state: str) -> str:
    return str(State(state).label) if state else ""
