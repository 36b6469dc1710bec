"""Pasted: values written as JSON or as a property list, where no control does."""

import json
from collections.abc import Mapping
from typing import Any

from mdmportal.protocol import ProtocolError, plist
from mdmportal.protocol.schema import Key

from ..schema_json import Wrong, from_json

DEEPEST = 60
NEITHER = (
    "This is neither JSON nor a property list: look at its brackets, quotes and commas."
)


def read(text: str, key: Key) -> Any:
    """Return what ``text`` holds, data and dates where the schema has them; else Wrong.

    A property list whose root is no dictionary is read as well.
    """
    return from_json(key, _plain(text.strip()))


def _plain(text: str) -> Any:
    if text.startswith("<"):
        return _property_list(text)
    try:
        value = json.loads(text)
        _check(value, 0)
    except (ValueError, RecursionError) as error:
        raise error if isinstance(error, Wrong) else Wrong(NEITHER) from error
    return value


def _property_list(text: str) -> Any:
    """A fragment, as an app's manual has it, is put into the list that is around it."""
    begin = text.find("<plist")
    inner = (
        text[text.find(">", begin) + 1 : text.rfind("</plist>")] if begin >= 0 else text
    )
    whole = f'<plist version="1.0"><dict><key>v</key>{inner}</dict></plist>'
    try:
        return plist.loads(whole.encode())["v"]
    except (ProtocolError, LookupError) as error:
        raise Wrong(NEITHER) from error


def _check(value: Any, depth: int) -> None:
    """JSON has what property lists have not."""
    if depth > DEEPEST:
        raise Wrong("This is nested too deeply.")
    if value is None:
        raise Wrong("A property list has no null: leave the key out.")
    inner = value.values() if isinstance(value, Mapping) else value
    for each in inner if isinstance(value, Mapping | list) else ():
        _check(each, depth + 1)


def write(value: Any) -> str:
    """Return a list or dictionary as text that ``read`` takes."""
    whole = plist.dumps({"v": value}).decode()
    begin, end = whole.index("</key>") + len("</key>"), whole.rindex("</dict>")
    return whole[begin:end].strip()
