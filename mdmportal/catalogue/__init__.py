"""The catalogue: every command of Apple's schema, as facts.

``commands.json`` was compiled from https://github.com/apple/device-management, which
Apple publishes under the MIT licence: Copyright © 2022-2026 Apple Inc., see
THIRD-PARTY.md. ``compiler`` makes it anew from a checkout.
"""

import dataclasses
import functools
import json
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType
from typing import Any

from mdmportal.protocol import schema

_FILE = resources.files(__name__) / "commands.json"
_DOCUMENT: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))

RELEASE: str = _DOCUMENT["release"]
"""The release of Apple's schema that the catalogue was compiled from."""


ON_USER_CHANNEL = (("DeviceConfigured", "macOS"),)
"""What the schema keeps to the device channel, and Apple's article on users does not:
there it ends UserConfiguration.
https://developer.apple.com/documentation/devicemanagement/managing-mdm-devices-and-users-in-macos
"""


@functools.lru_cache(maxsize=1)
def commands() -> Mapping[str, schema.Command]:
    """Return every command by its RequestType; read once."""
    found = dict(schema.read(_DOCUMENT))
    for request_type, system in ON_USER_CHANNEL:
        command = found[request_type]
        support = dataclasses.replace(command.support[system], user_channel=True)
        systems = MappingProxyType({**command.support, system: support})
        found[request_type] = dataclasses.replace(command, support=systems)
    return MappingProxyType(found)
