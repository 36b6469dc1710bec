"""Differences: what one compiled schema has and another has not, in words."""

from collections.abc import Iterator, Mapping
from typing import Any

Facts = Mapping[str, Any]
PARTS = ("keys", "items", "choices", "answers")
UNNAMED = ("name", *PARTS, "wildcard")


def told(before: Facts, after: Facts) -> Iterator[str]:
    """Yield a line for each command and key that is new, gone or changed."""
    old, new = _flat(before), _flat(after)
    for path in sorted({*old, *new}):
        around = path.rpartition(".")[0]
        if path not in old:
            if around in old or not around:
                yield f"new: {path}"
        elif path not in new:
            if around in new or not around:
                yield f"gone: {path}"
        elif old[path] != new[path]:
            yield f"changed: {path}: {', '.join(_changed(old[path], new[path]))}"


def _flat(document: Facts) -> dict[str, Facts]:
    """Return the facts of every command and key by its path."""
    found: dict[str, Facts] = {}
    for name, facts in document["commands"].items():
        found |= dict(_each(name, facts))
    return found


def _each(path: str, facts: Facts) -> Iterator[tuple[str, Facts]]:
    yield path, {name: value for name, value in facts.items() if name not in UNNAMED}
    for part in PARTS:
        for key in facts.get(part, ()):
            under = f"{path}.(answer)" if part == "answers" else path
            yield from _each(f"{under}.{key['name']}", key)
    if "wildcard" in facts:
        yield from _each(f"{path}.{facts['wildcard']['name']}", facts["wildcard"])


def _changed(before: Facts, after: Facts) -> Iterator[str]:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield _systems(before, after) if name == "os" else name


def _systems(before: Facts, after: Facts) -> str:
    old, new = before.get("os", {}), after.get("os", {})
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return f"support on {' and '.join(names)}"
