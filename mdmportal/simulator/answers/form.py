"""The form of a command: what a device finds in it before it looks at the meaning.

Held against Apple's schema here anew, and not by what the server checks itself with.
What is wrong makes the device answer CommandFormatError; what is odd it passes over,
as real ones do with keys they do not know, but it is remembered: no server that knows
its device sends any.
"""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mdmportal.protocol.schema import (
    COMMON_KEYS,
    Command,
    Key,
    Problem,
    Target,
    shape_of,
    unavailable,
)

TYPES: dict[str, tuple[type, ...]] = {
    "array": (list,),
    "boolean": (bool,),
    "data": (bytes,),
    "date": (dt.datetime,),
    "dictionary": (dict,),
    "integer": (int,),
    "real": (float, int),
    "string": (str,),
}

REQUEST_TYPE = Key(name="RequestType", type="string", required=True)


@dataclass
class Form:
    """What was found in a command that is meant for ``target``."""

    target: Target
    wrong: list[Problem] = field(default_factory=list)
    odd: list[Problem] = field(default_factory=list)


def examine(command: Command, request: Mapping[str, Any], target: Target) -> Form:
    """Return what is wrong and what is odd in ``request``, at any depth."""
    form = Form(target)
    keys = {"RequestType": REQUEST_TYPE, **COMMON_KEYS, **command.keys}
    _dictionary(form, "", Key(name="", type="dictionary", keys=keys), request)
    return form


def _dictionary(form: Form, path: str, key: Key, values: Mapping[str, Any]) -> None:
    for name, inner in key.keys.items():
        here = f"{path}.{name}" if path else name
        why = unavailable(inner, form.target) if inner.support else ""
        if name in values and why:
            _pass_over(form, here, inner, values[name], why)
        elif name in values:
            _value(form, here, inner, values[name])
        elif inner.required and not why:
            form.wrong.append(Problem(here, "is missing"))
    for name in values.keys() - key.keys.keys():
        here = f"{path}.{name}" if path else name
        if key.wildcard:
            _value(form, here, key.wildcard, values[name])
        elif key.keys:
            form.odd.append(Problem(here, "is no key"))


def _pass_over(form: Form, path: str, key: Key, value: Any, why: str) -> None:
    """A default says nothing that the device would not do anyway."""
    if key.default is None or value != key.default:
        form.odd.append(Problem(path, why))


def _value(form: Form, path: str, key: Key, value: Any) -> None:
    if not _is_of_type(key.type, value):
        form.wrong.append(Problem(path, f"is no {key.type}"))
        return
    if key.choices:
        _choice(form, path, key, value)
    elif key.values and value not in key.values:
        form.wrong.append(Problem(path, "is none of the allowed values"))
    elif not _is_within(key, value):
        form.wrong.append(Problem(path, "is out of range"))
    elif key.format and isinstance(value, str) and not re.search(key.format, value):
        form.wrong.append(Problem(path, f"does not match {key.format}"))
    if isinstance(value, dict):
        _dictionary(form, path, key, value)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _item(form, f"{path}[{index}]", key.items, item)


def _is_of_type(kind: str, value: Any) -> bool:
    """True is no integer in a property list."""
    if kind not in TYPES:
        return True
    return isinstance(value, TYPES[kind]) and isinstance(value, bool) == (
        kind == "boolean"
    )


def _is_within(key: Key, value: Any) -> bool:
    if not isinstance(value, int | float):
        return True
    above = key.minimum is None or value >= key.minimum
    return above and (key.maximum is None or value <= key.maximum)


def _choice(form: Form, path: str, key: Key, value: Any) -> None:
    """A query that the device does not know is left out of its answer."""
    chosen = key.choices.get(value)
    why = unavailable(chosen, form.target) if chosen else "is nothing to choose"
    if why:
        form.odd.append(Problem(f"{path} {value}", why))


def _item(form: Form, path: str, shapes: Sequence[Key], item: Any) -> None:
    if len(shapes) == 1:
        _value(form, path, shapes[0], item)
    elif shapes and not isinstance(item, dict):
        form.wrong.append(Problem(path, "is no dictionary"))
    elif shapes:
        shape = shape_of(shapes, item)
        why = unavailable(shape, form.target) if shape else "is no such item"
        if shape and not why:
            _value(form, path, shape, item)
        else:  # the answer says of this item that it failed
            form.odd.append(Problem(f"{path} {item.get('Item')}", why))
