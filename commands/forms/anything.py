"""Anything: values that the schema leaves open, as text with a type, or pasted."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from mdmportal.protocol.schema import Key

from ..schema_json import Wrong
from . import pasted, uploads
from .node import BIGGEST, UNSET, Node
from .sent import Named


class PastedNode(Node, kind="pasted"):
    """What is endless, or may be anything: JSON or a property list."""

    template = "commands/keys/pasted.html"

    def value(self) -> Any:
        try:
            return pasted.read(self.text, self.key)
        except Wrong as problem:
            self.wrong(str(problem))
            return UNSET

    @classmethod
    def spread(cls, key: Key, value: Any, name: str) -> Named:
        yield name, pasted.write(value)


def _yes_no(text: str) -> bool:
    return {
        "yes": True,
        "true": True,
        "1": True,
        "no": False,
        "false": False,
        "0": False,
    }[text.lower()]


def _date(text: str) -> dt.datetime:
    found = parse_datetime(text)
    if found is None:
        raise ValueError(text)
    return found if found.tzinfo else timezone.make_aware(found)


def _integer(text: str) -> int:
    number = int(text)
    if abs(number) > BIGGEST:
        raise ValueError(text)
    return number


ANY: Mapping[str, tuple[str, Callable[[str], Any], str]] = {
    "string": ("text", str, ""),
    "integer": ("whole number", _integer, "This is not a whole number."),
    "real": ("number", float, "This is not a number."),
    "boolean": ("yes or no", _yes_no, "Say yes or no."),
    "date": ("date", _date, "This is not a date: write it as 2026-01-31T12:00:00Z."),
    "data": ("data, as base64", uploads.from_base64, "This is not base64 text."),
}
"""What a value can be: in words, how it is read, and what to say if it is not."""

NESTED = "nested"
"""The type of a value that is a list or a dictionary."""


class AnyNode(Node, kind="any"):
    """A value of any type: text, and what it is."""

    template = "commands/keys/any.html"

    @property
    def type(self) -> str:
        return self.context.sent.text(f"{self.name}.type") or "string"

    @property
    def types(self) -> list[tuple[str, str]]:
        titles = [(name, words) for name, (words, _, _) in ANY.items()]
        return [*titles, (NESTED, "list or dictionary")]

    @property
    def is_text(self) -> bool:
        return self.type == "string"

    @property
    def is_filled(self) -> bool:
        return bool(self.text)

    def value(self) -> Any:
        if self.type == NESTED:
            return PastedNode.value(self)  # type: ignore[arg-type]
        _, convert, problem = ANY.get(self.type, ANY["string"])
        try:
            return convert(self.text if self.is_text else self.text.strip())
        except (ValueError, LookupError, OverflowError):
            self.wrong(problem)
            return UNSET

    @classmethod
    def spread(cls, key: Key, value: Any, name: str) -> Named:
        said, text = _as_text(value)
        yield f"{name}.type", said
        yield name, text


def _as_text(value: Any) -> tuple[str, str]:
    """Return the type of a value, as ANY names it, and the value as text."""
    if isinstance(value, bool):
        return "boolean", "yes" if value else "no"
    if isinstance(value, bytes):
        return "data", uploads.to_base64(value)
    if isinstance(value, dict | list | tuple):
        return NESTED, pasted.write(value)
    kinds = {int: "integer", float: "real", str: "string"}
    if type(value) in kinds:
        return kinds[type(value)], str(value)
    return "date", value.isoformat() + ("" if value.tzinfo else "Z")
