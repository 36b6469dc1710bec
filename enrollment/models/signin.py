"""SignIn: a person signed in for an account-driven enrollment, by one way in."""

from django.db import models

from devices.models import SessionToken, User

from .way import EnrollmentProfile


class SignIn(models.Model):
    """From the web page to the token, and for OAuth 2 from one token to the next.

    A code and a refresh token are kept as their digests.
    """

    way = models.ForeignKey(EnrollmentProfile, models.CASCADE, related_name="sign_ins")
    user = models.ForeignKey(User, models.CASCADE, related_name="sign_ins")
    token = models.OneToOneField(
        SessionToken, models.SET_NULL, null=True, related_name="sign_in"
    )
    """The newest token that came of it."""
    managed_apple_account = models.CharField(max_length=255)
    created_at = models.DateTimeField(auto_now_add=True)
    ends_at = models.DateTimeField(null=True)
    """When the person has to sign in again; None never."""

    # OAuth 2 only.
    code_digest = models.CharField(max_length=64, blank=True, db_index=True)
    code_expires_at = models.DateTimeField(null=True)
    redirect_uri = models.CharField(max_length=255, blank=True)
    code_challenge = models.CharField(max_length=128, blank=True)
    code_challenge_method = models.CharField(max_length=8, blank=True)
    refresh_digest = models.CharField(max_length=64, blank=True, db_index=True)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"{self.user}, {self.way}"
