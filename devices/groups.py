"""Groups: who is in a smart group, kept up as devices change.

A device whose facts change is marked by a ``RegroupMark``. ``regroup`` takes marked
devices in batches, settles which smart groups they are in and says so by a signal.
Conditions on time come true by themselves, which ``sweep`` finds.
"""

import datetime as dt
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db import transaction
from django.db.models import PROTECT, ForeignObjectRel, Model, Q, QuerySet
from django.utils import timezone

from . import conditions, putting
from .models import Device, DeviceGroup, RegroupMark, Tag
from .signals import devices_regrouped

logger = logging.getLogger(__name__)

BATCH = 500
LEASE = dt.timedelta(minutes=2)
"""After this a batch is taken again: whoever had it died over it."""

MOST_NAMED = 10
"""Of each kind of what refers to a group."""

Member = DeviceGroup.devices.through


# --- Marked devices


def regroup(most: int = 200) -> int:
    """Settle the groups of marked devices, ``most`` batches; return how many devices.

    A mark is taken back only if it is still the one that was set on taking the device:
    whoever marks it meanwhile has changed what we may not have seen.
    """
    count = 0
    for _ in range(most):
        lease = timezone.now() + LEASE
        ids = _take(lease)
        if not ids:
            break
        settle(ids)
        _announce(ids)
        RegroupMark.objects.filter(device__in=ids, at=lease).delete()
        count += len(ids)
    return count


@transaction.atomic
def _take(lease: dt.datetime) -> list[int]:
    """Return the devices marked longest ago that nobody else is at."""
    due = RegroupMark.objects.filter(at__lte=timezone.now()).order_by("at", "pk")
    rows = due.select_for_update(skip_locked=True)
    ids = list(rows.values_list("pk", flat=True)[:BATCH])
    RegroupMark.objects.filter(pk__in=ids).update(at=lease)
    return ids


def _announce(ids: Sequence[int]) -> None:
    """Tell who listens. One that fails keeps nobody else's devices waiting."""
    for _, error in devices_regrouped.send_robust(Device, device_ids=list(ids)):
        if error:
            logger.error("regrouping was not heard", exc_info=error)


@transaction.atomic
def settle(ids: Sequence[int]) -> None:
    """Make the rows of these devices in all smart groups follow from the conditions."""
    groups = _smart()
    present = defaultdict(set)
    rows = Member.objects.filter(device__in=ids, devicegroup__in=[g.pk for g in groups])
    for group_id, device_id in rows.values_list("devicegroup", "device"):
        present[group_id].add(device_id)
    among = Device.objects.filter(pk__in=ids).order_by()
    for group in groups:
        wanted = _wanted(group)
        if wanted is None:
            continue
        due = set(among.filter(wanted).values_list("pk", flat=True))
        _add(group, due - present[group.pk])
        _remove(group, present[group.pk] - due)


def _smart(**columns: int) -> list[DeviceGroup]:
    """Return the smart groups, locked: no other process settles them meanwhile, by
    what it saw earlier, and none is deleted. Devices can be added to other groups."""
    groups = DeviceGroup.smart().filter(**columns).order_by("pk")
    return list(groups.select_for_update(no_key=True))


def _wanted(group: DeviceGroup) -> Q | None:
    """Return who belongs into a smart group; None if nobody can tell any more."""
    try:
        return conditions.read(group.conditions).q()
    except conditions.Invalid as problem:
        logger.warning("the conditions of the group %s are void: %s", group, problem)
        return None


def _add(group: DeviceGroup, ids: Iterable[int]) -> None:
    rows = [Member(devicegroup=group, device_id=pk) for pk in sorted(ids)]
    if rows:
        Member.objects.bulk_create(rows, ignore_conflicts=True)


def _remove(group: DeviceGroup, ids: Iterable[int]) -> None:
    found = sorted(ids)
    if found:
        Member.objects.filter(devicegroup=group, device__in=found).delete()


# --- All devices


def sweep() -> int:
    """Settle every smart group on all devices; return how many changed groups."""
    groups = DeviceGroup.smart().order_by("pk").values_list("pk", flat=True)
    return sum(sweep_one(pk) for pk in list(groups))


def sweep_one(pk: int) -> int:
    """Settle a smart group on all devices; return how many came or went.

    They are marked first: should this end halfway, their marks bring them in line.
    """
    group = DeviceGroup.smart().filter(pk=pk).first()
    wanted = _wanted(group) if group else None
    if group is None or wanted is None:
        return 0
    changed = putting.mark(_missing(group, wanted))
    changed += putting.mark(_surplus(group, wanted))
    _settle_all(pk)
    return changed


@transaction.atomic
def _settle_all(pk: int) -> None:
    for group in _smart(pk=pk):
        wanted = _wanted(group)
        if wanted is None:
            return
        putting.insert(group, _missing(group, wanted))
        surplus = _surplus(group, wanted).values("pk")
        Member.objects.filter(devicegroup=group, device__in=surplus).delete()
        DeviceGroup.objects.filter(pk=pk).update(matched_at=timezone.now())


def _members(group: DeviceGroup) -> QuerySet[Device]:
    return Member.objects.filter(devicegroup=group).values("device")  # type: ignore[return-value]


def _missing(group: DeviceGroup, wanted: Q) -> QuerySet[Device]:
    """Return who belongs into the group and is not in it."""
    return Device.objects.filter(wanted).exclude(pk__in=_members(group)).order_by()


def _surplus(group: DeviceGroup, wanted: Q) -> QuerySet[Device]:
    """Return who is in the group and does not belong there."""
    due = Device.objects.filter(wanted).order_by().values("pk")
    found = Device.objects.filter(pk__in=_members(group)).order_by()
    return found.exclude(pk__in=due)


# --- What hangs on a group


def uses(group: DeviceGroup) -> list[str]:
    """Return what refers to the group, in words, apart from the devices in it."""
    found = [f"{each._meta.verbose_name} “{each}”" for each in _referring(group)]
    return found + [f"smart group “{each}”" for each in naming(group)]


def protecting(group: DeviceGroup) -> list[str]:
    """Return what keeps the group from being deleted, in words."""
    found = _referring(group, PROTECT)
    return [f"{each._meta.verbose_name} “{each}”" for each in found]


def _referring(group: DeviceGroup, on_delete: object = None) -> Iterator[Model]:
    """Yield the first rows of each model that refer to the group."""
    for relation in DeviceGroup._meta.get_fields(include_hidden=True):
        model: Any = relation.related_model
        if not isinstance(relation, ForeignObjectRel) or model._meta.auto_created:
            continue
        if on_delete in (None, relation.on_delete):
            rows = model._base_manager.filter(**{relation.field.name: group})
            yield from rows[:MOST_NAMED]


def naming(row: DeviceGroup | Tag) -> list[DeviceGroup]:
    """Return the smart groups whose conditions name this group, or this tag."""
    field = "tag" if isinstance(row, Tag) else "group"
    return [each for each in DeviceGroup.smart() if row.pk in _named(each, field)]


def _named(group: DeviceGroup, field: str) -> set[int]:
    try:
        items = conditions.read(group.conditions).items
    except conditions.Invalid:
        return set()
    named = (each for each in items if each.field == field)
    return {int(each.value) for each in named if each.value}
