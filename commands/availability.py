"""Availability: whether a channel can take a command, and if not, why, in words.

Asked when a command is offered, when it is ordered, and when its turn has come.
"""

from functools import lru_cache

from devices.models import Channel, Enrollment
from mdmportal import catalogue
from mdmportal.protocol import schema

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


def refusal(channel: Channel, request_type: str) -> str:
    """Return why this channel cannot take the command, in words; '' if it can."""
    if channel.enrollment.state != Enrollment.State.ACTIVE:
        return NOT_ENROLLED
    return unavailable(request_type, target_of(channel))


@lru_cache(maxsize=10_000)
def unavailable(request_type: str, target: schema.Target) -> str:
    """Return why the command cannot be used there, in words; '' if it can."""
    return schema.unavailable(catalogue.commands()[request_type], target)
