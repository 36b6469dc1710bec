"""Wording: what is said of commands and keys, and how people spell their names.

What came along is in words of our own. A newer schema brings Apple's, which count for
what we have not described.
"""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Words:
    """What is said of a command, for people.

    Keys are told apart by their path: names joined by dots, the element of an array by
    the name the schema gives it, so ``Settings.Wallpaper.Image``.
    """

    title: str = ""
    description: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Path of a key -> what it is for."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """Path of a key -> how people call it, of every key that is described."""


NOTHING = Words()


# --- Compiled from Apple's files


def compile_words(source: Facts) -> dict[str, Any]:
    """Return title, description and keys of one of Apple's files, as plain text."""
    keys = {
        path: said
        for path, said in _keys(source.get("payloadkeys") or (), "", ())
        if said
    }
    title = str(source.get("title", "")).removesuffix(" Command")
    return {
        "title": title,
        "description": plain(source.get("description", "")),
        "keys": keys,
    }


def _keys(
    several: Sequence[Facts], around: str, ancestors: tuple[int, ...]
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each key's path and what is said of it; a key can hold itself."""
    for key in several:
        path = f"{around}{key['key']}"
        yield path, dict(_said(key))
        if id(key) not in ancestors:
            inner = (*ancestors, id(key))
            yield from _keys(key.get("subkeys") or (), f"{path}.", inner)


def _said(key: Facts) -> Iterator[tuple[str, str]]:
    title = str(key.get("title") or "")
    if title.lower() != key["key"].lower() and title:
        yield "title", title
    if key.get("content"):
        yield "description", plain(key["content"])


_MARKS: Sequence[tuple[str, str]] = (
    (r"\[([^\]]*)\]\([^)]*\)", r"\1"),  # a link: its text
    (r"(?m)^> ?", ""),
    (r"`([^`\n]+)`", r"“\1”"),
    (r"(?<!\w)'([^'\n]+)'(?!\w)", r"“\1”"),
    (r"[ \t]+", " "),
)
"""Apple's marks, and what stays of them in plain text."""


def plain(text: object) -> str:
    """Return Apple's Markdown as text for people."""
    said = str(text)
    for mark, kept in _MARKS:
        said = re.sub(mark, kept, said)
    return said.strip()


# --- Read


def prefer(document: Facts, ours: Facts) -> None:
    """Put our description in the place of Apple's, of whatever we have described."""
    for name, said in document["commands"].items():
        known = ours.get(name, {})
        _describe(said, known)
        for path, each in said["keys"].items():
            _describe(each, known.get("keys", {}).get(path, {}))


def _describe(said: dict[str, Any], ours: Facts) -> None:
    if ours.get("description"):
        said["description"] = ours["description"]


def read(document: Facts) -> Mapping[str, Words]:
    """Return the words of each command of a compiled document, by RequestType."""
    return MappingProxyType(
        {name: _words(said) for name, said in document["commands"].items()}
    )


def _words(said: Facts) -> Words:
    keys = said.get("keys", {})
    return Words(
        title=said.get("title", ""),
        description=said.get("description", ""),
        keys=MappingProxyType(
            {
                path: each["description"]
                for path, each in keys.items()
                if "description" in each
            }
        ),
        titles=MappingProxyType(
            {
                path: each.get("title") or spelled(path.rpartition(".")[2])
                for path, each in keys.items()
            }
        ),
    )


# --- Spelled as people do

NAMES: Mapping[str, str] = {
    "iTunesStore": "iTunes Store",
    "AppStore": "App Store",
    "AppleID": "Apple ID",
    "WiFi": "Wi-Fi",
    "FileVault": "FileVault",
    "eSIM": "eSIM",
    "IPv6": "IPv6",
    "iOS": "iOS",
    "VoiceOver": "VoiceOver",
    "VPN": "VPN",
    "DNSProxy": "DNS proxy",
    "URL": "address",
}
"""What the schema writes in one -> how people write it."""

_PARTS = re.compile(
    "|".join(NAMES) + r"|[A-Z]+s?(?![a-z])|[A-Z]?[a-z]+|[A-Z]+(?=[A-Z][a-z])|\d+"
)


@functools.lru_cache(maxsize=2000)
def spelled(name: str) -> str:
    """Return a key's name as people write it: ``PhoneNumber`` is “Phone number”."""
    parts = [NAMES.get(part) or _small(part) for part in _PARTS.findall(name)]
    text = " ".join(parts) or name
    own = parts[:1] and parts[0] in NAMES.values()
    return text if own and parts[0] != "address" else text[:1].upper() + text[1:]


def _small(part: str) -> str:
    return part if len(part) > 1 and part.isupper() else part.lower()
