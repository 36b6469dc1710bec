"""Invitation: a letter or a printed code that lets one person, or some devices, in."""

import datetime as dt

from django.conf import settings
from django.db import models
from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone

from devices.models import User

from .challenge import Challenge, digest, new_token
from .way import EnrollmentProfile


class Invitation(models.Model):
    """Its token is told once, in the letter or the code; only the digest is kept."""

    digest = models.CharField(max_length=64, unique=True, editable=False)
    way = models.ForeignKey(
        EnrollmentProfile, models.CASCADE, related_name="invitations"
    )
    user = models.ForeignKey(
        User,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="invitations",
        help_text="Owns the devices that enroll by it.",
    )
    email = models.EmailField("e-mail", blank=True)
    limit = models.PositiveIntegerField(
        "devices", default=1, help_text="How many devices may enroll by it."
    )
    note = models.CharField(max_length=255, blank=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        User, models.SET_NULL, null=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("-created_at", "-pk")

    def __str__(self) -> str:
        return f"{self.email or self.user or self.note or 'invitation'}, {self.way}"

    def renew_token(self) -> str:
        """Return a new token, told only now; the one before is void. Saves."""
        value = new_token()
        self.digest = digest(value)
        self.save()
        return value

    @classmethod
    def find(cls, token: str) -> "Invitation | None":
        found = cls.objects.select_related("way", "user")
        return found.filter(digest=digest(token)).first()

    @staticmethod
    def url(token: str) -> str:
        """Return the whole address to send or to print."""
        return f"{settings.PUBLIC_URL}{reverse('invitation', args=[token])}"

    @property
    def used(self) -> int:
        """How many devices got an identity by it."""
        return self._used(Challenge.objects.filter(invitation=self))

    def _used(self, challenges: models.QuerySet[Challenge]) -> int:
        """A device that comes over the air gets two identities, in one session."""
        counts = challenges.filter(identity__isnull=False).aggregate(
            alone=Count("pk", filter=Q(ota=None)), sessions=Count("ota", distinct=True)
        )
        return int(counts["alone"]) + int(counts["sessions"])

    def problem(self, now: dt.datetime | None = None) -> str:
        """Return why it lets no one in any more, in words; '' if it does."""
        return self._problem(self.used, now)

    def refusal(self, challenge: Challenge) -> str:
        """Return why this challenge gets no identity by it; '' if it does.

        Of an over-the-air session the second identity is for the same device. To be
        asked with the row locked: devices may install at the same moment.
        """
        others = Challenge.objects.filter(invitation=self)
        if challenge.ota_id:
            others = others.exclude(ota=challenge.ota_id)
        return self._problem(self._used(others))

    def _problem(self, used: int, now: dt.datetime | None = None) -> str:
        if self.revoked_at:
            return "It was withdrawn."
        if self.expires_at <= (now or timezone.now()):
            return "It has expired."
        if used >= self.limit:
            return "It has been used."
        return "" if self.way.is_enabled else "This way in is closed."
