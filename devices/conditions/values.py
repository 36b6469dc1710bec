"""Values: what a condition compares with, as it is typed, kept, read and said."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from ..models.device import version_key

LONGEST = 255


class Invalid(ValueError):
    """A condition that makes no sense; the message says what to do about it."""


@dataclass(frozen=True)
class Value:
    """The text kept in JSON. ``kind`` is how it is entered, ``hint`` what stands there.

    ``read`` returns what the database compares with, or raises Invalid; ``words`` is
    the text as people read it.
    """

    kind = "text"
    hint: str = ""

    def read(self, text: str) -> Any:
        raise NotImplementedError

    def words(self, text: str) -> str:
        return text

    def choices(self) -> list[tuple[str, str]]:
        """Return value and title of all there is to choose from; [] for free text."""
        return []

    def unit_of(self) -> str:
        """Return in what it is counted; '' for what is not."""
        return ""


@dataclass(frozen=True)
class Text(Value):
    def read(self, text: str) -> str:
        if not text:
            raise Invalid("Say what to compare with.")
        if len(text) > LONGEST:
            raise Invalid(f"That is longer than {LONGEST} characters.")
        return text

    def words(self, text: str) -> str:
        return f"“{text}”"


@dataclass(frozen=True)
class Number(Value):
    """A number from ``low`` to ``high``; ``unit`` follows it."""

    kind = "number"
    unit: str = ""
    low: float = 0
    high: float = 1_000_000
    whole: bool = False

    def read(self, text: str) -> float:
        try:
            number = int(text) if self.whole else float(text.replace(",", "."))
        except ValueError:
            number = None
        if number is None or not self.low <= number <= self.high:
            raise Invalid(
                f"Give a {'whole ' if self.whole else ''}number from {self.low:g} to "
                f"{self.high:,.0f}, not “{text}”."
            )
        return number

    def words(self, text: str) -> str:
        return f"{text} {self.unit}".strip()

    def unit_of(self) -> str:
        return self.unit


@dataclass(frozen=True)
class Version(Value):
    """A version such as 17.6.1, read as text that sorts as versions do."""

    def read(self, text: str) -> str:
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9}){0,3}", text):
            raise Invalid(f"Give a version such as 17.6.1, not “{text}”.")
        return version_key(text)


@dataclass(frozen=True)
class Identified(Value):
    """An identifier and a version, as ``com.example.app 2.1``."""

    def read(self, text: str) -> tuple[str, str]:
        identifier, _, version = text.strip().rpartition(" ")
        if not identifier:
            raise Invalid("Give an identifier and a version: com.example.app 2.1")
        return identifier.strip(), Version().read(version)


@dataclass(frozen=True)
class Choice(Value):
    """One of ``entries``: value -> title."""

    kind = "choice"
    entries: Mapping[str, str] | None = None

    def read(self, text: str) -> str:
        if text not in (self.entries or {}):
            titles = ", ".join((self.entries or {}).values())
            raise Invalid(f"Choose one of: {titles}.")
        return text

    def words(self, text: str) -> str:
        return (self.entries or {}).get(text, text)

    def choices(self) -> list[tuple[str, str]]:
        return list((self.entries or {}).items())


@dataclass(frozen=True)
class Row(Value):
    """The id of one of the rows that ``rows`` returns, called ``noun``.

    Reading does not look whether it is there still: what is gone is met by nobody.
    """

    kind = "choice"
    rows: Callable[[], QuerySet[Any]] | None = None
    noun: str = "row"

    def read(self, text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise Invalid(f"Choose a {self.noun}.")
        return int(text)

    def words(self, text: str) -> str:
        assert self.rows
        row = self.rows().filter(pk=self.read(text)).first()
        return f"“{row}”" if row else f"(a {self.noun} that is gone)"

    def choices(self) -> list[tuple[str, str]]:
        assert self.rows
        return [(str(row.pk), str(row)) for row in self.rows()]
