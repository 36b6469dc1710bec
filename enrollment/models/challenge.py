"""Challenge: the intent that one device may enroll, once."""

import datetime as dt
import hashlib
import secrets
import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from devices.models import Enrollment, Identity, User

from .way import EnrollmentProfile


def digest(value: str) -> str:
    """Return what is kept of a secret that comes back to be recognised."""
    return hashlib.sha256(value.encode()).hexdigest()


def new_token() -> str:
    """Return a secret of 192 bits that fits into an address."""
    return secrets.token_urlsafe(24)


class Challenge(models.Model):
    """A one-time SCEP challenge: the intent that one device may enroll by one way.

    Only its digest is kept. Issuing uses it up; a retry of the same transaction, for
    the same key, gets the same certificate again.
    """

    digest = models.CharField(max_length=64, unique=True)
    way = models.ForeignKey(
        EnrollmentProfile, models.CASCADE, related_name="challenges"
    )
    subject = models.CharField(max_length=64)
    """The CN that the identity gets, whatever the request says."""
    user = models.ForeignKey(
        User, models.SET_NULL, null=True, related_name="challenges"
    )
    """Who enrolls, if they signed in or were invited: the owner of the device."""
    sign_in = models.ForeignKey(
        "SignIn", models.SET_NULL, null=True, related_name="challenges"
    )
    ota = models.ForeignKey(
        "OTASession", models.CASCADE, null=True, related_name="challenges"
    )
    invitation = models.ForeignKey(
        "Invitation", models.SET_NULL, null=True, related_name="challenges"
    )
    renews = models.ForeignKey(
        Enrollment, models.CASCADE, null=True, related_name="renewals"
    )
    """The stay that gets another identity by it; none for a device that comes in."""
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)
    transaction_id = models.CharField(max_length=255, blank=True)
    public_key = models.CharField(max_length=64, blank=True)
    """SHA-256 of the key that the identity was issued for."""
    identity = models.OneToOneField(
        Identity, models.CASCADE, null=True, related_name="challenge"
    )

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"{self.way}, {self.subject}"

    @classmethod
    def issue(
        cls,
        way: EnrollmentProfile,
        *,
        life: dt.timedelta | None = None,
        **intent: Any,
    ) -> tuple["Challenge", str]:
        """Return a new challenge and its value, which is told only once.

        ``intent`` says for whom and what: user, sign_in, ota, invitation, renews.
        """
        value = new_token()
        life = life or dt.timedelta(seconds=settings.SCEP_CHALLENGE_LIFE)
        challenge = cls.objects.create(
            digest=digest(value),
            way=way,
            subject=str(uuid.uuid4()).upper(),
            expires_at=timezone.now() + life,
            **intent,
        )
        return challenge, value
