"""Inventory: the newest answer of a channel to one kind of query, whole."""

import base64
import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

from django.db import models

from .device import Device

LONGEST = 1000
"""Characters of what JSON cannot hold as it is: endless numbers, dates out of range."""


class Inventory(models.Model):
    """Beside the device's row, which stays small: a list can hold 100 kB."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="inventory")
    user_id = models.CharField(max_length=255, blank=True)
    """Whose channel said so; '' for the device's own."""
    request_type = models.CharField(max_length=64)
    answer = models.JSONField()
    digest = models.CharField(max_length=64, blank=True, editable=False)
    """Of the answer: whether another differs is known without reading this one."""
    received_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "inventory"
        constraints = (
            models.UniqueConstraint(
                fields=["device", "user_id", "request_type"],
                name="inventory_once_per_query",
            ),
        )

    def __str__(self) -> str:
        return f"{self.request_type} of {self.device}"


def to_json(value: Any) -> Any:
    """Return a property list's value as JSON that every database takes.

    Data becomes base64 text, dates ISO 8601 in UTC; NUL characters go, which
    PostgreSQL refuses.
    """
    if isinstance(value, Mapping):
        return {to_json(str(name)): to_json(item) for name, item in value.items()}
    if isinstance(value, list):
        return [to_json(item) for item in value]
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=dt.UTC).isoformat()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else hex(value)[:LONGEST]
    if isinstance(value, float) and math.isfinite(value):
        return value
    return str(value)[:LONGEST]
