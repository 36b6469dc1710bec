"""Addressing: whom an order is for, found by what the request names."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from django.db.models import Q

from commands.targets import Targets
from devices.models import Channel, Device, DeviceGroup

from .errors import Wrong

SHOWN = 20
"""How many names that say nothing are told at once."""


def targets(to: Mapping[str, Any]) -> Targets:
    """Return whom ``to`` names, in its one way; Wrong where a name says nothing."""
    way, value = next(iter(to.items()))
    return WAYS[way](value)


def _devices(names: list[int | str]) -> Targets:
    """Two statements, however many are named. A serial number that two devices have
    had names neither: it would be a guess."""
    numbers = {name for name in names if isinstance(name, int)}
    texts = {name for name in names if isinstance(name, str)}
    found: dict[int | str, set[int]] = {name: set() for name in names}
    named = Q(serial_number__in=texts) | Q(udid__in=texts) | Q(enrollment_id__in=texts)
    columns = ("pk", "serial_number", "udid", "enrollment_id")
    for pk, *spelled in Device.objects.filter(named).values_list(*columns):
        for text in texts.intersection(spelled):
            found[text].add(pk)
    known = Device.objects.filter(pk__in=numbers).values_list("pk", flat=True)
    for pk in known:
        found[pk].add(pk)
    _refuse_others(names, found)
    ids = set().union(*found.values())
    return Targets(Device.objects.filter(pk__in=ids), label=_called(ids))


def _called(ids: Collection[int]) -> str:
    """Return how to call these devices; who approves sees which one it is."""
    if len(ids) > 1:
        return "Devices named by a program"
    return str(Device.objects.filter(pk__in=ids).first() or "")


def _refuse_others(
    names: Iterable[int | str], found: Mapping[int | str, set[int]]
) -> None:
    wrong = [
        (f"to.devices[{index}]", _not_one(name, len(found[name])))
        for index, name in enumerate(names)
        if len(found[name]) != 1
    ]
    if wrong:
        raise Wrong(wrong[:SHOWN])


def _not_one(name: int | str, count: int) -> str:
    if count:
        return f"{count} devices are called {name}: name the one you mean by its id."
    if isinstance(name, int):
        return f'No device has the id {name}; a serial number is text: "{name}".'
    return f"No device has the serial number, UDID or EnrollmentID {name}."


def _group(pk: int) -> Targets:
    group = DeviceGroup.objects.filter(pk=pk).first()
    if group is None:
        raise Wrong([("to.group", f"No group has the id {pk}: see /api/v1/groups/.")])
    return Targets(Device.objects.filter(groups=group), label=f"Group {group}")


def _all(_: bool) -> Targets:
    return Targets(Device.objects.all(), label="All devices")


def _channels(ids: list[int]) -> Targets:
    chosen = Channel.objects.filter(pk__in=ids)
    known = set(chosen.values_list("pk", flat=True))
    wrong = [
        (f"to.channels[{index}]", f"No channel has the id {pk}.")
        for index, pk in enumerate(ids)
        if pk not in known
    ]
    if wrong:
        raise Wrong(wrong[:SHOWN])
    return Targets.of_channels(chosen, "Channels named by a program")


WAYS: Mapping[str, Callable[[Any], Targets]] = {
    "devices": _devices,
    "group": _group,
    "all": _all,
    "channels": _channels,
}
