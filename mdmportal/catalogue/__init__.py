"""The catalogue: every command of Apple's schema, as facts.

``commands.json`` was compiled from https://github.com/apple/device-management, which
Apple publishes under the MIT licence: Copyright © 2022-2026 Apple Inc., see
THIRD-PARTY.md. ``compiler`` makes it anew from a checkout.
"""

import functools
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from mdmportal.protocol import schema

_FILE = resources.files(__name__) / "commands.json"
_DOCUMENT: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))

RELEASE: str = _DOCUMENT["release"]
"""The release of Apple's schema that the catalogue was compiled from."""


@functools.lru_cache(maxsize=1)
def commands() -> Mapping[str, schema.Command]:
    """Return every command by its RequestType; read once."""
    return schema.read(_DOCUMENT)
