"""Schema as JSON: examples of nested keys, and their values read back from JSON.

JSON has neither data nor dates. Where the schema wants them, text is read as base64 or
as ISO 8601.
"""

import base64
import binascii
import datetime as dt
from collections.abc import Mapping
from typing import Any

from mdmportal.protocol.schema import Key, shape_of


class Wrong(ValueError):
    """Text that is to be data or a date and is not; says where."""


DEEP = 4
SHOWN = 4
"""How deep an example goes, and how many keys that are not required it shows."""

SAMPLES: Mapping[str, Any] = {
    "string": "text",
    "integer": 0,
    "real": 0.5,
    "boolean": True,
    "data": "aGVsbG8=",
    "date": "2026-01-31T12:00:00Z",
}


def example(key: Key, depth: int = 0) -> Any:
    """Return a value of the key's shape, to be written as JSON."""
    if key.type == "array":
        first = key.items[0] if key.items else None
        return [example(first, depth + 1)] if first and depth < DEEP else []
    if key.type == "dictionary":
        return _dictionary(key, depth) if depth < DEEP else {}
    if key.values:
        return key.values[0]
    return SAMPLES.get(key.type) if key.default is None else key.default


def _dictionary(key: Key, depth: int) -> dict[str, Any]:
    required = [each for each in key.keys.values() if each.required]
    others = [each for each in key.keys.values() if not each.required]
    shown = required + others[: max(0, SHOWN - len(required))]
    return {each.name: example(each, depth + 1) for each in shown}


def from_json(key: Key, value: Any, path: str = "") -> Any:
    """Return ``value`` with text turned into data and dates where the schema has them.

    Everything else stays as it is: whether it fits is for schema.check to say.
    """
    where = path or key.name
    if key.type == "data" and isinstance(value, str):
        return _data(value, where)
    if key.type == "date" and isinstance(value, str):
        return _date(value, where)
    if isinstance(value, Mapping):
        return {
            name: _inner(key, name, item, f"{where}.{name}")
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [
            _element(key, item, f"{where}[{index}]") for index, item in enumerate(value)
        ]
    return value


def _inner(key: Key, name: str, value: Any, path: str) -> Any:
    inner = key.keys.get(name, key.wildcard)
    return from_json(inner, value, path) if inner else value


def _element(key: Key, value: Any, path: str) -> Any:
    shape = key.items[0] if len(key.items) == 1 else None
    if len(key.items) > 1 and isinstance(value, Mapping):
        shape = shape_of(key.items, value)
    return from_json(shape, value, path) if shape else value


def _data(text: str, path: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Wrong(f"{path} is data: write it as base64 text.") from error


def _date(text: str, path: str) -> dt.datetime:
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise Wrong(f"{path} is a date: write it as {SAMPLES['date']}.") from error
