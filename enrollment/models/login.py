"""LoginChallenge, what a network user of a Mac is asked; LoginFailure, who fails.

https://developer.apple.com/documentation/devicemanagement/user-authenticate
"""

import datetime as dt

from django.db import models
from django.utils import timezone

from devices.models import Enrollment, User
from mdmportal.fields import EncryptedBinaryField


class LoginChallenge(models.Model):
    """The last challenge of one user of one Mac; the next one takes its place.

    The nonce is kept as its digest. Its answer uses it up; the same answer again, which
    the Mac sends if ours got lost, gets the same token.
    """

    enrollment = models.ForeignKey(
        Enrollment, models.CASCADE, related_name="login_challenges"
    )
    user_id = models.CharField(max_length=255)
    nonce = models.CharField(max_length=64)
    expires_at = models.DateTimeField(db_index=True)
    answer = models.CharField(max_length=64, blank=True)
    """The digest of the DigestResponse that used it up."""
    auth_token = EncryptedBinaryField(null=True)
    """What that was answered with."""

    class Meta:
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(
                fields=["enrollment", "user_id"], name="login_challenge_once_per_user"
            ),
        )

    def __str__(self) -> str:
        return f"{self.enrollment}, {self.user_id}"


class LoginFailure(models.Model):
    """How often a person's password was wrong on one Mac, lately.

    By the person, and not by the UserID: who guesses can take any UserID.
    """

    LIMIT = 10
    WITHIN = dt.timedelta(minutes=15)

    enrollment = models.ForeignKey(
        Enrollment, models.CASCADE, related_name="login_failures"
    )
    person = models.ForeignKey(User, models.CASCADE, related_name="login_failures")
    count = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(
                fields=["enrollment", "person"], name="login_failure_once_per_person"
            ),
        )

    def __str__(self) -> str:
        return f"{self.person}, {self.count}"

    @property
    def is_over(self) -> bool:
        """The last one is so long ago that it counts no more."""
        return self.last_at < timezone.now() - self.WITHIN

    @property
    def is_too_many(self) -> bool:
        return self.count >= self.LIMIT and not self.is_over

    def add(self) -> None:
        """Count one more; the first after a while is the first."""
        self.count = 1 if self.is_over else self.count + 1
        self.last_at = timezone.now()
        self.save(update_fields=["count", "last_at"])
