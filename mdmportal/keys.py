"""Keys of the embedded default: made on first use, kept in files only we can read."""

import os
import secrets
from pathlib import Path


def keep(path: Path, bytes_of_randomness: int = 32) -> str:
    """Return the hexadecimal key in the file ``path``, making it first if need be."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(made, "w") as file:
        file.write(secrets.token_hex(bytes_of_randomness))
    return path.read_text().strip()
