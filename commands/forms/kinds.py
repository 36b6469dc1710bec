"""Kinds: by which kind of node a key is asked for."""

from collections.abc import Mapping

from mdmportal.protocol.schema import Key

DEEPEST = 8
"""Dots in an input's name; beyond, a form would help nobody, and it is pasted."""

SCALARS: Mapping[str, str] = {
    "string": "text",
    "integer": "number",
    "real": "number",
    "boolean": "boolean",
    "data": "file",
    "date": "date",
}


def kind_of(key: Key, depth: int = 0) -> str:
    if key.type == "dictionary":
        return _of_dictionary(key, depth)
    if key.type == "array":
        return _of_array(key, depth)
    if key.values and key.type != "boolean":
        return "fixed" if key.required and len(key.values) == 1 else "choice"
    return SCALARS.get(key.type, "any")


def _of_dictionary(key: Key, depth: int) -> str:
    if key.recursive or depth > DEEPEST or not (key.keys or key.wildcard):
        return "pasted"
    return "fields" if key.keys else "pairs"


def _of_array(key: Key, depth: int) -> str:
    if key.recursive or depth > DEEPEST or not key.items:
        return "pasted"
    if len(key.items) > 1:
        return "shapes"
    [item] = key.items
    if item.recursive or item.type in ("boolean", "any"):
        return "pasted"
    if item.type == "data":
        return "files"
    if item.values:
        return "checks"
    return "lines" if item.type in SCALARS else "list"
