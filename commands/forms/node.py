"""Node: one key in a form, and what all kinds of them have in common."""

from collections.abc import Iterator
from typing import Any, ClassVar

from mdmportal.protocol.schema import Key

from . import labels
from .context import Context
from .kinds import kind_of
from .sent import Named

UNSET: Any = object()
"""The value of a key that is left out."""

BIGGEST = 2**63 - 1
"""Integers beyond no device can read."""

KINDS: dict[str, type["Node"]] = {}
"""Nodes by their kind: each says its own."""


class Node:
    """A key of the schema under the name of its input.

    ``path`` is where words for it are found, ``at`` where its value is in the keys that
    were read: what schema.check calls its path.
    """

    template: ClassVar[str]

    def __init_subclass__(cls, kind: str = "") -> None:
        if kind:
            KINDS[kind] = cls

    def __init__(self, key: Key, name: str, path: str, context: Context) -> None:
        self.key, self.name, self.path, self.context = key, name, path, context
        self.at = ""
        self.label = labels.label(path, key, context)
        self.note = context.audience.partly(key)

    @property
    def id(self) -> str:
        return "id_" + self.name.replace(".", "-")

    @property
    def required(self) -> bool:
        return self.key.required

    @property
    def apple(self) -> str:
        """Apple's name, where it is not the label already."""
        return self.key.name if self.key.name != self.label else ""

    @property
    def help(self) -> str:
        said = labels.explanation(self.path, self.key, self.context)
        return " ".join(filter(None, (said, labels.limits(self.key))))

    # --- What was typed

    @property
    def text(self) -> str:
        return self.context.sent.text(self.name)

    @property
    def is_filled(self) -> bool:
        return bool(self.text.strip())

    def read(self, at: str) -> Any:
        """Return the value, UNSET for none; what is wrong is noted."""
        self.at = at
        return self.value() if self.is_filled else UNSET

    def value(self) -> Any:
        raise NotImplementedError

    def wrong(self, text: str) -> None:
        self.context.errors.append((self.name, text))

    @property
    def errors(self) -> list[str]:
        return [text for name, text in self.context.errors if name == self.name]

    @property
    def is_wrong(self) -> bool:
        """Whether it or anything in it is."""
        inside = f"{self.name}."
        return any(
            name == self.name or name.startswith(inside)
            for name, _ in self.context.errors
        )

    @property
    def is_open(self) -> bool:
        return self.is_filled or self.is_wrong

    # --- Where it is

    def inner(self) -> Iterator["Node"]:
        """Yield the nodes in it that were read."""
        yield from ()

    def find(self, at: str) -> "Node | None":
        if self.at == at:
            return self
        found = (node.find(at) for node in self.inner())
        return next(filter(None, found), None)

    @classmethod
    def spread(cls, key: Key, value: Any, name: str) -> Named:
        """Yield the inputs that hold ``value``: what is read again from them."""
        yield name, str(value)


def _class(key: Key, name: str) -> type[Node]:
    return KINDS[kind_of(key, name.count("."))]


def node_for(key: Key, name: str, path: str, context: Context) -> Node:
    return _class(key, name)(key, name, path, context)


def spread(key: Key, value: Any, name: str) -> Named:
    """Yield the inputs of a key that hold ``value``."""
    return _class(key, name).spread(key, value, name)


class Several(Node):
    """What can be there any number of times, each with a number in its name.

    ``blank`` is what keys.js adds another of; ``spare`` is there without it.
    """

    @property
    def mark(self) -> str:
        """What stands in the blank for the number: another one at each depth."""
        return f"__{self.name.count('.')}__"

    @property
    def next(self) -> int:
        indices = self.context.sent.indices(self.name)
        return max(indices, default=-1) + 1
