"""Applying: a table's good lines are written, whatever is wrong with others."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from devices.csv_import import Line
from devices.models import AuditEntry, Device, DeviceGroup, Tag, User
from devices.signals import owners_assigned

from .. import renaming
from .planning import Choices, Plan, batches, plan

COLUMNS = ("owner", "asset_tag")
"""What is written into a device's own row."""


@dataclass
class Outcome:
    """What became of a table."""

    changed: int = 0
    renamed: int = 0
    """Of the changed, those whose name was ordered."""
    unchanged: int = 0
    problems: list[Plan] = field(default_factory=list)


def apply(lines: Sequence[Line], choices: Choices) -> Outcome:
    """Plan the lines anew and write what they change, batch by batch.

    A batch is written whole or not at all. Applied twice, nothing changes.
    """
    outcome, seen = Outcome(), dict[int, int]()
    for batch in batches(lines):
        with transaction.atomic():
            plans = plan(batch, choices, seen, lock=True)
            changing = [each for each in plans if each.changes]
            if changing:
                _write(changing, choices.by)
        outcome.changed += len(changing)
        outcome.renamed += sum(1 for each in changing if each.change("name"))
        wrong = [each for each in plans if each.problem]
        outcome.problems += wrong
        outcome.unchanged += len(plans) - len(changing) - len(wrong)
    return outcome


def _write(plans: Sequence[Plan], by: Any) -> None:
    _write_rows(plans)
    _write_groups(plans)
    _write_tags(plans)
    names = {
        each.channel: change.new
        for each in plans
        if (change := each.change("name")) and each.channel
    }
    if names:
        renaming.order(names, by=by)
    AuditEntry.objects.bulk_create(_entries(plans, by))
    Device.regroup(each.device.pk for each in plans if each.device)
    new = {
        change.value.pk: change.value
        for each in plans
        if (change := each.change("owner")) and change.value
    }
    if new:
        owners_assigned.send(User, owners=list(new.values()))


def _write_rows(plans: Iterable[Plan]) -> None:
    devices = []
    for each in plans:
        changes = [one for one in each.changes if one.column in COLUMNS]
        for change in changes:
            setattr(each.device, change.column, change.value)
        if changes and each.device:
            devices.append(each.device)
    if devices:
        Device.objects.bulk_update(devices, COLUMNS)


def _write_groups(plans: Iterable[Plan]) -> None:
    wanted = _wanted(plans, "groups")
    through = DeviceGroup.devices.through
    rows = through._base_manager.filter(
        device__in=wanted, devicegroup__conditions__isnull=True
    )
    _settle(through, "devicegroup_id", rows, wanted)


def _write_tags(plans: Iterable[Plan]) -> None:
    named = _wanted(plans, "tags")
    names = set().union(*named.values())
    if names:
        new = [Tag(name=name) for name in sorted(names)]
        Tag.objects.bulk_create(new, ignore_conflicts=True)
    ids = dict(Tag.objects.filter(name__in=names).values_list("name", "pk"))
    wanted = {device: {ids[name] for name in tags} for device, tags in named.items()}
    through = Device.tags.through
    _settle(through, "tag_id", through._base_manager.filter(device__in=wanted), wanted)


def _wanted(plans: Iterable[Plan], column: str) -> dict[int, Collection[Any]]:
    return {
        each.device.pk: change.value
        for each in plans
        if each.device and (change := each.change(column))
    }


def _settle(
    through: Any, column: str, rows: Any, wanted: Mapping[int, Collection[int]]
) -> None:
    """Make the rows between devices and what they have many of those wanted."""
    if not wanted:
        return
    present = {
        (device, other): pk
        for pk, device, other in rows.values_list("pk", "device_id", column)
    }
    due = {(device, other) for device, others in wanted.items() for other in others}
    gone = [pk for pair, pk in present.items() if pair not in due]
    if gone:
        through._base_manager.filter(pk__in=gone).delete()
    through._base_manager.bulk_create(
        (
            through(**{"device_id": device, column: other})
            for device, other in sorted(due - set(present))
        ),
        ignore_conflicts=True,
    )


def _entries(plans: Iterable[Plan], by: Any) -> Iterable[AuditEntry]:
    for each in plans:
        yield AuditEntry(
            actor=by,
            actor_name=str(by),
            action="imported",
            target=str(each.device)[:255],
            device=each.device,
            details={
                change.column: f"{change.old or '-'} → {change.new or '-'}"
                for change in each.changes
            },
        )
