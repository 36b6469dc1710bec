"""Property lists: the bodies of the protocol, read within limits.

``loads`` takes XML and binary alike, as devices may send either; ``dumps`` writes XML.
``key`` and ``read`` turn a dictionary into a frozen dataclass with Apple's key names.
"""

import dataclasses
import datetime as dt
import plistlib
from collections.abc import Mapping
from typing import Any, TypeVar

from . import ProtocolError

MAX_DEPTH = 64
MAX_NODES = 300_000
"""More values than any device sends."""
MAX_SIZE = 64 * 1024 * 1024
"""Characters and bytes of all of them, counted at each reference: a binary plist can
share one array or one string a billion times."""

MAX_TEXT = 255
"""Characters of a text in a message's own keys; what an answer holds is not limited."""
MAX_DATA = 64 * 1024
"""Bytes of data there: a token, say."""

T = TypeVar("T")

NAMES = {
    str: "a string",
    bytes: "data",
    bool: "a boolean",
    int: "an integer",
    dict: "a dictionary",
    list: "an array",
}


def loads(body: bytes) -> dict[str, Any]:
    """Return the dictionary in ``body``, an XML or binary property list.

    Anything else is a ProtocolError: no plist, another root, entities, nesting deeper
    than MAX_DEPTH, more than MAX_NODES values.
    """
    _check_count(body)
    try:
        value = plistlib.loads(body)
    except Exception as error:  # plistlib lets a dozen kinds through
        raise ProtocolError("not a property list, XML or binary") from error
    if not isinstance(value, dict):
        raise ProtocolError("the property list is not a dictionary")
    _check_size(value)
    return value


def _check_count(body: bytes) -> None:
    """Refuse what is made of too many parts before time is spent on reading it."""
    if body.startswith(b"bplist"):
        parts = int.from_bytes(body[-24:-16], "big")
    else:
        parts = body.count(b"<") // 2  # an element begins and ends
    if parts > 2 * MAX_NODES:  # keys are parts as well
        raise ProtocolError("the property list holds too many values")


def _check_size(root: object) -> None:
    """Walk ``root`` level by level, so that neither depth nor sharing can hurt."""
    level, nodes, size = [root], 0, 0
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                if not all(isinstance(name, str) for name in value):
                    raise ProtocolError("a key of the property list is not a string")
                size += sum(map(len, value))
                inner.extend(value.values())
            elif isinstance(value, list):
                inner.extend(value)
            elif isinstance(value, str | bytes):
                size += len(value)
            if nodes + len(inner) > MAX_NODES or size > MAX_SIZE:
                raise ProtocolError("the property list holds too many values")
        if not inner:
            return
        nodes += len(inner)
        level = inner
    raise ProtocolError("the property list is nested too deeply")


def dumps(value: Mapping[str, Any]) -> bytes:
    """Return ``value`` as an XML property list; dates are written in UTC."""
    return plistlib.dumps(_utc(dict(value)), sort_keys=False)


def _utc(value: Any) -> Any:
    """plistlib writes a date as it stands and calls it UTC: make it so."""
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.astimezone(dt.UTC).replace(tzinfo=None)
    if isinstance(value, Mapping):
        return {name: _utc(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_utc(item) for item in value]
    return value


def key(name: str, kind: type, *, longest: int = MAX_TEXT, **options: Any) -> Any:
    """Declare a dataclass field read from the key ``name``; no default: required.

    Text beyond ``longest`` characters and data beyond MAX_DATA bytes is refused.
    """
    about = {"key": name, "kind": kind, "longest": longest}
    return dataclasses.field(metadata=about, **options)


def read(cls: type[T], source: Mapping[str, Any]) -> T:
    """Return ``cls`` with its fields taken from ``source``, types checked."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        if "key" in field.metadata:
            name = field.metadata["key"]
            if name in source:
                values[field.name] = _typed(name, source[name], field.metadata)
            elif _required(field):
                raise ProtocolError(f"{name} is missing")
    return cls(**values)


def _required(field: "dataclasses.Field[Any]") -> bool:
    return (
        field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    )


def _typed(name: str, value: object, about: Mapping[str, Any]) -> object:
    kind = about["kind"]
    wrong_bool = isinstance(value, bool) and kind is int
    if wrong_bool or not isinstance(value, kind):
        raise ProtocolError(f"{name} is not {NAMES[kind]}")
    if isinstance(value, str):
        _check_text(name, value, about["longest"])
    if isinstance(value, bytes) and len(value) > MAX_DATA:
        raise ProtocolError(f"{name} is longer than {MAX_DATA} bytes")
    return value


def _check_text(name: str, value: str, longest: int) -> None:
    """Refuse what a database may."""
    if "\0" in value:
        raise ProtocolError(f"{name} holds a NUL character")
    if len(value) > longest:
        raise ProtocolError(f"{name} is longer than {longest} characters")
