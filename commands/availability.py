"""Availability: whether a channel can take a command, and if not, why, in words.

Asked when a command is offered, when it is ordered, and when its turn has come. Three
things decide: Apple's schema, of the command and of the keys given; what
``requirements`` adds to it; and that the device is enrolled.
"""

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any

from devices.authentication import Caller, ChannelRow
from devices.models import Channel, Enrollment
from mdmportal import catalogue
from mdmportal.protocol import schema

from . import requirements
from .requirements import Situation

Keys = Mapping[str, Any]
NOT_ENROLLED = "not enrolled"


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


def situation(
    *,
    platform: str,
    os_version: str,
    mode: str,
    user_id: str,
    awaiting_configuration: bool,
    user_awaits: bool,
    in_lost_mode: bool | None,
    is_apple_silicon: bool | None,
    needs_pin_to_lock: bool | None,
    needs_pin_to_erase: bool | None,
) -> Situation:
    """Return what decides beside the schema, of columns of these names."""
    return Situation(
        platform=platform,
        version=_version(os_version),
        mode=mode,
        is_user=bool(user_id),
        awaiting_configuration=awaiting_configuration,
        user_awaits=user_awaits if user_id else None,
        in_lost_mode=in_lost_mode,
        is_apple_silicon=is_apple_silicon,
        needs_pin_to_lock=needs_pin_to_lock,
        needs_pin_to_erase=needs_pin_to_erase,
    )


def situation_of(channel: Channel) -> Situation:
    """Return what decides beside the schema; as ``target_of``."""
    enrollment = channel.enrollment
    device = enrollment.device
    return situation(
        platform=device.platform,
        os_version=device.os_version,
        mode=enrollment.mode,
        user_id=channel.user_id,
        awaiting_configuration=enrollment.awaiting_configuration,
        user_awaits=channel.awaiting_configuration,
        in_lost_mode=device.in_lost_mode,
        is_apple_silicon=device.is_apple_silicon,
        needs_pin_to_lock=device.needs_pin_to_lock,
        needs_pin_to_erase=device.needs_pin_to_erase,
    )


# --- Asked of one channel, or of many


def refusal(
    channel: Channel,
    request_type: str,
    keys: Keys | None = None,
    *,
    is_complete: bool = False,
) -> str:
    """Return why this channel cannot take the command, in words; '' if it can.

    Without ``keys``: why it could take it with no keys whatsoever. ``is_complete``:
    nothing is filled into them any more. ``channel`` comes with enrollment and device.
    """
    if channel.enrollment.state != Enrollment.State.ACTIVE:
        return NOT_ENROLLED
    return why_not(
        request_type,
        keys,
        target_of(channel),
        situation_of(channel),
        is_complete=is_complete,
    )


def refusals(
    channels: Iterable[Channel], request_type: str, keys: Keys | None = None
) -> dict[int, str]:
    """Return ``refusal`` of each channel by its id, asked once for all alike."""
    known: dict[tuple[schema.Target, Situation], str] = {}
    found: dict[int, str] = {}
    for channel in channels:
        if channel.enrollment.state != Enrollment.State.ACTIVE:
            found[channel.pk] = NOT_ENROLLED
            continue
        facts = (target_of(channel), situation_of(channel))
        if facts not in known:
            known[facts] = why_not(request_type, keys, *facts)
        found[channel.pk] = known[facts]
    return found


def on_delivery(
    caller: Caller, channel: ChannelRow, request_type: str, keys: Keys
) -> str:
    """Return why a device that connects cannot take what it was ordered, now."""
    facts = caller.facts
    # Answers are read some seconds later, and Lost Mode may have been turned on or off
    # in this very session: the device knows best. Only a passcode is not removed from
    # one that may still be in strange hands.
    lost = facts.in_lost_mode if request_type == "ClearPasscode" else None
    target_ = target(
        platform=facts.platform,
        os_version=facts.os_version,
        is_supervised=facts.is_supervised,
        mode=caller.mode,
        access_rights=facts.access_rights,
        user_id=channel.user_id,
    )
    situation_ = situation(
        platform=facts.platform,
        os_version=facts.os_version,
        mode=caller.mode,
        user_id=channel.user_id,
        awaiting_configuration=facts.awaiting_configuration,
        user_awaits=channel.awaiting_configuration,
        in_lost_mode=lost,
        is_apple_silicon=facts.is_apple_silicon,
        needs_pin_to_lock=facts.needs_pin_to_lock,
        needs_pin_to_erase=facts.needs_pin_to_erase,
    )
    return why_not(request_type, keys, target_, situation_, is_complete=True)


# --- What decides


def why_not(
    request_type: str,
    keys: Keys | None,
    target: schema.Target,
    situation: Situation,
    *,
    is_complete: bool = False,
) -> str:
    """Return why a device of these facts cannot take the command; '' if it can.

    What the catalogue has not is not known to be refused by anything.
    """
    command = catalogue.commands().get(request_type)
    if command is None or requirements.is_awaited(request_type, situation):
        return ""
    return (
        unavailable(request_type, target)
        or _unsupported(command, keys or {}, target)
        or requirements.unmet(
            request_type, keys or {}, situation, is_complete=is_complete
        )
    )


@lru_cache(maxsize=10_000)
def unavailable(request_type: str, target: schema.Target) -> str:
    """Return why the command cannot be used there, in words; '' if it can."""
    command = catalogue.commands().get(request_type)
    return schema.unavailable(command, target) if command else ""


QUERIES = {"DeviceInformation": "Queries"}
"""RequestType -> the key that lists questions: some go unanswered, and no harm done."""

PASSED_OVER: Mapping[str, Collection[str]] = {
    "DeleteUser": ("ForceDeletion",),
    "DeviceLock": ("Message", "PhoneNumber", "PIN"),
    "EraseDevice": (
        *("PIN", "PreserveDataPlan", "DisallowProximitySetup", "ObliterationBehavior"),
    ),
    "InstallApplication": ("InstallAsManaged",),
    "InstalledApplicationList": ("Items",),
}
"""Keys that a system which has no such thing passes over, and the command is done all
the same: one order locks Macs with a PIN, and iPhones without."""


def _unsupported(command: schema.Command, keys: Keys, target: schema.Target) -> str:
    """Return which keys cannot be used there, and why, in words; '' if all can."""
    if not keys or not target.os:
        return ""
    questions = QUERIES.get(command.request_type, "")
    if questions in keys:
        why = _unanswered(command.request_type, keys[questions], target)
        if why:
            return why
        keys = {name: value for name, value in keys.items() if name != questions}
    problems = schema.unsupported(command, keys, target)
    return "; ".join(_said(each) for each in problems if _counts(command, each, target))


def _counts(
    command: schema.Command, problem: schema.Problem, target: schema.Target
) -> bool:
    if problem.path not in PASSED_OVER.get(command.request_type, ()):
        return True
    return schema.support_of(command.keys[problem.path], target) is not None


def _said(problem: schema.Problem) -> str:
    """An element is called by its name, which the message begins with."""
    return problem.message if problem.path.endswith("]") else str(problem)


NAMED = 3
"""How many questions are named if a device answers none."""


def _unanswered(request_type: str, asked: object, target: schema.Target) -> str:
    """Return why none of the questions can be answered; '' if one can."""
    refused = _refused_questions(request_type, target)
    if not isinstance(asked, list | tuple) or not asked:
        return ""
    if not all(isinstance(name, str) and name in refused for name in asked):
        return ""
    return "; ".join(f"{name} {refused[name]}" for name in asked[:NAMED])


@lru_cache(maxsize=1000)
def _refused_questions(request_type: str, target: schema.Target) -> Mapping[str, str]:
    (question,) = catalogue.commands()[request_type].keys[QUERIES[request_type]].items
    reasons = {
        name: schema.unavailable(choice, target)
        for name, choice in question.choices.items()
    }
    return {name: why for name, why in reasons.items() if why}
