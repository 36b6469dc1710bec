"""RecurringOrder: what is ordered again and again, by the calendar."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import models

from devices.models import DeviceGroup
from mdmportal.fields import EncryptedBinaryField
from mdmportal.protocol import plist


class RecurringOrder(models.Model):
    """On these days at this time, an order to whoever is in the group then."""

    name = models.CharField(max_length=100, unique=True)
    request_type = models.CharField(max_length=64)
    keys_plist = EncryptedBinaryField()
    group = models.ForeignKey(
        DeviceGroup, models.CASCADE, null=True, blank=True, related_name="+"
    )
    """None: all enrolled devices."""
    days = models.JSONField(default=list)
    """Weekdays, Monday being 0; []: the day of the month ``day`` instead."""
    day = models.PositiveSmallIntegerField(null=True, blank=True)
    """The day of the month, its last one if the month has fewer."""
    at = models.TimeField()
    time_zone = models.CharField(max_length=64, default="UTC")
    expires_after = models.PositiveIntegerField(null=True, blank=True)
    """Seconds that a device has to come; None: until the next time."""
    spread = models.PositiveIntegerField(default=0)
    note = models.CharField(max_length=255, blank=True)
    is_enabled = models.BooleanField("enabled", default=True)
    ordered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True
    )
    """In whose name it orders; with the account's rights it ends, too."""
    next_at = models.DateTimeField(null=True, blank=True, db_index=True)
    last_at = models.DateTimeField(null=True, blank=True)
    trouble = models.CharField(max_length=255, blank=True)
    """Why the last time nothing was ordered, in words."""

    class Meta:
        ordering = ("name", "pk")

    def __str__(self) -> str:
        return self.name

    @property
    def keys(self) -> Mapping[str, Any]:
        return plist.loads(bytes(self.keys_plist))
