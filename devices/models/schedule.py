"""InventorySchedule: how often the devices of a group are asked what they are."""

from django.core.validators import MinValueValidator
from django.db import models

from .group import DeviceGroup


class InventorySchedule(models.Model):
    """Of a group, or of all devices where there is none. The shortest one counts."""

    group = models.OneToOneField(
        DeviceGroup,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="schedule",
        help_text="Empty: all devices that no other schedule is for.",
    )
    every_hours = models.PositiveIntegerField(
        default=24, validators=[MinValueValidator(1)]
    )
    queries = models.JSONField(default=list, blank=True)
    """RequestTypes to ask; [] for all of them."""

    class Meta:
        ordering = ("group__name", "pk")

    def __str__(self) -> str:
        return f"{self.group or 'all devices'}, every {self.every_hours} h"
