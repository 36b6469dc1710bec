"""Kept: the newest answer to each kind of query, in the Inventory.

An answer like the one before writes nothing but when it came: a digest of what was said
tells, so that the kept answer need not even be read.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from devices.models.inventory import Inventory, to_json

from .. import answers
from .said import Said

MOST = 20_000
"""Items of a list that becomes rows: what a statement can name; none has so many."""


class Older(Exception):
    """A later answer to this kind of query is read already."""


def without_secrets(value: Any) -> Any:
    """Return ``value`` as JSON without what is secret in it, at any depth."""
    return _open(to_json(value))


def _open(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            name: _open(item)
            for name, item in value.items()
            if name.lower() not in answers.SECRET_KEYS
        }
    if isinstance(value, list):
        return [_open(item) for item in value]
    return value


def check_length(items: Sequence[Any]) -> None:
    """Raise ValueError for a list with more items than any device has."""
    if len(items) > MOST:
        raise ValueError(f"the list has {len(items):,} items, more than {MOST:,}")


def digest_of(value: Any) -> str:
    """Return what two values of JSON have in common only if they are alike."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class Place:
    """Where the answers of one kind of one channel are kept, locked.

    Workers that read two answers of one kind take turns here; the older of the two
    changes nothing, whichever comes first.
    """

    def __init__(self, said: Said) -> None:
        self.said = said
        self.row = self._find() or self._make()
        self.is_first = not self.row.digest
        if not self.is_first and said.at < self.row.received_at:
            raise Older

    def _find(self) -> Inventory | None:
        rows = Inventory.objects.filter(
            device=self.said.device,
            user_id=self.said.user_id,
            request_type=self.said.request_type,
        )
        return rows.defer("answer").select_for_update().first()

    def _make(self) -> Inventory:
        """Two workers may be at the first answers at once: one of them makes it."""
        row = Inventory(
            device=self.said.device,
            user_id=self.said.user_id,
            request_type=self.said.request_type,
            answer={},
            received_at=self.said.at,
        )
        Inventory.objects.bulk_create([row], ignore_conflicts=True)
        found = self._find()
        if found is None:
            raise Inventory.DoesNotExist(str(row))
        return found

    def is_same(self, digest: str) -> bool:
        """Whether that was the digest before; if so, only write down that it came."""
        if self.row.digest != digest:
            return False
        self.row.received_at = self.said.at
        self.row.save(update_fields=["received_at"])
        return True

    @property
    def before(self) -> Any:
        """What is kept; fetched when first asked for."""
        return self.row.answer

    def keep(self, answer: Any, digest: str) -> None:
        self.row.answer, self.row.digest = answer, digest
        self.row.received_at = self.said.at
        self.row.save(update_fields=["answer", "digest", "received_at"])
