"""Field: one thing about devices that a condition can be on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from ..models import Device
from .values import Value

UNKNOWN = "unknown"
"""The operator that finds the devices that have not told."""


@dataclass(frozen=True)
class Operator:
    """How a field is compared.

    ``find`` takes what ``value`` has read, or None where there is no ``value``, and
    returns which devices meet it. Of those that have not told it may say anything:
    Condition leaves them out.
    """

    label: str
    find: Callable[[Any], Q]
    value: Value | None = None
    phrase: str = "{field} {operator} {value}"


@dataclass(frozen=True)
class Field:
    """``told`` and ``untold`` return the devices that have, or have not, said anything
    of it; they are None where there is nothing for a device to tell.

    ``say`` takes a device and a condition's value, and returns what the device says of
    it, '' for nothing. Where ``is_row`` is False that costs a statement.
    """

    name: str
    label: str
    section: str
    operators: Mapping[str, Operator]
    say: Callable[[Device, str], str]
    told: Callable[[], Q] | None = None
    untold: Callable[[], Q] | None = None
    is_row: bool = True
    finds_untold: bool = True
    """Whether one can look for the devices that have not told."""


def among(rows: QuerySet[Any], column: str = "device") -> Q:
    """Return the devices that ``column`` of these rows names."""
    return Q(pk__in=rows.order_by().values(column))


def not_among(rows: QuerySet[Any], column: str = "device") -> Q:
    """Return the others. Not by NOT IN, which PostgreSQL does not turn into a join."""
    return ~Q(Exists(rows.order_by().filter(**{column: OuterRef("pk")})))
