"""Encrypted model fields: secrets at rest, in AES-256-GCM.

A stored value is ``key id (4 bytes) | nonce (12) | ciphertext and tag``. The column is
bound in as associated data, so that a value cannot be moved to another column. Keys
come from settings.FIELD_KEYS: the first writes, all of them read, so a key is changed
by putting a new one in front.
"""

import hashlib
import os
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models

KEY_ID, NONCE = 4, 12


@lru_cache(maxsize=4)
def _ring(keys: tuple[str, ...]) -> dict[bytes, AESGCM]:
    raw = [bytes.fromhex(key) for key in keys]
    if not raw or any(len(key) != 32 for key in raw):
        raise ImproperlyConfigured("FIELD_KEYS must be keys of 64 hexadecimal digits")
    return {hashlib.sha256(key).digest()[:KEY_ID]: AESGCM(key) for key in raw}


def encrypt(plain: bytes, label: str) -> bytes:
    """Return ``plain`` encrypted under the first key, bound to ``label``."""
    key_id, cipher = next(iter(_ring(tuple(settings.FIELD_KEYS)).items()))
    nonce = os.urandom(NONCE)
    return key_id + nonce + cipher.encrypt(nonce, plain, label.encode())


def decrypt(stored: bytes, label: str) -> bytes:
    """Return what ``encrypt`` was given; ValueError: a lost key, a changed value."""
    key_id, nonce, rest = stored[:KEY_ID], stored[KEY_ID:][:NONCE], stored[16:]
    cipher = _ring(tuple(settings.FIELD_KEYS)).get(key_id)
    if cipher is None:
        raise ValueError(f"{label} was encrypted under a key that FIELD_KEYS lacks")
    try:
        return cipher.decrypt(nonce, rest, label.encode())
    except InvalidTag as error:
        raise ValueError(f"{label} was changed or moved") from error


class EncryptedBinaryField(models.BinaryField):  # type: ignore[type-arg]
    """Bytes, encrypted in the database and never searchable."""

    def _label(self) -> str:
        return f"{self.model._meta.db_table}.{self.column}"

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return None if value is None else encrypt(bytes(value), self._label())

    def from_db_value(self, value: Any, *_: object) -> bytes | None:
        return None if value is None else decrypt(bytes(value), self._label())
