"""Lists: answers that are kept as they come, each replacing the one before.

A list's items have keys that name them, so that the history can tell which came, went
or changed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import history
from .history import Difference
from .kept import Older, Place, digest_of, without_secrets
from .said import Reader, Said

Named = Callable[[Any], Mapping[str, Any]]
"""Returns what is in an answer, by the names that the history calls it."""


@dataclass(frozen=True)
class Kind:
    """``key`` is where the answer has it; ``named`` None leaves no history."""

    key: str
    named: Named | None = None


def keep(said: Said, answer: Any, named: Named | None) -> bool:
    """Keep an answer in place of the one before; return whether it is another."""
    try:
        place = Place(said)
    except Older:
        return False
    news = without_secrets(answer)
    digest = digest_of(news)
    if place.is_same(digest):
        return False
    if named and not place.is_first:
        history.write(said, _differences(named, place.before, news))
    place.keep(news, digest)
    return True


def _differences(named: Named, before: Any, after: Any) -> Iterator[Difference]:
    return history.of_items(named(before), named(after))


def by(*keys: str) -> Named:
    """Return what names a list's items by the first of these keys that they have."""

    def named(answer: Any) -> Mapping[str, Any]:
        items = answer if isinstance(answer, list) else []
        found = [one for one in items if isinstance(one, Mapping)]
        return {_name(one, keys): one for one in found}

    return named


def _name(item: Mapping[str, Any], keys: Sequence[str]) -> str:
    return next((str(item[key]) for key in keys if item.get(key)), "")


def dictionary(answer: Any) -> Mapping[str, Any]:
    return answer if isinstance(answer, Mapping) else {}


def restrictions(answer: Any) -> Mapping[str, Any]:
    """Return the restrictions in force by name, whichever of four kinds they are."""
    everything = dictionary(dictionary(answer).get("GlobalRestrictions"))
    return {
        name: dictionary(one).get("value", dictionary(one).get("values"))
        for kind in everything.values()
        for name, one in dictionary(kind).items()
    }


KINDS: Mapping[str, Kind] = {
    "ActiveNSExtensions": Kind("Extensions", by("Identifier")),
    "ContentCachingInformation": Kind("StatusResponse"),
    "ManagedApplicationAttributes": Kind("ApplicationAttributes", by("Identifier")),
    "ManagedApplicationConfiguration": Kind("ApplicationConfigurations"),
    "ManagedApplicationFeedback": Kind("ManagedApplicationFeedback"),
    "ManagedMediaList": Kind("Books", by("Title", "PersistentID", "iTunesStoreID")),
    "NSExtensionMappings": Kind("Extensions"),
    "OSUpdateStatus": Kind("OSUpdateStatus"),
    "ProvisioningProfileList": Kind("ProvisioningProfileList", by("Name", "UUID")),
    "UserList": Kind("Users", by("UserName", "UserGUID")),
}


def reader(kind: Kind) -> Reader:
    def read(said: Said) -> None:
        keep(said, said.answer[kind.key], kind.named)

    return read


def read_restrictions(said: Said) -> None:
    """Keep what is in force and, where that was asked, which profile wants it."""
    parts = ("GlobalRestrictions", "ProfileRestrictions")
    answer = {name: said.answer[name] for name in parts if name in said.answer}
    answer.setdefault("GlobalRestrictions", {})
    keep(said, answer, restrictions)


READERS: Mapping[str, Reader] = {
    "Restrictions": read_restrictions,
    **{request_type: reader(kind) for request_type, kind in KINDS.items()},
}
