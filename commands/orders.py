"""Orders: a command for many, checked against Apple's schema before it is queued."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from devices.models import AuditEntry, Channel, Enrollment
from mdmportal import catalogue
from mdmportal.protocol import schema

from . import queue
from .models import Command


class Invalid(ValueError):
    """The keys are not what the RequestType takes; says which, in Apple's names."""


class Facts(NamedTuple):
    """What decides whether a command can be used; named as schema.unavailable does."""

    os: str
    version: schema.Version
    channel: str
    supervised: bool | None
    mode: str
    rights: int


@dataclass(frozen=True)
class Order:
    """What became of an order: ``command`` is None when no one could take it."""

    command: Command | None
    queued: int
    refused: Mapping[str, str]
    """Reason by device, as text."""


def facts_of(channel: Channel) -> Facts:
    """Return the facts; ``channel`` comes with its enrollment and device."""
    enrollment = channel.enrollment
    device = enrollment.device
    return Facts(
        os=device.platform,
        version=_version(device.os_version),
        channel="user" if channel.user_id else "device",
        supervised=device.is_supervised,
        mode=enrollment.mode,
        rights=enrollment.access_rights,
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
        return "not enrolled"
    return _refusal(request_type, facts_of(channel))


@lru_cache(maxsize=10_000)
def _refusal(request_type: str, facts: Facts) -> str:
    return schema.unavailable(catalogue.commands()[request_type], **facts._asdict())


def check(request_type: str, keys: Mapping[str, Any]) -> None:
    """Raise Invalid unless the schema has the command, with such keys."""
    command = catalogue.commands().get(request_type)
    if command is None:
        raise Invalid(f"{request_type} is not a RequestType")
    problems = schema.check(command, keys)
    if problems:
        raise Invalid("; ".join(str(problem) for problem in problems))


def place(
    channels: Iterable[Channel],
    request_type: str,
    keys: Mapping[str, Any] | None = None,
    *,
    by: Any = None,
    note: str = "",
) -> Order:
    """Queue a command for those of ``channels`` that can take it.

    The channels come with their enrollment and device. Raises Invalid for wrong keys.
    """
    check(request_type, keys or {})
    able, refused = [], {}
    for channel in channels:
        reason = refusal(channel, request_type)
        if reason:
            refused[str(channel.enrollment.device)] = reason
        else:
            able.append(channel.pk)
    if not able:
        return Order(None, 0, refused)
    command = queue.enqueue(able, request_type, keys, ordered_by=by, note=note)
    AuditEntry.write(by, "command ordered", request_type, channels=len(able))
    return Order(command, len(able), refused)
