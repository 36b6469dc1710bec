"""Schema as JSON: values of keys, read from JSON.

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


SAMPLE_DATE = "2026-01-31T12:00:00Z"


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
        raise Wrong(f"{path} is a date: write it as {SAMPLE_DATE}.") from error
