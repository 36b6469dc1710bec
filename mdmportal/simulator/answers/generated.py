"""Generated answers: plausible values for the answer keys in Apple's schema."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from mdmportal.protocol.schema import Key

Answer = dict[str, Any]

WORDS = {
    "Version": "1.0",
    "version": "1.0",
    "Identifier": "com.example.extension",
    "ExtensionPoint": "com.apple.share-services",
    "DisplayName": "Example",
    "Path": "/Applications/Example.app/Contents/PlugIns/Example.appex",
    "address": "192.168.1.20",
    "PrimaryIPv6AddressListItem": "fe80::1",
    "SecondaryIPv6AddressListItem": "fe80::2",
}
"""What a string of this name holds, where an empty one would look odd."""

VALUES: dict[str, Callable[[], Any]] = {
    "boolean": lambda: False,
    "data": lambda: b"\x00",
    "date": lambda: dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0),
    "integer": lambda: 0,
    "real": lambda: 0.0,
}


def generate(keys: Mapping[str, Key], platform: str) -> Answer:
    """Return an answer with every required key, and those that may be and are plain."""
    return {
        name: _value(key, platform)
        for name, key in keys.items()
        if platform in key.support and (key.required or _is_plain(key))
    }


def _is_plain(key: Key) -> bool:
    return key.type not in ("array", "dictionary", "any")


def _value(key: Key, platform: str) -> Any:
    if key.values:
        return key.values[0]
    if key.type == "dictionary":
        return generate(key.keys, platform)
    if key.type == "array":
        return [_value(item, platform) for item in key.items]
    if key.type in VALUES:
        return VALUES[key.type]()
    return WORDS.get(key.name, "")
