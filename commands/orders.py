"""Orders: a command for many, checked against Apple's schema before it is queued."""

import datetime as dt
import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from devices.models import AuditEntry, Channel, Device
from mdmportal.protocol import plist

from . import filled, queue
from .availability import refusal
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
    groups: dict[bytes, Group] = {}
    refused: list[tuple[str, str]] = []
    for channel, own in _own(channels, request_type, said.keys):
        if isinstance(own, str):
            refused.append((str(channel.enrollment.device), own))
        else:
            group = groups.setdefault(plist.dumps(own.keys), Group(own))
            group.channels[channel.pk] = channel.enrollment.device
    commands = [
        _command(request_type, said, group.own, by, note, expires_at)
        for group in groups.values()
    ]
    queue.enqueue_each(list(zip(commands, map(tuple, _ids(groups)), strict=True)))
    devices = {d.pk: d for group in groups.values() for d in group.channels.values()}
    queued = sum(len(group.channels) for group in groups.values())
    if queued:
        AuditEntry.write(
            by, f"ordered {request_type}", _to_whom(devices), channels=queued
        )
    return Placed(commands, queued, refused)


def _command(
    request_type: str,
    said: filled.Own,
    own: filled.Own,
    by: Any,
    note: str,
    expires_at: dt.datetime | None,
) -> Command:
    command = Command(
        request_type=request_type,
        keys_plist=plist.dumps({**said.keys, **own.keys}),
        ordered_by=by,
        note=note,
        expires_at=expires_at,
    )
    command.passwords = {**said.passwords, **own.passwords}
    return command


def _ids(groups: Mapping[bytes, Group]) -> Iterator[Collection[int]]:
    return (group.channels.keys() for group in groups.values())


def _to_whom(devices: Mapping[int, Device]) -> Device | str:
    if len(devices) == 1:
        return next(iter(devices.values()))
    return f"{len(devices)} devices"


def _own(
    channels: Iterable[Channel], request_type: str, given: Mapping[str, Any]
) -> Iterator[tuple[Channel, filled.Own | str]]:
    """Yield each channel with the keys for its device alone, or why it gets nothing."""
    rest = iter(channels)
    while batch := list(itertools.islice(rest, queue.BATCH)):
        reasons = {each.pk: refusal(each, request_type) for each in batch}
        able = [each for each in batch if not reasons[each.pk]]
        found = filled.own_keys(able, request_type, given)
        for channel in batch:
            own = found.get(channel.pk)
            if isinstance(own, filled.Own):
                yield channel, own
            else:
                yield channel, reasons[channel.pk] or str(own)
