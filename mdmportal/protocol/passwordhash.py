"""Password hashes: how a Mac is told the password of an account without telling it.

https://developer.apple.com/documentation/devicemanagement/passwordhash
"""

import hashlib
import hmac
import os
from typing import Any

from . import ProtocolError, plist

SCHEME = "SALTED-SHA512-PBKDF2"
ITERATIONS = 40_000
"""Apple: from 20,000 to 40,000 where it is not known how fast the Mac is."""
SALT, ENTROPY = 32, 128
"""Octets, as macOS makes them itself."""


def make(password: str, salt: bytes = b"", iterations: int = ITERATIONS) -> bytes:
    """Return the ``passwordHash`` of a password, salted anew unless told how."""
    salt = salt or os.urandom(SALT)
    entropy = _derive(password, salt, iterations, ENTROPY)
    content = {"entropy": entropy, "iterations": iterations, "salt": salt}
    return plist.dumps({SCHEME: content})


def matches(password_hash: bytes, password: str) -> bool:
    """Return whether the hash is of this password; ProtocolError if it is no hash."""
    content: Any = plist.loads(password_hash).get(SCHEME)
    try:
        entropy, salt = bytes(content["entropy"]), bytes(content["salt"])
        derived = _derive(password, salt, int(content["iterations"]), len(entropy))
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError(f"not a {SCHEME} password hash") from error
    return hmac.compare_digest(entropy, derived)


def _derive(password: str, salt: bytes, iterations: int, size: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations, size)
