"""Orders: a command for many, checked against Apple's schema before it is queued."""

import datetime as dt
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from devices.models import AuditEntry, Channel, Device
from mdmportal.protocol import plist

from . import filled, queue
from .availability import refusals
from .checking import check
from .models import Command


class Refused(Exception):
    """The channel cannot take the command; says why."""


@dataclass(frozen=True)
class Group:
    """Channels, with their devices, whose keys are alike: they share a command."""

    own: filled.Own
    channels: dict[int, Device] = field(default_factory=dict)


@dataclass(frozen=True)
class Sorted:
    """Channels by what they are told, and those that are told nothing, with why."""

    groups: Sequence[Group]
    refused: Sequence[tuple[Channel, str]]


@dataclass(frozen=True)
class Placed:
    """What became of an order."""

    commands: Sequence[Command]
    """[] when no device could take it; several where devices got keys of their own."""
    queued: int
    refused: Sequence[tuple[str, str]]
    """Devices, as text, each with the reason."""


def place(
    channels: Iterable[Channel],
    request_type: str,
    keys: Mapping[str, Any] | None = None,
    *,
    by: Any = None,
    note: str = "",
    expires_at: dt.datetime | None = None,
) -> Placed:
    """Queue a command for those of ``channels`` that can take it.

    What ``keys`` lacks and the portal knows or makes up is filled in, for each device
    its own. The channels come with their enrollment and device. Raises Invalid for
    wrong keys.
    """
    said = filled.prepare(request_type, dict(keys or {}))
    check(request_type, said.keys, filled.lacking(request_type, said.keys))
    found = sort(channels, request_type, said.keys)
    commands = [
        Command(
            request_type=request_type, ordered_by=by, note=note, expires_at=expires_at
        )
        for _ in found.groups
    ]
    for command, group in zip(commands, found.groups, strict=True):
        fill(command, said, group.own)
    ids = (group.channels.keys() for group in found.groups)
    queue.enqueue_each(list(zip(commands, ids, strict=True)))
    devices = {d.pk: d for group in found.groups for d in group.channels.values()}
    queued = sum(len(group.channels) for group in found.groups)
    if queued:
        AuditEntry.write(
            by, f"ordered {request_type}", _to_whom(devices), channels=queued
        )
    refused = [(str(each.enrollment.device), why) for each, why in found.refused]
    return Placed(commands, queued, refused)


def fill(command: Command, said: filled.Own, own: filled.Own) -> None:
    """Give a command the keys of its order, and a device's own."""
    command.keys_plist = plist.dumps({**said.keys, **own.keys})
    command.passwords = {**said.passwords, **own.passwords}


def _to_whom(devices: Mapping[int, Device]) -> Device | str:
    if len(devices) == 1:
        return next(iter(devices.values()))
    return f"{len(devices)} devices"


def sort(
    channels: Iterable[Channel], request_type: str, given: Mapping[str, Any]
) -> Sorted:
    """Return who is told what, those alike together, and who is told nothing.

    The channels come with their enrollment and device; statements grow with the
    batches of BATCH.
    """
    groups: dict[bytes, Group] = {}
    refused: list[tuple[Channel, str]] = []
    for channel, own in _own(channels, request_type, given):
        if isinstance(own, str):
            refused.append((channel, own))
        else:
            group = groups.setdefault(plist.dumps(own.keys), Group(own))
            group.channels[channel.pk] = channel.enrollment.device
    return Sorted(list(groups.values()), refused)


def _own(
    channels: Iterable[Channel], request_type: str, given: Mapping[str, Any]
) -> Iterator[tuple[Channel, filled.Own | str]]:
    """Yield each channel with the keys for its device alone, or why it gets nothing."""
    rest = iter(channels)
    while batch := list(itertools.islice(rest, queue.BATCH)):
        reasons = refusals(batch, request_type, given)
        able = [each for each in batch if not reasons[each.pk]]
        found = filled.own_keys(able, request_type, given)
        for channel in batch:
            own = found.get(channel.pk)
            if isinstance(own, filled.Own):
                yield channel, own
            else:
                yield channel, reasons[channel.pk] or str(own)
