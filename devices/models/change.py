"""Change: what a device said otherwise than before, and when."""

from django.db import models

from .device import Device


class Change(models.Model):
    """One fact that changed. Rows are only ever added; old ones are forgotten."""

    class Kind(models.TextChoices):
        CHANGED = "changed"
        ADDED = "added"
        REMOVED = "removed"

    device = models.ForeignKey(
        Device, models.CASCADE, related_name="changes", db_index=False
    )
    user_id = models.CharField(max_length=255, blank=True)
    at = models.DateTimeField(db_index=True)
    request_type = models.CharField(max_length=64)
    """The query whose answer told it."""
    kind = models.CharField(max_length=8, choices=Kind)
    name = models.CharField(max_length=255)
    """The fact in Apple's words, as OSVersion; or what was added or removed."""
    before = models.CharField(max_length=500, blank=True)
    after = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ("-pk",)
        indexes = (models.Index(fields=["device", "-id"], name="change_history"),)

    def __str__(self) -> str:
        return f"{self.name} {self.kind}"
