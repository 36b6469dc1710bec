"""Guides: the steps for one person and device, and which systems can enroll at all."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

from ..models import EnrollmentProfile
from .agent import Agent, Family
from .steps import GUIDES, HAND, Kind

MINIMUM: Mapping[Kind, Mapping[Family, int]] = {
    Kind.PROFILE: {
        Family.IPHONE: 12,
        Family.IPAD: 12,
        Family.MAC: 11,
        Family.VISION: 1,
    },
    Kind.OTA: {Family.IPHONE: 12, Family.IPAD: 12, Family.MAC: 11, Family.VISION: 1},
    Kind.BYOD: {Family.IPHONE: 15, Family.IPAD: 15, Family.MAC: 14, Family.VISION: 1},
    Kind.ADDE: {Family.IPHONE: 17, Family.IPAD: 17, Family.MAC: 14, Family.VISION: 1},
}
"""The first major version that can; of visionOS it is 1.1."""

OAUTH2_NEEDS = 16
"""What OAuth 2 needs of an iPhone or iPad."""

SYSTEMS = {
    Family.IPHONE: "iOS",
    Family.IPAD: "iPadOS",
    Family.MAC: "macOS",
    Family.VISION: "visionOS",
}


@dataclass(frozen=True)
class Written:
    """A guide in the words for one person and device."""

    title: str
    steps: Sequence[SafeString]


def needs(way: EnrollmentProfile) -> str:
    """Return which devices can enroll by the way, in words."""
    *words, last = (
        f"{family} with {system} {_first(way, family)}"
        for family, system in SYSTEMS.items()
    )
    return f"{', '.join(words)} or {last}, or newer"


def _first(way: EnrollmentProfile, family: Family) -> str:
    return "1.1" if family is Family.VISION else str(minimum(way, family))


def guides(
    way: EnrollmentProfile, agent: Agent, organization: str, identifier: str = ""
) -> list[Written]:
    """Return the guides that fit, the newest system first: one if its version is known.

    ``identifier`` is what the person types into Settings, if it is known.
    """
    words = {
        "organization": organization,
        "device": agent.family or "device",
        "system": SYSTEMS.get(agent.family, ""),
        "identifier": f"*{identifier}*" if identifier else "your *work e-mail address*",
    }
    return [
        Written(
            guide.title.format(**words),
            [_marked(step.format(**words)) for step in guide.steps],
        )
        for guide in GUIDES
        if guide.fits(way.kind, agent)
    ]


def too_old(way: EnrollmentProfile, agent: Agent) -> str:
    """Return the system version that the way needs, if the device has it not; ''."""
    needed = minimum(way, agent.family)
    if needed is None or agent.major is None or agent.major >= needed:
        return ""
    return f"{SYSTEMS[agent.family]} {needed}"


def minimum(way: EnrollmentProfile, family: Family) -> int | None:
    """Return the first major version that can enroll by the way, None if none can."""
    needed = MINIMUM[Kind(way.kind)].get(family)
    if way.is_account_driven and way.method == way.Method.OAUTH2 and family in HAND:
        return max(needed or 0, OAUTH2_NEEDS)
    return needed


def _marked(text: str) -> SafeString:
    """Return ``text`` as HTML, what is between stars strong."""
    escaped = conditional_escape(text)
    return mark_safe(re.sub(r"\*(.+?)\*", r"<strong>\1</strong>", escaped))  # noqa: S308
