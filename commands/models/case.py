"""Case: what happened to a device that somebody leads it through, step by step."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from devices.models import Device


class Case(models.Model):
    """Open until somebody says how it ended; a device has one open case at most.

    What was done is not kept here: it is the deliveries, orders and audit entries of
    the device since ``opened_at``.
    """

    class Kind(models.TextChoices):
        LOST = "lost", "lost"
        STOLEN = "stolen", "stolen"
        LEAVING = "leaving", "somebody leaves"
        HANDOVER = "handover", "changes hands"

    class Outcome(models.TextChoices):
        FOUND = "found", "found"
        ERASED = "erased", "erased"
        WRITTEN_OFF = "written-off", "written off"
        RELEASED = "released", "left management"
        RETIRED = "retired", "retired"
        HANDED_OVER = "handed-over", "handed over"
        MISTAKE = "mistake", "opened by mistake"

    device = models.ForeignKey(Device, models.CASCADE, related_name="cases")
    kind = models.CharField(max_length=12, choices=Kind)
    note = models.CharField(max_length=255, blank=True)
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    opened_at = models.DateTimeField(default=timezone.now)
    outcome = models.CharField(max_length=12, blank=True, choices=Outcome)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-opened_at", "-pk")
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(
                fields=["device"],
                condition=Q(closed_at__isnull=True),
                name="case_one_open_per_device",
            ),
        )
        indexes = (models.Index(fields=["device", "-id"], name="case_of_device"),)

    def __str__(self) -> str:
        return f"{self.device}, {self.get_kind_display()}"

    def get_absolute_url(self) -> str:
        return reverse("admin:devices_device_guided", args=[self.device_id, self.kind])

    @property
    def is_open(self) -> bool:
        return self.closed_at is None
