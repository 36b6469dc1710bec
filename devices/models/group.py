"""DeviceGroup: devices that belong together, put there by hand or by conditions."""

from django.db import models
from django.db.models import QuerySet

from .device import Device


class DeviceGroup(models.Model):
    """A smart group has ``conditions``; who is in it follows from them."""

    name = models.CharField(max_length=100, unique=True)
    description = models.TextField(blank=True)
    devices = models.ManyToManyField(Device, blank=True, related_name="groups")
    conditions = models.JSONField(null=True, blank=True)
    """What devices.conditions reads; None for a group whose devices join by hand."""
    matched_at = models.DateTimeField(null=True, blank=True, editable=False)
    """When the conditions were last tried on all devices."""

    class Meta:
        ordering = ("name", "pk")

    def __str__(self) -> str:
        return self.name

    @classmethod
    def smart(cls) -> "QuerySet[DeviceGroup]":
        return cls.objects.filter(conditions__isnull=False)

    @classmethod
    def static(cls) -> "QuerySet[DeviceGroup]":
        """Return the groups that devices can be put into."""
        return cls.objects.filter(conditions__isnull=True)

    @property
    def is_smart(self) -> bool:
        return self.conditions is not None
