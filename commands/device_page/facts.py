"""Facts: what a device said, in words. What it did not say is unknown, never “no”."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.timezone import is_naive, localtime, make_aware

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Fact:
    """A line of a page: its name, what was said, and ok, warn or bad if it matters."""

    label: str
    words: str
    tone: str = ""
    is_code: bool = False
    """An address or number, to be read letter by letter."""

    @property
    def is_known(self) -> bool:
        return self.words != UNKNOWN


Section = tuple[str, Sequence[Fact]]
"""A heading, and what stands under it."""


def fact(label: str, value: Any, *, is_code: bool = False) -> Fact:
    return Fact(label, said(value), is_code=is_code)


def flag(
    label: str,
    value: Any,
    yes: str = "yes",
    no: str = "no",
    *,
    good: bool | None = None,
) -> Fact:
    """Return a fact that holds or not; ``good`` is which of both one wants."""
    if not isinstance(value, bool | int):
        return Fact(label, UNKNOWN)
    tone = "" if good is None else "ok" if bool(value) is good else "bad"
    return Fact(label, yes if value else no, tone)


def known(facts: Sequence[Fact]) -> list[Fact]:
    """Return those that were said: for what only some devices have at all."""
    return [each for each in facts if each.is_known]


def said(value: Any) -> str:
    """Return any value of an answer as text."""
    if value is None or value == "":
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(said(item) for item in value) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {said(item)}" for name, item in value.items())
    if isinstance(value, float):
        return f"{value:.6g}"
    moment = read_moment(value)
    return date_format(localtime(moment), "j F Y, H:i") if moment else str(value)


def read_moment(value: Any) -> dt.datetime | None:
    """Return the date in an answer that we keep as text; None if it is none."""
    if not isinstance(value, str) or "T" not in value:
        return None
    try:
        moment = parse_datetime(value)
    except ValueError:
        return None
    return make_aware(moment, dt.UTC) if moment and is_naive(moment) else moment


def flat(value: Any, path: str = "") -> list[tuple[str, str]]:
    """Return a dictionary as pairs, nested keys as ``outer › inner``."""
    pairs: list[tuple[str, str]] = []
    for name, item in value.items() if isinstance(value, Mapping) else ():
        where = f"{path} › {name}" if path else str(name)
        if isinstance(item, Mapping) and item:
            pairs += flat(item, where)
        else:
            pairs.append((where, "none" if item in ({}, "") else said(item)))
    return pairs


def dictionary(value: Any) -> Mapping[str, Any]:
    """Return ``value`` if it is one, else an empty one: devices say strange things."""
    return value if isinstance(value, Mapping) else {}


def dictionaries(value: Any) -> list[Mapping[str, Any]]:
    """Return those of a list's items that are dictionaries."""
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, Mapping)]


def told_flag(said: Mapping[str, Any], key: str) -> bool | None:
    """Return whether something holds; None if that was not told."""
    value = said.get(key)
    return bool(value) if isinstance(value, bool | int) else None


def text(value: Any) -> str:
    return str(value) if value is not None else ""
