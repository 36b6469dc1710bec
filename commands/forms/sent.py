"""Sent: what a form's named inputs hold, as ``key.Settings.0.Image``.

The numbers tell an array's elements apart and order them; they may have gaps.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MOST_ELEMENTS = 1000
"""Of one array; more is no form that a person filled in."""

Named = Iterable[tuple[str, str | bytes]]
"""Inputs with what is in them: text, or the bytes of a file that was chosen before."""


class Sent:
    """Texts and files by the names of their inputs; ``kept`` are earlier files."""

    def __init__(
        self,
        texts: Mapping[str, Sequence[str]] = {},
        files: Mapping[str, Sequence[Any]] = {},
        kept: Mapping[str, bytes] = {},
    ) -> None:
        self._texts, self._files, self.kept = texts, files, kept
        self._indices: dict[str, set[int]] = defaultdict(set)
        for name in (*texts, *files, *kept):
            self._note(name)

    @classmethod
    def of_request(cls, data: Any, files: Any, before: Named = ()) -> "Sent":
        """Return what was posted; ``before`` are the inputs as they were shown."""
        kept = {name: value for name, value in before if isinstance(value, bytes)}
        lists = {name: data.getlist(name) for name in data} if data else {}
        sent = {name: files.getlist(name) for name in files} if files else {}
        found = cls(lists, sent)
        found.kept = kept  # what is not posted makes no element of an array
        return found

    @classmethod
    def of_inputs(cls, named: Named) -> "Sent":
        texts: dict[str, list[str]] = defaultdict(list)
        kept = {}
        for name, value in named:
            if isinstance(value, bytes):
                kept[name] = value
            else:
                texts[name].append(value)
        return cls(texts, kept=kept)

    def _note(self, name: str) -> None:
        parts = name.split(".")
        for place, part in enumerate(parts):
            if part.isascii() and part.isdigit() and len(part) < 7:
                around = ".".join(parts[:place])
                self._indices[around].add(int(part))

    def text(self, name: str) -> str:
        found = self._texts.get(name, ())
        return found[-1].replace("\r\n", "\n") if found else ""

    def texts(self, name: str) -> Sequence[str]:
        return self._texts.get(name, ())

    def files(self, name: str) -> Sequence[Any]:
        return self._files.get(name, ())

    def indices(self, name: str) -> list[int]:
        """Return the numbers of an array's elements, in their order."""
        return sorted(self._indices.get(name, ()))[:MOST_ELEMENTS]
