"""Location: where a device said it was, while it was lost."""

from django.db import models

from .device import Device


class Location(models.Model):
    """An answer to DeviceLocation. Degrees in WGS 84, metres, metres a second.

    None is what the device did not say, or said to be unknown.
    """

    device = models.ForeignKey(Device, models.CASCADE, related_name="locations")
    latitude = models.FloatField()
    longitude = models.FloatField()
    horizontal_accuracy = models.FloatField(null=True)
    vertical_accuracy = models.FloatField(null=True)
    altitude = models.FloatField(null=True)
    speed = models.FloatField(null=True)
    course = models.FloatField(null=True)
    """Degrees from true north."""
    taken_at = models.DateTimeField()
    """By the device's clock."""
    received_at = models.DateTimeField()
    delivery_uuid = models.CharField(max_length=64, unique=True)
    """Of the command that it answered: an answer that is read twice is one place."""

    class Meta:
        ordering = ("-taken_at", "-pk")
        default_permissions = ("view",)
        indexes = (
            models.Index(fields=["device", "-taken_at"], name="location_of_device"),
            models.Index(fields=["taken_at"], name="location_by_age"),
        )

    def __str__(self) -> str:
        return f"{self.latitude:.5f}, {self.longitude:.5f}"
