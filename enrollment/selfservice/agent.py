"""Agent: which device and browser a page is looked at with, by its User-Agent.

What browsers say is half history: an iPad says that it is a Mac, Macs have said 10.15
since 2020, and iPhones have said 18 since iOS 26. So a person can always say otherwise.
"""

import re
from dataclasses import dataclass, replace
from enum import StrEnum


class Family(StrEnum):
    """What enrolls, in the words of the pages; '' is anything else."""

    IPHONE = "iPhone"
    IPAD = "iPad"
    MAC = "Mac"
    VISION = "Apple Vision Pro"
    OTHER = ""


CHOICES = {
    "iphone": Family.IPHONE,
    "ipad": Family.IPAD,
    "mac": Family.MAC,
    "vision": Family.VISION,
    "other": Family.OTHER,
}
"""What a person says it is, as a parameter of the address."""

BROWSERS = {
    "CriOS": "Chrome",
    "FxiOS": "Firefox",
    "EdgiOS": "Edge",
    "OPiOS": "Opera",
    "OPT/": "Opera",
    "Brave": "Brave",
    "DuckDuckGo": "DuckDuckGo",
    "Ddg/": "DuckDuckGo",
    "GSA/": "the Google app",
}
"""Tokens of iPhone browsers that are not Safari. Some hide, and cannot be told."""

FAMILIES = (
    ("RealityDevice", Family.VISION),
    ("visionOS", Family.VISION),
    ("Vision Pro", Family.VISION),
    ("iPhone", Family.IPHONE),
    ("iPod", Family.IPHONE),
    ("iPad", Family.IPAD),
    ("Macintosh", Family.MAC),
)
MOBILE = frozenset((Family.IPHONE, Family.IPAD, Family.VISION))

_OS = re.compile(r"\bOS (\d{1,4})[_.]")
_SAFARI = re.compile(r"\bVersion/(\d{1,4})\b")


@dataclass(frozen=True)
class Agent:
    """``major`` is the OS's version, None if it is not told. ``browser`` is the name of
    one that cannot install profiles, '' for Safari."""

    family: Family
    major: int | None = None
    browser: str = ""

    @property
    def is_mobile(self) -> bool:
        return self.family in MOBILE


def read(user_agent: str, said: str = "") -> Agent:
    """Return what ``user_agent`` tells; ``said`` is one of CHOICES, or ''."""
    family = next((each for token, each in FAMILIES if token in user_agent), None)
    agent = _read(user_agent, family or Family.OTHER)
    chosen = CHOICES.get(said)
    if chosen is None or chosen == agent.family:
        return agent
    # The version of another device says nothing about the one that was chosen, but
    # for an iPad that says it is a Mac: its Safari is as old as its system.
    is_ipad = agent.family is Family.MAC and chosen is Family.IPAD
    major = _number(_SAFARI, user_agent) if is_ipad else None
    return replace(agent, family=chosen, major=major)


def _read(user_agent: str, family: Family) -> Agent:
    if family not in (Family.IPHONE, Family.IPAD):
        return Agent(family)  # neither a Mac nor a Vision Pro tells its version
    versions = (_number(_OS, user_agent), _number(_SAFARI, user_agent))
    return Agent(family, max(filter(None, versions), default=None), _other(user_agent))


def _number(pattern: re.Pattern[str], text: str) -> int | None:
    found = pattern.search(text)
    return int(found[1]) if found else None


def _other(user_agent: str) -> str:
    """Return the browser's name if it is not Safari; apps that show pages are none."""
    for token, name in BROWSERS.items():
        if token in user_agent:
            return name
    return "" if "Safari/" in user_agent else "this app"
