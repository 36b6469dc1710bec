"""AuditEntry: who did what to what. Rows are only ever added."""

from typing import Any

from django.conf import settings
from django.db import models

from .device import Device


class AuditEntry(models.Model):
    at = models.DateTimeField(auto_now_add=True, db_index=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    actor_name = models.CharField(max_length=255)
    """Kept as text for when the account is gone; 'portal' for what it did itself."""
    action = models.CharField(max_length=64, db_index=True)
    target = models.CharField(max_length=255)
    device = models.ForeignKey(
        Device, models.SET_NULL, null=True, blank=True, db_index=False
    )
    """The device it is about, if it is one."""
    details = models.JSONField(default=dict)

    class Meta:
        ordering = ("-at", "-pk")
        verbose_name_plural = "audit entries"
        indexes = (models.Index(fields=["device", "-id"], name="audit_of_device"),)

    def __str__(self) -> str:
        return f"{self.actor_name}: {self.action} {self.target}"

    @classmethod
    def write(
        cls, actor: Any, action: str, target: object, **details: str | int | None
    ) -> "AuditEntry":
        """Add an entry; ``details`` are only what the call declares: no secrets.

        ``target`` is what it was done to, a device or what has it as ``device``.
        """
        known = actor if getattr(actor, "pk", None) else None
        about = (
            target if isinstance(target, Device) else getattr(target, "device", None)
        )
        return cls.objects.create(
            actor=known,
            actor_name=str(known or "portal"),
            action=action,
            target=str(target)[:255],
            device=about if about and about.pk else None,
            details=details,
        )
