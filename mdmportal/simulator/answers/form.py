"""The form of a command: what a device finds wrong before it looks at the meaning."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from mdmportal.protocol.schema import Key, shape_of

TYPES: dict[str, tuple[type, ...]] = {
    "array": (list,),
    "boolean": (bool, int),
    "data": (bytes,),
    "date": (dt.datetime,),
    "dictionary": (dict,),
    "integer": (int,),
    "real": (float, int),
    "string": (str,),
}
"""A device takes 1 for true; everything else is as it is named."""


def malformed(keys: Mapping[str, Key], values: Mapping[str, Any]) -> bool:
    """Return whether a key is missing or a value of a wrong type, at any depth.

    Keys that are not in the schema, and values it does not allow, are not looked at.
    """
    return any(
        key.required if name not in values else _is_wrong(key, values[name])
        for name, key in keys.items()
    )


def _is_wrong(key: Key, value: Any) -> bool:
    if key.type in TYPES and not isinstance(value, TYPES[key.type]):
        return True
    if isinstance(value, dict):
        return malformed(key.keys, value)
    if isinstance(value, list):
        return any(_is_wrong_item(key, item) for item in value)
    return False


def _is_wrong_item(key: Key, item: Any) -> bool:
    if len(key.items) == 1:
        return _is_wrong(key.items[0], item)
    if not key.items:
        return False
    shape = shape_of(key.items, item) if isinstance(item, dict) else None
    return _is_wrong(shape, item) if shape else not isinstance(item, dict)
