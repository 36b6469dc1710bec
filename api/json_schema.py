"""JSON Schema: a command's keys as programs write them, made from Apple's schema.

Data is base64 text, a date is ISO 8601. Where something is not usable on all systems
that know the command, ``x-apple-support`` says on which.
https://json-schema.org/draft/2020-12
"""

from collections.abc import Collection, Mapping
from typing import Any

from devices.models.inventory import to_json
from mdmportal.protocol.schema import Command, Key, Support, Systems

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Node = dict[str, Any]

TYPES: Mapping[str, Node] = {
    "array": {"type": "array"},
    "boolean": {"type": "boolean"},
    "data": {"type": "string", "contentEncoding": "base64"},
    "date": {"type": "string", "format": "date-time"},
    "dictionary": {"type": "object"},
    "integer": {"type": "integer"},
    "real": {"type": "number"},
    "string": {"type": "string"},
}
"""Types of property lists; to ``any``, or one unknown here, everything fits."""


def of_command(
    command: Command, words: Mapping[str, str], filled: Collection[str] = ()
) -> Node:
    """Return the schema of a command's keys.

    ``words`` say what a key is for, by its path; ``filled`` are keys that need not be
    given, because the portal fills them in where they are left out.
    """
    root = Key(
        name=command.request_type,
        type="dictionary",
        keys=command.keys,
        support=command.support,
    )
    node: Node = {"$schema": DIALECT, "title": command.request_type}
    node |= _node(root, root.support, words, "")
    node.setdefault("properties", {})
    node["additionalProperties"] = False
    required = [name for name in node.pop("required", ()) if name not in filled]
    return {**node, "required": required} if required else node


def _node(key: Key, around: Systems, words: Mapping[str, str], path: str) -> Node:
    node: Node = dict(TYPES.get(key.type, {}))
    if key.recursive:
        node["$comment"] = "As one around it: it starts again here."
    if said := words.get(path):
        node["description"] = said
    node |= _limits(key)
    if key.support is not around:
        node["x-apple-support"] = systems(key.support)
    if key.type == "dictionary":
        node |= _dictionary(key, words, path)
    elif key.type == "array" and key.items:
        node["items"] = _items(key, words, path)
    return node


def _limits(key: Key) -> Node:
    limits: Node = {}
    if key.values:
        limits["enum"] = [to_json(value) for value in key.values]
    if key.default is not None:
        limits["default"] = to_json(key.default)
    if key.minimum is not None:
        limits["minimum"] = key.minimum
    if key.maximum is not None:
        limits["maximum"] = key.maximum
    if key.format:
        limits["pattern"] = key.format
    return limits


def _dictionary(key: Key, words: Mapping[str, str], path: str) -> Node:
    """With no keys of its own and no wildcard, anything may be in it."""
    if not key.keys and not key.wildcard:
        return {}
    inner = {
        name: _node(each, key.support, words, _join(path, name))
        for name, each in key.keys.items()
    }
    required = [name for name, each in key.keys.items() if each.required]
    wildcard = key.wildcard
    others = (
        _node(wildcard, key.support, words, _join(path, wildcard.name))
        if wildcard
        else False
    )
    node: Node = {"properties": inner, "additionalProperties": others}
    return {**node, "required": required} if required else node


def _items(key: Key, words: Mapping[str, str], path: str) -> Node:
    """Of several shapes, the element's Item says which it has."""
    shapes = [
        _node(shape, key.support, words, _join(path, shape.name)) for shape in key.items
    ]
    return shapes[0] if len(shapes) == 1 else {"oneOf": shapes}


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def systems(support: Systems) -> Node:
    """Return on which systems something can be used, and what it takes there."""
    return {name: _support(each) for name, each in support.items()}


def _support(support: Support) -> Node:
    """Leave out what the schema does not say."""
    said: Node = {
        "introduced": _version(support.introduced),
        "deprecated": _version(support.deprecated),
        "removed": _version(support.removed),
        "device_channel": support.device_channel,
        "user_channel": support.user_channel,
        "supervised": support.supervised or None,
        "requires_automated_enrollment": support.requires_dep or None,
        "user_enrollment": support.user_enrollment or None,
        "shared_ipad": support.shared_ipad or None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _version(version: tuple[int, ...]) -> str | None:
    return ".".join(map(str, version)) or None
