"""SessionToken: the proof that the person of an account-driven enrollment signed in.

The device sends it with every request, beside its identity.
https://developer.apple.com/documentation/devicemanagement/onboarding-users-with-account-sign-in
"""

from django.conf import settings
from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone

from .enrollment import Enrollment


class SessionToken(models.Model):
    """Kept as its digest. It belongs to no enrollment until a device comes with it."""

    digest = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="session_tokens"
    )
    managed_apple_account = models.CharField(max_length=255)
    enrollment = models.ForeignKey(
        Enrollment, models.CASCADE, null=True, related_name="session_tokens"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    bind_by = models.DateTimeField()
    """Until when it may be bound to an enrollment: it travelled through a browser."""
    expires_at = models.DateTimeField(null=True)
    """None: never by itself."""
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"session of {self.user}"

    @classmethod
    def valid(cls) -> "QuerySet[SessionToken]":
        """Return those that hold now: their person may still sign in, too."""
        now = timezone.now()
        return cls.objects.filter(
            Q(expires_at=None) | Q(expires_at__gt=now),
            Q(enrollment__isnull=False) | Q(bind_by__gt=now),
            revoked_at=None,
            user__is_active=True,
        )
