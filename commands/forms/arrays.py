"""Arrays: of single values, of files, and of dictionaries of one shape."""

from collections.abc import Iterator, Sequence
from typing import Any

from mdmportal.protocol.schema import Key

from . import labels, uploads
from .context import Context
from .node import UNSET, Node, Several, node_for, spread
from .sent import Named

# --- Arrays of single values


class LinesNode(Node, kind="lines"):
    """An array of single values: one on each line."""

    template = "commands/keys/lines.html"

    @property
    def help(self) -> str:
        return f"{super().help} One on each line.".strip()

    @property
    def suggested(self) -> str:
        return self.context.suggestions.of(self.key.name)

    def read(self, at: str) -> Any:
        self.at = at
        lines = [line.strip() for line in self.text.splitlines() if line.strip()]
        if not lines:
            may_be_empty = self.required and self.key.name in labels.MAY_BE_EMPTY
            return [] if may_be_empty else UNSET
        [item] = self.key.items
        if item.type == "string":
            return lines
        values = []
        for line in lines:
            sent = type(self.context.sent)({self.name: [line]})
            alone = Context(**{**vars(self.context), "sent": sent})
            values.append(node_for(item, self.name, self.path, alone).read(at))
        return [value for value in values if value is not UNSET]

    @classmethod
    def spread(cls, key: Key, value: Any, name: str) -> Named:
        yield name, "\n".join(map(str, value))


class ChecksNode(Node, kind="checks"):
    """An array of values that are known: some of them are ticked."""

    template = "commands/keys/checks.html"

    @property
    def chosen(self) -> Sequence[str]:
        return self.context.sent.texts(self.name)

    @property
    def options(self) -> list[tuple[str, str, bool]]:
        """Value, what it is called, whether it is ticked; of what somebody knows."""
        return [
            (str(value), self._title(value), str(value) in self.chosen)
            for value in self._known
        ]

    @property
    def _known(self) -> list[Any]:
        [item] = self.key.items
        refused = self.context.audience.refused
        return [
            value
            for value in item.values
            if not (value in item.choices and refused(item.choices[value]))
        ]

    @property
    def left_out(self) -> int:
        return len(self.key.items[0].values) - len(self._known)

    def _title(self, value: Any) -> str:
        [item] = self.key.items
        title = self.context.words.titles.get(f"{self.path}.{item.name}.{value}")
        return title or labels.choice(self.key, value)

    @property
    def is_filled(self) -> bool:
        return bool(self.chosen)

    def value(self) -> Any:
        return [each for each in self.key.items[0].values if str(each) in self.chosen]

    @classmethod
    def spread(cls, key: Key, value: Any, name: str) -> Named:
        for each in value:
            yield name, str(each)


class FilesNode(Several, kind="files"):
    """An array of data: several files at once, and those that were chosen before."""

    template = "commands/keys/files.html"

    @property
    def accept(self) -> str:
        return uploads.accepted(self.key.name)

    @property
    def kept(self) -> list[tuple[str, int, bool]]:
        """Name of the input, size, and whether it stays, of each earlier file."""
        sent, inside = self.context.sent, f"{self.name}."
        return [
            (
                name,
                len(data),
                not self.context.is_sent or bool(sent.text(f"{name}.kept")),
            )
            for name, data in sent.kept.items()
            if name.startswith(inside)
        ]

    @property
    def is_lost(self) -> bool:
        return bool(self.context.is_sent and self.context.sent.files(self.name))

    @property
    def is_filled(self) -> bool:
        stays = any(stays for _, _, stays in self.kept)
        return bool(self.context.sent.files(self.name)) or stays

    def value(self) -> Any:
        found = [self.context.sent.kept[name] for name, _, stays in self.kept if stays]
        for upload in self.context.sent.files(self.name):
            try:
                found.append(uploads.take(self.key.name, upload))
            except uploads.Unfit as problem:
                self.wrong(f"{upload.name}: {problem}")
        return found

    @classmethod
    def spread(cls, key: Key, value: Any, name: str) -> Named:
        for index, data in enumerate(value):
            yield f"{name}.{index}", bytes(data)


# --- Arrays of dictionaries


class ListNode(Several, kind="list"):
    """An array of dictionaries, or of arrays, all of one shape."""

    template = "commands/keys/list.html"

    def __init__(self, key: Key, name: str, path: str, context: Context) -> None:
        super().__init__(key, name, path, context)
        indices = context.sent.indices(name)
        if not indices and key.required and not context.is_sent:
            indices = [0]
        self.elements = [self._element(index) for index in indices]
        self.dropped: list[Node] = []

    def _element(self, index: object) -> Node:
        [item] = self.key.items
        path = f"{self.path}.{item.name}"
        return node_for(item, f"{self.name}.{index}", path, self.context)

    @property
    def blank(self) -> Node:
        return self._element(self.mark)

    @property
    def next(self) -> int:
        """Also after the one that is shown before anything is typed."""
        return max(super().next, len(self.elements))

    @property
    def spare(self) -> Node:
        return self._element(self.next)

    @property
    def is_filled(self) -> bool:
        return any(element.is_filled for element in self.elements)

    def value(self) -> Any:
        found: list[Any] = []
        for element in self.elements:
            if not element.is_filled:
                self.dropped.append(element)
                continue
            value = element.read(f"{self.at}[{len(found)}]")
            found.append({} if value is UNSET else value)
        return found

    def inner(self) -> Iterator[Node]:
        yield from (each for each in self.elements if each not in self.dropped)

    @classmethod
    def spread(cls, key: Key, value: Any, name: str) -> Named:
        [item] = key.items
        for index, element in enumerate(value):
            yield from spread(item, element, f"{name}.{index}")
