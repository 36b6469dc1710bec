"""Cycles: policies that hang on verdicts of policies, and end up at themselves.

A policy hangs on another if it, or a smart group it is for, asks for the other's
verdict or for the tag it puts on devices. One that hangs on itself would never come to
rest: the form refuses it. One that became so by a change to a group still judges each
device when that changes, but does not act, and nothing is judged anew because of it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from devices.models import Device, DeviceGroup

from .models import Policy

FIELD = "compliance"
Graph = Mapping[int, set[int]]
Named = tuple[set[int], set[int]]
"""The policies and the tags that conditions ask for."""


def named(conditions: Any) -> Named:
    """Return what these conditions, as JSON has them, ask for."""
    found: dict[str, set[int]] = {FIELD: set(), "tag": set()}
    rows = conditions.get("conditions", []) if isinstance(conditions, dict) else []
    for row in rows if isinstance(rows, list) else []:
        value = str(row.get("value", "")) if isinstance(row, dict) else ""
        if value.isascii() and value.isdigit() and row.get("field") in found:
            found[row["field"]].add(int(value))
    return found[FIELD], found["tag"]


def graph(
    changed: Policy | None = None, groups: Iterable[DeviceGroup] = ()
) -> dict[int, set[int]]:
    """Return which policies each policy hangs on.

    ``changed`` is looked at as it is now and not as it is kept, for ``groups``; one
    that is new has the key 0.
    """
    smart = {
        pk: named(conditions)
        for pk, conditions in DeviceGroup.smart().values_list("pk", "conditions")
    }
    asked: dict[int, list[Named]] = {}
    tags: dict[int, set[int]] = defaultdict(set)
    kept = Policy.objects.only("conditions", "tag").order_by("pk")
    others = kept.exclude(pk=changed.pk) if changed and changed.pk else kept
    for policy in [*others, *([changed] if changed else [])]:
        asked[policy.pk or 0] = [named(policy.conditions)]
        if policy.tag_id:
            tags[policy.tag_id].add(policy.pk or 0)
    for pk, group in _groups(changed, groups):
        if pk in asked and group in smart:
            asked[pk].append(smart[group])
    return {
        pk: {
            *(other for policies, _ in each for other in policies),
            *(other for _, wanted in each for tag in wanted for other in tags[tag]),
        }
        for pk, each in asked.items()
    }


def _groups(
    changed: Policy | None, groups: Iterable[DeviceGroup]
) -> list[tuple[int, int]]:
    rows = Policy.groups.through.objects.values_list("policy", "devicegroup")
    if changed is None:
        return list(rows)
    kept = [row for row in rows if row[0] != changed.pk]
    return kept + [(changed.pk or 0, group.pk) for group in groups]


def circular(hangs_on: Graph | None = None) -> set[int]:
    """Return the policies that hang on themselves."""
    hangs_on = graph() if hangs_on is None else hangs_on
    return {pk for pk in hangs_on if _reaches_itself(pk, hangs_on)}


def _reaches_itself(start: int, hangs_on: Graph) -> bool:
    seen: set[int] = set()
    waiting = list(hangs_on.get(start, ()))
    while waiting:
        pk = waiting.pop()
        if pk == start:
            return True
        if pk not in seen:
            seen.add(pk)
            waiting += hangs_on.get(pk, ())
    return False


def tell(moved: Mapping[int, set[int]]) -> None:
    """Have devices looked at anew whose verdict others ask for; ``moved`` are they by
    policy."""
    if not any(moved.values()):
        return
    asked: set[int] = set()
    for rows in (DeviceGroup.smart(), Policy.objects.all()):
        for conditions in rows.values_list("conditions", flat=True):
            asked |= named(conditions)[0]
    asked &= moved.keys()
    if asked:
        asked -= circular()
    Device.regroup({device for pk in asked for device in moved[pk]})
