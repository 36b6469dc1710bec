"""Shapes: an array whose elements have several, told apart by their Item: Settings."""

from collections.abc import Iterator, Sequence
from typing import Any

from mdmportal.protocol.schema import DISCRIMINATOR, Key

from . import labels
from .context import Context
from .fields import FieldsNode
from .node import Node, Several
from .sent import Named


class ShapeNode(FieldsNode):
    """An element of one of several shapes: counts if its Item is ticked."""

    template = "commands/keys/shape.html"
    without = (DISCRIMINATOR,)

    @property
    def item(self) -> str:
        return item_of(self.key)

    @property
    def is_chosen(self) -> bool:
        return self.context.sent.text(f"{self.name}.{DISCRIMINATOR}") == self.item

    @property
    def is_filled(self) -> bool:
        return self.is_chosen

    def read(self, at: str) -> Any:
        self.at = at
        return {DISCRIMINATOR: self.item, **self.fields(at)}


def item_of(shape: Key) -> str:
    """Return the Item by which elements of a shape are known."""
    item = shape.keys.get(DISCRIMINATOR)
    return str(item.values[0]) if item and item.values else shape.name


REPEATED = frozenset({"ApplicationAttributes", "ApplicationConfiguration", "Wallpaper"})
"""Shapes of which there may be several: for one app each, for one screen each."""


class Shape:
    """All elements of one shape; at least one, that may be ticked."""

    def __init__(self, elements: Sequence[ShapeNode], blank: ShapeNode | None) -> None:
        self.elements, self.blank = elements, blank


class ShapesNode(Several, kind="shapes"):
    """An array whose elements have several shapes: which of them is ticked."""

    template = "commands/keys/shapes.html"

    def __init__(self, key: Key, name: str, path: str, context: Context) -> None:
        super().__init__(key, name, path, context)
        self.left_out: list[tuple[str, str]] = []
        self._said = {
            index: context.sent.text(f"{name}.{index}.{DISCRIMINATOR}")
            for index in context.sent.indices(name)
        }
        self.elements: dict[int, ShapeNode] = {}
        self.shapes: list[Shape] = []
        for place, shape in enumerate(key.items):
            why = context.audience.refused(shape)
            if why:
                title = labels.label(f"{path}.{shape.name}", shape, context)
                self.left_out.append((title, why))
            else:
                self.shapes.append(self._shape(place, shape))

    def _shape(self, place: int, shape: Key) -> Shape:
        item = item_of(shape)
        indices = [index for index, said in self._said.items() if said == item]
        known = {item_of(each) for each in self.key.items}
        if not indices:  # the same number as long as it can be: what was typed stays
            free = self._said.get(place, "") not in known
            indices = [place if free else self.next + place]
        elements = [self._element(index, shape) for index in indices]
        self.elements.update(zip(indices, elements, strict=True))
        blank = self._element(self.mark, shape) if item in REPEATED else None
        return Shape(elements, blank)

    def _element(self, index: object, shape: Key) -> ShapeNode:
        path = f"{self.path}.{shape.name}"
        return ShapeNode(shape, f"{self.name}.{index}", path, self.context)

    @property
    def _chosen(self) -> list[ShapeNode]:
        numbered = sorted(self.elements.items())
        return [element for _, element in numbered if element.is_chosen]

    @property
    def is_filled(self) -> bool:
        return bool(self._chosen)

    def value(self) -> Any:
        return [
            element.read(f"{self.at}[{place}]")
            for place, element in enumerate(self._chosen)
        ]

    def inner(self) -> Iterator[Node]:
        yield from self._chosen

    @classmethod
    def spread(cls, key: Key, value: Any, name: str) -> Named:
        shapes = {item_of(shape): shape for shape in key.items}
        for index, element in enumerate(value):
            shape = shapes.get(str(element.get(DISCRIMINATOR)))
            if shape:
                yield f"{name}.{index}.{DISCRIMINATOR}", item_of(shape)
                rest = {k: v for k, v in element.items() if k != DISCRIMINATOR}
                yield from FieldsNode.spread(shape, rest, f"{name}.{index}")
