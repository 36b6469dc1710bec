"""A device that lacks what a command needs answers Error, whoever lets it be sent."""

import dataclasses
from collections.abc import Callable, Iterator

import pytest

from mdmportal.catalogue import commands
from mdmportal.protocol.rights import ALL, NEEDS
from mdmportal.protocol.schema import Command, Support, Version
from mdmportal.simulator.channel import Channel
from mdmportal.simulator.device import SimulatedDevice
from mdmportal.simulator.errors import Error
from mdmportal.simulator.hardware import (
    APPLE_TV,
    IPAD,
    MAC,
    SHARED_IPAD,
    VISION_PRO,
    Hardware,
)

from .test_answers import anonymous, ask, enrolled, request_keys, user_of

MODELS = {"iOS": IPAD, "macOS": MAC, "tvOS": APPLE_TV, "visionOS": VISION_PRO}
Lacking = Iterator[tuple[Channel, str]]
"""Channels without what a command needs, and how the device says so."""


def of_version(platform: str, version: str) -> Hardware:
    return dataclasses.replace(MODELS[platform], os_version=version)


def dotted(version: Version) -> str:
    return ".".join(map(str, version))


def before(version: Version) -> str:
    first, second, *_ = (*version, 0)
    return f"{first}.{second - 1}" if second else f"{first - 1}.9"


def another_platform(command: Command) -> Lacking:
    for platform in MODELS.keys() - command.support.keys():
        yield enrolled(MODELS[platform]), "not a valid request type"


def an_older_system(command: Command) -> Lacking:
    for platform, support in simulated(command):
        if support.introduced > (1, 0):
            device = enrolled(of_version(platform, before(support.introduced)))
            yield device, f"needs {platform} {dotted(support.introduced)}"


def a_system_that_has_it_no_more(command: Command) -> Lacking:
    for platform, support in simulated(command):
        if support.removed:
            version = dotted(support.removed)
            yield enrolled(of_version(platform, version)), "removed in"


def no_supervision(command: Command) -> Lacking:
    for platform, support in simulated(command):
        if support.supervised and support.shared_ipad != "required":
            device = able(platform, command, supervised=False)
            yield where(device, support), "supervised"


def no_automated_enrollment(command: Command) -> Lacking:
    for platform, support in simulated(command):
        if support.requires_dep:
            yield (
                able(platform, command, automated=False),
                "Automated Device Enrollment",
            )


def user_enrollment(command: Command) -> Lacking:
    for platform, support in simulated(command):
        if support.user_enrollment == "forbidden":
            device = anonymous(newest(platform, command))
            yield device, "not under User Enrollment"


def a_shared_ipad(command: Command) -> Lacking:
    for platform, support in simulated(command):
        if platform == "iOS" and support.shared_ipad == "forbidden":
            yield enrolled(SHARED_IPAD), "not on Shared iPad"


def no_shared_ipad(command: Command) -> Lacking:
    for platform, support in simulated(command):
        if platform == "iOS" and support.shared_ipad == "required":
            yield able(platform, command), "only on Shared iPad"


def the_other_channel(command: Command) -> Lacking:
    for platform, support in simulated(command):
        if support.device_channel is False and platform == "macOS":
            yield able(platform, command), "not on the device channel"
        if support.user_channel is False and platform == "macOS":
            yield user_of(able(platform, command)), "not on the user channel"


def no_right(command: Command) -> Lacking:
    for platform, support in simulated(command):
        if support.access_right and support.shared_ipad != "required":
            device = able(platform, command, access_rights=without(support))
            yield where(device, support), "needs the right to"


def without(support: Support) -> int:
    """All rights but that one, and those that need it."""
    gone = {
        needing for needing, needed in NEEDS.items() if needed & support.access_right
    }
    return ALL & ~support.access_right & ~sum(gone)


def simulated(command: Command) -> Iterator[tuple[str, Support]]:
    return (item for item in command.support.items() if item[0] in MODELS)


def newest(platform: str, command: Command) -> Hardware:
    """The model with a system that has the command."""
    support = command.support[platform]
    model = MODELS[platform]
    is_later = support.introduced > tuple(map(int, model.os_version.split(".")))
    return of_version(platform, dotted(support.introduced)) if is_later else model


def able(platform: str, command: Command, **options: object) -> SimulatedDevice:
    """A device that could take it, but for the ``options``."""
    return enrolled(newest(platform, command), **options)


def where(device: SimulatedDevice, support: Support) -> Channel:
    """The channel on which a device takes it."""
    on_device = support.device_channel is not False
    return device if on_device else user_of(device)


REASONS: tuple[Callable[[Command], Lacking], ...] = (
    *(another_platform, an_older_system, a_system_that_has_it_no_more),
    *(no_supervision, no_automated_enrollment, user_enrollment),
    *(a_shared_ipad, no_shared_ipad, the_other_channel, no_right),
)


@pytest.mark.parametrize("lacking", REASONS, ids=lambda one: one.__name__)
def test_a_device_refuses_what_it_is_not_made_for(
    lacking: Callable[[Command], Lacking],
) -> None:
    tried = 0
    for request_type, command in commands().items():
        for channel, words in lacking(command):
            keys = request_keys(channel.device, request_type)
            with pytest.raises(Error) as caught:
                ask(channel, request_type, **keys)
            assert words in caught.value.text, request_type
            assert channel.oddities, "it is remembered that it was sent"
            tried += 1
    assert tried
