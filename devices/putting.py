"""Putting: devices into groups by hand, and tags on devices, however many."""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import (
    BigIntegerField,
    DateTimeField,
    Exists,
    Model,
    OuterRef,
    QuerySet,
    Value,
)
from django.utils import timezone

from .models import Device, DeviceGroup, RegroupMark, Tag


def mark(devices: QuerySet[Device]) -> int:
    """Have the groups and policies of these looked at anew; return how many."""
    found = Device.objects.filter(pk__in=devices.order_by().values("pk"))
    # Sorted, so that two who do this never wait for each other in a circle.
    now = Value(timezone.now(), DateTimeField())
    rows = found.annotate(marked_at=now).order_by("pk").values_list("pk", "marked_at")
    anew = "(device_id) DO UPDATE SET at = excluded.at"
    return _insert(RegroupMark, ("device_id", "at"), rows, anew)


@transaction.atomic
def put(devices: QuerySet[Device], on: DeviceGroup | Tag) -> int:
    """Put devices into a group, or a tag on them; return for how many that is new."""
    new = Device.objects.filter(pk__in=devices.order_by().values("pk"))
    new = new.exclude(_joined(on)).order_by()
    count = mark(new)
    insert(on, new)
    return count


@transaction.atomic
def take(devices: QuerySet[Device], off: DeviceGroup | Tag) -> int:
    """Take devices out of a group, or a tag off them; return how many had it."""
    having = Device.objects.filter(pk__in=devices.order_by().values("pk"))
    having = having.filter(_joined(off)).order_by()
    count = mark(having)
    rows(off).filter(device__in=having.values("pk")).delete()
    return count


def rows(of: DeviceGroup | Tag) -> QuerySet[Any]:
    """Return the rows that join devices with a group or a tag."""
    return of.devices.through._base_manager.filter(**{of._meta.model_name or "": of})


def _joined(of: DeviceGroup | Tag) -> Exists:
    return Exists(rows(of).filter(device=OuterRef("pk")))


def insert(into: DeviceGroup | Tag, devices: QuerySet[Device]) -> None:
    """Join devices with a group or a tag in one statement."""
    number = Value(into.pk, BigIntegerField())
    rows = devices.annotate(joined_with=number).values_list("joined_with", "pk")
    columns = (f"{into._meta.model_name}_id", "device_id")
    _insert(into.devices.through, columns, rows, "DO NOTHING")


def _insert(
    model: type[Model], columns: Sequence[str], rows: QuerySet[Any], conflict: str
) -> int:
    """Insert what is selected, which the ORM cannot say; return how many rows."""
    try:
        select, parameters = rows.query.sql_with_params()
    except EmptyResultSet:
        return 0
    table = connection.ops.quote_name(model._meta.db_table)
    insert = f"INSERT INTO {table} ({', '.join(columns)}) {select}"
    with connection.cursor() as cursor:
        cursor.execute(f"{insert} ON CONFLICT {conflict}", parameters)
        return int(cursor.rowcount)
