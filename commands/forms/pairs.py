"""Pairs: a dictionary of any keys, as rows of name and value."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mdmportal.protocol.schema import Key

from ..schema_json import Wrong
from . import pasted
from .context import Context
from .node import UNSET, Node, Several, node_for, spread
from .sent import Named


@dataclass
class Pair:
    """A row of a free dictionary: what somebody called it, and its value."""

    name: str
    """Of its inputs."""
    called: str
    value: Node
    errors: list[str]

    @property
    def id(self) -> str:
        return self.value.id

    @property
    def is_filled(self) -> bool:
        return bool(self.called.strip()) or self.value.is_filled


class PairsNode(Several, kind="pairs"):
    """A dictionary of any keys: rows of name and value, or all of it pasted."""

    template = "commands/keys/pairs.html"

    def __init__(self, key: Key, name: str, path: str, context: Context) -> None:
        super().__init__(key, name, path, context)
        self.pairs = [self._pair(index) for index in context.sent.indices(name)]

    def _pair(self, index: object) -> Pair:
        assert self.key.wildcard is not None
        name = f"{self.name}.{index}"
        value = node_for(self.key.wildcard, f"{name}.value", "", self.context)
        called = self.context.sent.text(f"{name}.name")
        return Pair(name, called, value, [])

    @property
    def blank(self) -> Pair:
        return self._pair(self.mark)

    @property
    def spare(self) -> Pair:
        return self._pair(self.next)

    @property
    def pasted(self) -> str:
        return self.context.sent.text(f"{self.name}.paste")

    @property
    def is_filled(self) -> bool:
        return bool(self.pasted.strip()) or any(pair.is_filled for pair in self.pairs)

    def value(self) -> Any:
        filled = [pair for pair in self.pairs if pair.is_filled]
        if not self.pasted.strip():
            return self._rows(filled)
        if filled:
            self.wrong("Use the rows or what is pasted, not both.")
        return self._pasted()

    def _rows(self, pairs: Sequence[Pair]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for pair in pairs:
            called = pair.called.strip()
            if not called or called in found:
                said = "There is another of this name." if called else "Give it a name."
                pair.errors.append(said)
                self.context.errors.append((f"{pair.name}.name", said))
            value = pair.value.read(f"{self.at}.{called}")
            if value is UNSET and not pair.value.is_wrong:
                if not getattr(pair.value, "is_text", False):
                    pair.value.wrong("Give a value.")
                value = ""
            found[called] = value
        return found

    def _pasted(self) -> Any:
        try:
            value = pasted.read(self.pasted, self.key)
        except Wrong as problem:
            self.wrong(str(problem))
            return UNSET
        if not isinstance(value, Mapping):
            self.wrong("What is pasted must be a dictionary.")
        return value

    def inner(self) -> Iterator[Node]:
        for pair in self.pairs:
            yield pair.value

    @classmethod
    def spread(cls, key: Key, value: Any, name: str) -> Named:
        assert key.wildcard is not None
        for index, (called, item) in enumerate(value.items()):
            yield f"{name}.{index}.name", str(called)
            yield from spread(key.wildcard, item, f"{name}.{index}.value")
