"""Caching: what a Mac keeps of Apple's content for others, in words.

https://developer.apple.com/documentation/devicemanagement/contentcachinginformationresponse
"""

from collections.abc import Mapping
from typing import Any

from django.template.defaultfilters import filesizeformat

from .facts import (
    UNKNOWN,
    Fact,
    Section,
    dictionaries,
    dictionary,
    fact,
    flag,
    known,
    text,
)
from .look import Look
from .told import answer_of

QUERY = "ContentCachingInformation"
Said = Mapping[str, Any]

STATUS = {"OK": ("enough", "ok"), "LOWSPACE": ("short", "warn")}
STARTUP = {
    "OK": ("well", "ok"),
    "PENDING": ("it is starting", ""),
    "FAILED": ("it failed to start", "bad"),
    "MIGRATING_DATA": ("it moves to another volume", ""),
}
TOTALS = (
    ("Given to devices", "TotalBytesReturnedToClients"),
    ("Given to other caches", "TotalBytesReturnedToPeers"),
    ("Given to caches below", "TotalBytesReturnedToChildren"),
    ("Fetched from Apple", "TotalBytesStoredFromOrigin"),
    ("Fetched from other caches", "TotalBytesStoredFromPeers"),
    ("Fetched from caches above", "TotalBytesStoredFromParents"),
    ("Dropped", "TotalBytesDropped"),
)


def section(look: Look) -> list[Section]:
    """Return what there is to say of it; [] of what caches nothing."""
    found = answer_of(look, QUERY)
    said = dictionary(found.answer if found else None)
    if not said:
        return []
    return [("Content caching", known([*_state(said), *_space(said), *_around(said)]))]


def _state(said: Said) -> list[Fact]:
    alerts = dictionaries(said.get("Alerts"))
    return [
        flag("Switched on", said.get("Activated"), "yes", "no"),
        flag("Serves", said.get("Active"), "yes", "not ready", good=True),
        _word("Starting", said.get("StartupStatus"), STARTUP),
        _word("Space", said.get("CacheStatus"), STATUS),
        *(Fact("Alert", _alert(one), "warn") for one in alerts),
    ]


def _word(label: str, value: Any, table: Mapping[str, tuple[str, str]]) -> Fact:
    words, tone = table.get(text(value), (text(value) or UNKNOWN, ""))
    return Fact(label, words, tone)


def _alert(alert: Said) -> str:
    parts = (alert.get(key) for key in ("className", "resource", "postDate"))
    return ", ".join(text(each) for each in parts if each) or "of an unknown kind"


def _space(said: Said) -> list[Fact]:
    return [
        _size("Keeps", said.get("ActualCacheUsed", said.get("CacheUsed"))),
        _size("May keep", said.get("CacheLimit"), none="all there is"),
        _size("Free for it", said.get("CacheFree")),
        *(_size(f"Of that {name}", size) for name, size in _details(said)),
        *(_size(label, said.get(key)) for label, key in TOTALS),
        _percent("Pressure in the last hour", said.get("MaxCachePressureLast1Hour")),
    ]


def _details(said: Said) -> list[tuple[str, Any]]:
    return sorted(dictionary(said.get("CacheDetails")).items())


def _size(label: str, value: Any, none: str = "none") -> Fact:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return Fact(label, UNKNOWN)
    return Fact(label, filesizeformat(value) if value else none)


def _percent(label: str, value: Any) -> Fact:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Fact(label, UNKNOWN)
    return Fact(label, f"{100 * value:.0f} %")


def _around(said: Said) -> list[Fact]:
    return [
        fact("Public address", said.get("PublicAddress"), is_code=True),
        fact("Private addresses", said.get("PrivateAddresses"), is_code=True),
        fact("Port", said.get("Port"), is_code=True),
        fact("Caches above", _addresses(said.get("Parents"))),
        fact("Caches beside", _addresses(said.get("Peers"))),
    ]


def _addresses(value: Any) -> str:
    return ", ".join(text(one.get("address")) for one in dictionaries(value))
