"""The catalogue: every command of Apple's schema, as facts and in words.

``commands.json`` was compiled from https://github.com/apple/device-management, which
Apple publishes under the MIT licence: Copyright © 2022-2026 Apple Inc., see
THIRD-PARTY.md. ``words.json`` has the names of commands and keys from there; what it
says of them is written by hand. ``compiler`` compiles a newer checkout, which goes into
a folder of the operator's and never over these two. ``later.json`` is what came since,
``files`` tells which of them are read.
"""

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mdmportal.protocol import schema

from . import files, later, wording
from .wording import Words

__all__ = ["Words", "commands", "keep_in", "problem", "release", "words"]

ON_USER_CHANNEL = (("DeviceConfigured", "macOS"),)
"""What the schema keeps to the device channel, and Apple's article on users does not:
there it ends UserConfiguration.
https://developer.apple.com/documentation/devicemanagement/managing-mdm-devices-and-users-in-macos
"""


@dataclasses.dataclass(frozen=True)
class Catalogue:
    """What is in force: of which release, and why it is not what was loaded."""

    release: str
    commands: Mapping[str, schema.Command]
    problem: str = ""


@functools.lru_cache(maxsize=1)
def in_force() -> Catalogue:
    """Return the catalogue, read once: what was loaded, or what came along.

    A loaded file that is broken stops nothing.
    """
    try:
        loaded = files.kept(files.COMMANDS)
        if loaded is not None:
            return _catalogue(loaded)
    except files.Broken as broken:
        own = _catalogue(files.built_in(files.COMMANDS))
        return dataclasses.replace(own, problem=str(broken))
    return _catalogue(files.built_in(files.COMMANDS))


def _catalogue(document: dict[str, Any]) -> Catalogue:
    files.check(document)
    later.lay_over(document, files.built_in(files.LATER))
    found = dict(files.check(document))
    for request_type, system in ON_USER_CHANNEL:
        found[request_type] = _opened(found[request_type], system)
    return Catalogue(str(document.get("release", "")), MappingProxyType(found))


def _opened(command: schema.Command, system: str) -> schema.Command:
    """Return the command with the user channel open to it on that system."""
    own = command.support.get(system)
    if own is None:
        return command
    support = dataclasses.replace(own, user_channel=True)
    systems = MappingProxyType({**command.support, system: support})
    return dataclasses.replace(command, support=systems)


def keep_in(place: Path | None) -> None:
    """Say where load_schema keeps files; what was read before is read anew."""
    files.keep_in(place)
    in_force.cache_clear()
    _words.cache_clear()


def commands() -> Mapping[str, schema.Command]:
    """Return every command by its RequestType."""
    return in_force().commands


def release() -> str:
    """Return the release of Apple's schema that the catalogue was compiled from."""
    return in_force().release


def problem() -> str:
    """Return why what was loaded is not in force; '' if it is, or nothing was."""
    return in_force().problem


def words(request_type: str) -> Words:
    """Return what is said of the command; nothing for one that is not described."""
    return _words().get(request_type, wording.NOTHING)


@functools.lru_cache(maxsize=1)
def _words() -> Mapping[str, Words]:
    """Read when somebody first wants to know: devices never do."""
    try:
        document = files.kept(files.WORDS) or files.built_in(files.WORDS)
        return _read_words(document)
    except files.Broken:
        return _read_words(files.built_in(files.WORDS))


def _read_words(document: dict[str, Any]) -> Mapping[str, Words]:
    try:
        wording.prefer(document, files.built_in(files.WORDS)["commands"])
        later.lay_words_over(document, files.built_in(files.LATER))
        return wording.read(document)
    except (LookupError, TypeError, AttributeError) as error:
        raise files.Broken(f"{files.WORDS} is not what load_schema writes") from error
