"""ApiToken: by what a program is known, and as whom it acts."""

import datetime as dt
import hashlib
import secrets
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from devices.models import AuditEntry

PREFIX = "mdm_"
"""What every token begins with: scanners for leaked secrets know it by that."""
RANDOM_BYTES = 32
SHOWN = len(PREFIX) + 6
"""How many characters of a token are kept, for people to know it again."""
USED_EVERY = dt.timedelta(minutes=5)
"""How often at most it is written down that a token was used."""


class ApiToken(models.Model):
    """The token itself is shown once, when it is made; here is only its SHA-256.

    It has 256 random bits: guessing it is hopeless, so its digest needs no salt.
    """

    name = models.CharField(
        max_length=100, help_text="What uses it: “Asset database”, “backup script”."
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="api_tokens",
        help_text="As whom it acts: what this account may do, the token may do.",
    )
    digest = models.CharField(max_length=64, unique=True, editable=False)
    prefix = models.CharField(max_length=16, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    """None: never."""
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("-created_at", "-pk")
        verbose_name = "API token"
        permissions = (
            ("manage_apitokens", "Can make and revoke API tokens of other people"),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @classmethod
    def make(
        cls, name: str, user: Any, *, by: Any = None, expires_at: Any = None
    ) -> tuple["ApiToken", str]:
        """Return a new token's row, and the token, which is kept nowhere."""
        text = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
        with transaction.atomic():
            token = cls.objects.create(
                name=name,
                user=user,
                digest=digest_of(text),
                prefix=text[:SHOWN],
                expires_at=expires_at,
            )
            AuditEntry.write(by, "made an API token", token, acts_as=str(user))
        return token, text

    @classmethod
    def find(cls, text: str) -> "ApiToken | None":
        """Return the token's row with its user, good or not, by one statement."""
        rows = cls.objects.select_related("user")
        return rows.filter(digest=digest_of(text)).first()

    @classmethod
    def good(cls) -> "QuerySet[ApiToken]":
        living = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
        return cls.objects.filter(living, revoked_at=None)

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    def revoke(self, by: Any) -> bool:
        """Have it open nothing from now on; return whether it did until now."""
        now = timezone.now()
        with transaction.atomic():
            living = ApiToken.objects.filter(pk=self.pk, revoked_at=None)
            if not living.update(revoked_at=now):
                return False
            AuditEntry.write(by, "revoked an API token", self)
        self.revoked_at = now
        return True

    def used(self) -> None:
        """Write down that it was used, unless that was done a moment ago."""
        now = timezone.now()
        if self.last_used_at is None or self.last_used_at < now - USED_EVERY:
            ApiToken.objects.filter(pk=self.pk).update(last_used_at=now)


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
