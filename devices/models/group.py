"""DeviceGroup: devices that belong together, such as those of one department."""

from django.db import models

from .device import Device


class DeviceGroup(models.Model):
    name = models.CharField(max_length=100, unique=True)
    description = models.TextField(blank=True)
    devices = models.ManyToManyField(Device, blank=True, related_name="groups")

    class Meta:
        ordering = ("name", "pk")

    def __str__(self) -> str:
        return self.name
