"""Fields: a dictionary whose keys are known."""

from collections.abc import Iterator, Sequence
from typing import Any

from mdmportal.protocol.schema import Key

from . import labels
from .context import Context
from .node import UNSET, Node, node_for, spread
from .sent import Named


class FieldsNode(Node, kind="fields"):
    """A dictionary of known keys. Empty it is left out, unless it is required."""

    template = "commands/keys/fields.html"
    without: Sequence[str] = ()

    def __init__(self, key: Key, name: str, path: str, context: Context) -> None:
        super().__init__(key, name, path, context)
        self.nodes: list[Node] = []
        self.left_out: list[tuple[str, str]] = []
        for each in key.keys.values():
            if each.name in self.without:
                continue
            inner = f"{path}.{each.name}" if path else each.name
            why = "" if each.required else context.audience.refused(each)
            if why:
                self.left_out.append((labels.label(inner, each, context), why))
            else:
                node = node_for(each, f"{name}.{each.name}", inner, context)
                self.nodes.append(node)
        self.nodes.sort(key=lambda node: not node.required)

    @property
    def usual(self) -> list[Node]:
        rare = self.rare
        return [node for node in self.nodes if node not in rare]

    @property
    def rare(self) -> list[Node]:
        """What is folded away, unless there is nothing else."""
        found = [node for node in self.nodes if self._is_rare(node)]
        return found if len(found) < len(self.nodes) else []

    def _is_rare(self, node: Node) -> bool:
        return node.key.name in labels.RARE and not node.required

    @property
    def is_rare_open(self) -> bool:
        return any(node.is_open for node in self.rare)

    @property
    def is_filled(self) -> bool:
        return any(node.is_filled for node in self.nodes)

    def read(self, at: str) -> Any:
        self.at = at
        if not self.is_filled and not self.required:
            return UNSET
        return self.fields(at)

    def fields(self, at: str) -> dict[str, Any]:
        found = {}
        for node in self.nodes:
            value = node.read(f"{at}.{node.key.name}" if at else node.key.name)
            if value is not UNSET:
                found[node.key.name] = value
        order = list(self.key.keys)
        return {name: found[name] for name in sorted(found, key=order.index)}

    def inner(self) -> Iterator[Node]:
        yield from self.nodes

    @classmethod
    def spread(cls, key: Key, value: Any, name: str) -> Named:
        for inner, item in value.items():
            if inner in key.keys:
                yield from spread(key.keys[inner], item, f"{name}.{inner}")
