"""Counting: how many devices meet conditions, while these are being edited."""

from dataclasses import dataclass

from django.db import OperationalError, connection, transaction

from ..conditions import Conditions
from ..models import Device

PATIENCE = 3000
"""Milliseconds that PostgreSQL may take for it: nobody waits longer for a number."""
NAMED = 3


@dataclass(frozen=True)
class Count:
    matching: int
    total: int
    names: tuple[str, ...]

    @property
    def words(self) -> str:
        noun = "device" if self.total == 1 else "devices"
        found = f"{self.matching:,} of {self.total:,} {noun}"
        if not self.names:
            return f"{found}."
        label = "the first" if self.matching > len(self.names) else "namely"
        return f"{found}; {label}: {', '.join(self.names)}."


TOO_SLOW = (
    "That many devices take too long to count here. Saved, the group counts them in "
    "its own time."
)


def count(wanted: Conditions) -> str:
    """Return in words how many devices meet the conditions, and who comes first."""
    try:
        with transaction.atomic():
            _limit()
            return _count(wanted).words
    except OperationalError:
        return TOO_SLOW


def _limit() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {PATIENCE}")


def _count(wanted: Conditions) -> Count:
    found = Device.objects.filter(wanted.q())
    matching = found.order_by().count()
    first = found.only("name", "serial_number", "udid", "enrollment_id")[:NAMED]
    names = tuple(str(device) for device in first) if matching else ()
    return Count(matching, Device.objects.count(), names)
