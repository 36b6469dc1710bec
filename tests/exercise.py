"""Exercise: keys that use all that a device knows of a command, by Apple's schema."""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from mdmportal.protocol.schema import Command, Key, Target, shape_of, unavailable

Keys = Mapping[str, Any]

BY_TYPE: Mapping[str, Any] = {
    "any": "anything",
    "boolean": True,
    "data": b"data",
    "date": dt.datetime(2026, 1, 2, 3, 4, 5),
    "integer": 1,
    "real": 0.5,
    "string": "words",
}


def keys(
    command: Command,
    target: Target,
    values: Mapping[str, Any],
    without: Collection[str] = (),
) -> dict[str, Any]:
    """Return every key that the target knows, at any depth.

    ``values`` are what stands at a path such as ``Settings.Wallpaper.Image``, elements
    of arrays having the name of the schema; paths in ``without`` are left out.
    """
    maker = _Maker(command.request_type, target, values, frozenset(without))
    return maker.dictionary("", command.keys)


class _Maker:
    def __init__(
        self,
        name: str,
        target: Target,
        values: Mapping[str, Any],
        without: frozenset[str],
    ) -> None:
        self.name, self.target = name, target
        self.values, self.without = values, without

    def dictionary(self, path: str, several: Mapping[str, Key]) -> dict[str, Any]:
        return {
            name: self.value(_join(path, name), key)
            for name, key in several.items()
            if _join(path, name) not in self.without and self.knows(key)
        }

    def knows(self, key: Key) -> bool:
        return not unavailable(key, self.target)

    def value(self, path: str, key: Key) -> Any:
        if f"{self.name}.{path}" in self.values:
            return self.values[f"{self.name}.{path}"]
        if key.type == "array":
            return list(self.elements(path, key))
        if key.values:
            return key.values[0]
        if key.type == "dictionary":
            content = self.dictionary(path, key.keys)
            free = key.wildcard or (None if key.keys else Key(name="", type="string"))
            return {"example": self.value(path, free)} if free else content
        if key.minimum is not None and key.type in ("integer", "real"):
            return max(key.minimum, 1)
        return BY_TYPE[key.type]

    def elements(self, path: str, key: Key) -> Iterator[Any]:
        for item in key.items:
            here = _join(path, item.name)
            if here in self.without or not self.knows(item):
                continue
            if item.choices:
                chosen = item.choices.items()
                yield from (name for name, one in chosen if self.knows(one))
            else:
                yield self.value(here, item)


def known(command: Command, target: Target) -> set[str]:
    """Return the paths of all keys, items and choices that the target knows."""
    return set(_known("", command.keys.values(), target))


def _known(path: str, several: Any, target: Target) -> Iterator[str]:
    for key in several:
        if unavailable(key, target):
            continue
        here = _join(path, key.name)
        yield here
        yield from _known(here, key.keys.values(), target)
        yield from _known(here, key.items, target)
        for name, choice in key.choices.items():
            if not unavailable(choice, target):
                yield _join(here, name)


def used(command: Command, given: Keys) -> set[str]:
    """Return the paths that are in the keys of a command, as ``known`` names them."""
    return set(_used("", command.keys, given))


def _used(path: str, several: Mapping[str, Key], given: Keys) -> Iterator[str]:
    for name in several.keys() & given.keys():
        yield from _used_by(_join(path, name), several[name], given[name])


def _used_by(here: str, key: Key, value: Any) -> Iterator[str]:
    yield here
    if key.choices:
        yield _join(here, value)
    if isinstance(value, dict):
        yield from _used(here, key.keys, value)
    elif isinstance(value, list) and key.items:
        for element in value:
            several = len(key.items) > 1
            shape = shape_of(key.items, element) if several else key.items[0]
            if shape:
                yield from _used_by(_join(here, shape.name), shape, element)


def _join(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)


def variants(
    command: Command,
    target: Target,
    values: Mapping[str, Any],
    alternatives: Collection[Collection[str]],
) -> list[dict[str, Any]]:
    """Return keys once for each of the ways that exclude one another.

    An alternative is the paths it goes without; what comes to the same is left out.
    """
    made = [keys(command, target, values, without) for without in alternatives or [()]]
    return [one for number, one in enumerate(made) if one not in made[:number]]


__all__ = ["keys", "known", "used", "variants"]
