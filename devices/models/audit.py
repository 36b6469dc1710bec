"""AuditEntry: who did what to what. Rows are only ever added."""

from typing import Any

from django.conf import settings
from django.db import models


class AuditEntry(models.Model):
    at = models.DateTimeField(auto_now_add=True, db_index=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    actor_name = models.CharField(max_length=255)
    """Kept as text for when the account is gone; 'portal' for what it did itself."""
    action = models.CharField(max_length=64, db_index=True)
    target = models.CharField(max_length=255)
    details = models.JSONField(default=dict)

    class Meta:
        ordering = ("-at", "-pk")
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.actor_name}: {self.action} {self.target}"

    @classmethod
    def write(
        cls, actor: Any, action: str, target: object, **details: str | int | None
    ) -> "AuditEntry":
        """Add an entry; ``details`` are only what the call declares: no secrets."""
        known = actor if getattr(actor, "pk", None) else None
        return cls.objects.create(
            actor=known,
            actor_name=str(known or "portal"),
            action=action,
            target=str(target)[:255],
            details=details,
        )
