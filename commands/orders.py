"""Orders: a command for many, checked against Apple's schema before it is queued."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from devices.models import AuditEntry, Channel, Enrollment
from mdmportal import catalogue
from mdmportal.protocol import schema

from . import filled, queue
from .models import Command

NOT_ENROLLED = "not enrolled"

Own = tuple[tuple[str, bytes], ...]
"""Keys and values for one device alone; channels with the same share a command."""


class Invalid(ValueError):
    """The keys are not what the RequestType takes; says which, in Apple's names."""


class Refused(Exception):
    """The channel cannot take the command; says why."""


@dataclass(frozen=True)
class Order:
    """What became of an order."""

    commands: Sequence[Command]
    """[] when no device could take it; several where devices got keys of their own."""
    queued: int
    refused: Sequence[tuple[str, str]]
    """Devices, as text, each with the reason."""


def target_of(channel: Channel) -> schema.Target:
    """Return what decides; ``channel`` comes with its enrollment and device."""
    enrollment = channel.enrollment
    device = enrollment.device
    return target(
        platform=device.platform,
        os_version=device.os_version,
        is_supervised=device.is_supervised,
        mode=enrollment.mode,
        access_rights=enrollment.access_rights,
        user_id=channel.user_id,
    )


def target(
    *,
    platform: str,
    os_version: str,
    is_supervised: bool | None,
    mode: str,
    access_rights: int,
    user_id: str,
) -> schema.Target:
    """Return what decides whether a command can be used, of columns of these names."""
    return schema.Target(
        os=platform,
        version=_version(os_version),
        channel="user" if user_id else "device",
        supervised=is_supervised,
        mode=mode,
        rights=access_rights,
    )


@lru_cache(maxsize=1000)
def _version(text: str) -> schema.Version:
    try:
        return schema.parse_version(text)
    except ValueError:
        return ()  # a beta's name, say: unknown refuses nothing


def refusal(channel: Channel, request_type: str) -> str:
    """Return why this channel cannot take the command, in words; '' if it can."""
    if channel.enrollment.state != Enrollment.State.ACTIVE:
        return NOT_ENROLLED
    return unavailable(request_type, target_of(channel))


@lru_cache(maxsize=10_000)
def unavailable(request_type: str, target: schema.Target) -> str:
    """Return why the command cannot be used there, in words; '' if it can."""
    return schema.unavailable(catalogue.commands()[request_type], target)


def check(
    request_type: str, keys: Mapping[str, Any], lacking: Collection[str] = ()
) -> None:
    """Raise Invalid unless the schema has the command, with such keys.

    ``lacking`` are required keys that are still to be filled in.
    """
    command = catalogue.commands().get(request_type)
    if command is None:
        raise Invalid(f"{request_type} is not a RequestType")
    problems = schema.check(command, keys)
    wrong = [str(problem) for problem in problems if problem.path not in lacking]
    if wrong:
        raise Invalid("; ".join(wrong))


def place(
    channels: Iterable[Channel],
    request_type: str,
    keys: Mapping[str, Any] | None = None,
    *,
    by: Any = None,
    note: str = "",
    expires_at: dt.datetime | None = None,
) -> Order:
    """Queue a command for those of ``channels`` that can take it.

    What ``keys`` lacks and a device entrusted to us is filled in, for each device its
    own. The channels come with their enrollment and device. Raises Invalid for wrong
    keys.
    """
    given = dict(keys or {})
    lacking = [name for name in filled.names(request_type) if name not in given]
    check(request_type, given, lacking)
    groups: dict[Own, list[int]] = defaultdict(list)
    devices: set[str] = set()
    refused: list[tuple[str, str]] = []
    for channel in channels:
        try:
            groups[_own(channel, request_type, lacking)].append(channel.pk)
            devices.add(str(channel.enrollment.device))
        except (Refused, filled.Missing) as problem:
            refused.append((str(channel.enrollment.device), str(problem)))
    commands = [
        queue.enqueue(
            ids,
            request_type,
            given | dict(own),
            ordered_by=by,
            note=note,
            expires_at=expires_at,
        )
        for own, ids in groups.items()
    ]
    queued = sum(len(ids) for ids in groups.values())
    if queued:
        AuditEntry.write(
            by, f"ordered {request_type}", _to_whom(devices), channels=queued
        )
    return Order(commands, queued, refused)


def _to_whom(devices: Collection[str]) -> str:
    return next(iter(devices)) if len(devices) == 1 else f"{len(devices)} devices"


def _own(channel: Channel, request_type: str, names: Collection[str]) -> Own:
    """Return the keys for this device alone, or raise why it gets no command."""
    reason = refusal(channel, request_type)
    if reason:
        raise Refused(reason)
    return tuple(filled.values(channel, request_type, names).items())
