"""Later: what came after the release that was compiled, laid over it.

``later.json`` is written by hand from Apple's later files, in the compiled form: their
facts, in our words. What a schema says itself counts: on one that is newer, nothing is
laid over.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Facts = dict[str, Any]
INNER = ("keys", "items", "choices")
"""Where the keys of a key are."""


def lay_over(document: Facts, later: Mapping[str, Any]) -> None:
    """Add to a compiled ``document`` what ``later`` knows and it does not."""
    commands: Facts = document["commands"]
    for name, facts in later["commands"].items():
        commands.setdefault(name, facts)
    for each in later["keys"]:
        _add(commands, each["in"], each["key"])
    for path, systems in later["support"].items():
        for facts in _found(commands, path):
            _support(facts, systems)


def lay_words_over(document: Facts, later: Mapping[str, Any]) -> None:
    """Add to compiled words what is said of what came later."""
    for name, said in later["words"].items():
        own = document["commands"].setdefault(name, {"keys": {}})
        own.setdefault("title", said.get("title", ""))
        own.setdefault("description", said.get("description", ""))
        own["keys"] = {**said.get("keys", {}), **own.get("keys", {})}


def _found(commands: Facts, path: str) -> Iterator[Facts]:
    """Yield the command or key at a path such as ``EraseDevice.ReturnToService``."""
    name, *steps = path.split(".")
    facts: Facts | None = commands.get(name)
    for step in steps:
        inner = [key for place in INNER for key in (facts or {}).get(place, ())]
        facts = next((key for key in inner if key["name"] == step), None)
    if facts is not None:
        yield facts


def _add(commands: Facts, path: str, key: Facts) -> None:
    for facts in _found(commands, path):
        place = "items" if facts.get("type") == "array" else "keys"
        several = facts.setdefault(place, [])
        if all(each["name"] != key["name"] for each in several):
            several.append(key)


def _support(facts: Facts, systems: Mapping[str, Facts | None]) -> None:
    own = facts.setdefault("os", {})
    for system, changes in systems.items():
        own[system] = changes and {**changes, **(own.get(system) or {})}
