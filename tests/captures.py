"""Captures: messages that real devices sent, kept beside the project."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent.parent / "shared" / "fixtures"

BLANKED = re.compile(rb"[Bb]ase64==?(?=\s*</data>)")
"""Put in place of data by those who published a capture; it is not base64 itself."""


def capture(name: str) -> bytes:
    """Return the capture ``name``; the test is skipped where there are none."""
    file = FOLDER / name
    if not file.exists():
        pytest.skip(f"no capture {name}")
    return BLANKED.sub(rb"QmFzZTY0", file.read_bytes())


def names(folder: str, suffix: str = ".plist") -> list[str]:
    """Return the captures of a folder, for parametrize; [] where there are none."""
    return sorted(
        f"{folder}/{file.name}" for file in (FOLDER / folder).glob(f"*{suffix}")
    )
