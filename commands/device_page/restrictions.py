"""Restrictions: what is not allowed on the device, of all profiles taken together.

https://developer.apple.com/documentation/devicemanagement/restrictions-command
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .facts import Fact, Section, dictionary, said
from .look import Look
from .told import told

WORDS = re.compile(r"[A-Z]{2,}s?(?![a-z])|[A-Z]?[a-z]+|[A-Z]|\d+")


def gather(look: Look) -> dict[str, Any]:
    found = told(look, "Restrictions")
    everything, by_profile = _parts(dictionary(found.answer))
    names = _names(look) if by_profile else {}
    sections: list[Section] = [("In force", list(_facts(everything)))]
    sections += [
        (f"By the profile “{names.get(identifier, identifier)}”", list(_facts(one)))
        for identifier, one in by_profile.items()
    ]
    return {"told": found, "sections": sections}


def _parts(answer: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the restrictions in force, and those of each profile."""
    if "GlobalRestrictions" in answer or "ProfileRestrictions" in answer:
        whole = dictionary(answer.get("GlobalRestrictions"))
        return whole, dictionary(answer.get("ProfileRestrictions"))
    return answer, {}


def _names(look: Look) -> dict[str, str]:
    rows = look.device.profiles.filter(user_id=look.user_id).exclude(name="")
    return dict(rows.values_list("identifier", "name"))


def _facts(restrictions: Any) -> Iterator[Fact]:
    """Yield each restriction: what is forbidden first, then limits and lists."""
    parts = dictionary(restrictions)
    switches = [
        (words(name), dictionary(one).get("value"))
        for name, one in dictionary(parts.get("restrictedBool")).items()
    ]
    for name, value in sorted(switches, key=lambda each: (bool(each[1]), each[0])):
        yield Fact(name, "yes" if value else "no", "" if value else "warn")
    for name, one in sorted(dictionary(parts.get("restrictedValue")).items()):
        yield Fact(words(name), said(dictionary(one).get("value")))
    for kind in ("intersection", "union"):
        for name, one in sorted(dictionary(parts.get(kind)).items()):
            yield Fact(words(name), said(dictionary(one).get("values")))


def words(key: str) -> str:
    """Return Apple's key as words: ``allowCloudBackup`` is “Allow cloud backup”."""
    parts = [
        part if part[1:2].isupper() else part.lower() for part in WORDS.findall(key)
    ]
    joined = " ".join(parts)
    return joined[:1].upper() + joined[1:] if joined else key
