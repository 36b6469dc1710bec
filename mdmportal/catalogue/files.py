"""The catalogue's files: those that load_schema keeps, and those that came along.

What is kept is in CATALOGUE_DIR, which outlives a container. It counts if it can be
read, and has the commands that the portal orders by itself; else what came along does.
"""

import json
import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from mdmportal.protocol import ProtocolError, schema

COMMANDS, WORDS, LATER = "commands.json", "words.json", "later.json"

NEEDED = frozenset(
    {
        *("DeviceInformation", "SecurityInfo", "InstalledApplicationList"),
        *("ProfileList", "CertificateList", "Settings", "InstallProfile"),
        *("RemoveProfile", "DeviceConfigured", "DeviceLock", "EraseDevice"),
    }
)
"""What the portal could not do without."""


class Broken(ValueError):
    """A file that was kept cannot be used; says which and why."""


def built_in(name: str) -> dict[str, Any]:
    """Return what the file of that name says that came along."""
    file = resources.files(__package__) / name
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return document


_kept_in: Path | None = None


def keep_in(place: Path | None) -> None:
    """Say where files are kept; without that, as in a simulator, none are."""
    global _kept_in
    _kept_in = place


def folder() -> Path | None:
    """Return where files are kept; None if nowhere."""
    return _kept_in


def kept(name: str) -> dict[str, Any] | None:
    """Return what the file of that name says that was kept; None if none was."""
    place = folder()
    if place is None:
        return None
    try:
        if not (place / name).exists():
            return None
        document = json.loads((place / name).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise Broken(f"{place / name} cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise Broken(f"{place / name} is not what load_schema writes")
    return document


def check(document: Mapping[str, Any]) -> Mapping[str, schema.Command]:
    """Return the commands of a compiled schema; Broken if they cannot be used."""
    try:
        commands = schema.read(document)
    except ProtocolError as error:
        raise Broken(str(error)) from error
    missing = NEEDED - set(commands)
    if missing:
        raise Broken(f"it lacks commands: {', '.join(sorted(missing))}")
    return commands


def keep(name: str, text: str) -> Path:
    """Keep a file, at once or not at all, and the one before it beside it."""
    place = folder()
    assert place is not None  # who writes has said where
    place.mkdir(parents=True, exist_ok=True)
    path = place / name
    fresh = path.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    if path.exists():
        os.replace(path, path.with_suffix(".previous.json"))
    os.replace(fresh, path)
    return path
