"""Rows: lists that are kept whole in the Inventory, and as rows to search by.

The rows are compared: what did not change is not written again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devices.models import Device

from . import history
from .history import Difference
from .kept import Older, Place, check_length, digest_of
from .said import Said

Item = Mapping[str, Any]
Row = Mapping[str, Any]
"""Columns of one row, but whose it is."""


@dataclass(frozen=True)
class Rows:
    """How a list becomes rows of ``model``; those alike in ``key`` are the same row."""

    model: Any
    key: Sequence[str]
    row: Callable[[Item], Row]
    whole: Callable[[Item, Row], Item]
    """What the Inventory keeps of an item."""
    differences: Callable[[Sequence[Row], Sequence[Row]], Iterator[Difference]]
    """What the history says of rows that went and rows that came."""

    def take(self, said: Said, items: Sequence[Item]) -> None:
        check_length(items)
        pairs = [(item, self.row(item)) for item in items]
        whole = [self.whole(item, row) for item, row in pairs]
        digest = digest_of(sorted(map(digest_of, whole)))  # in whatever order it came
        try:
            place = Place(said)
        except Older:
            return
        if place.is_same(digest):
            return
        after = {self._key(row): row for _, row in pairs}
        added, removed = self._write(said, after)
        if not place.is_first:
            history.write(said, self.differences(removed, added))
        if added or removed:
            Device.regroup([said.device.pk])
        place.keep(whole, digest)

    def _key(self, row: Row) -> tuple[Any, ...]:
        return tuple(row[column] for column in self.key)

    def _write(
        self, said: Said, after: Mapping[tuple[Any, ...], Row]
    ) -> tuple[list[Row], list[Row]]:
        """Make the rows as they are now; return those that came and those that went."""
        where = {"device": said.device, "user_id": said.user_id}
        rows = self.model.objects.filter(**where).order_by("pk")
        before: dict[tuple[Any, ...], Row] = {}
        gone: list[int] = []
        for row in rows.values("pk", *self._columns):
            key = self._key(row)
            if key in after and key not in before:
                before[key] = row
            else:
                gone.append(row["pk"])
                before.setdefault(key, row)
        if gone:
            doomed = self.model.objects.filter(pk__in=gone)
            doomed._raw_delete(doomed.db)  # nothing hangs on such a row
        added = [row for key, row in after.items() if key not in before]
        self.model.objects.bulk_create([self.model(**where, **row) for row in added])
        return added, [row for key, row in before.items() if key not in after]

    @property
    def _columns(self) -> list[str]:
        fields = self.model._meta.concrete_fields
        ours = ("id", "device", "user_id")
        return [field.name for field in fields if field.name not in ours]
