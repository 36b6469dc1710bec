"""NetworkLogin: by what a network user's password at a Mac is recognised.

UserAuthenticate proves it by a digest (RFC 2617, without qop), for which the password's
hash that people sign in by is of no use.
https://developer.apple.com/documentation/devicemanagement/user-authenticate
"""

import hmac
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

from mdmportal.fields import EncryptedBinaryField
from mdmportal.protocol import digest as protocol

if TYPE_CHECKING:
    from .user import User

REALM = "MDM Portal"
"""Part of what is kept, so it can never change: all would have to sign in anew."""


class NetworkLogin(models.Model):
    """HA1: the MD5 of name, realm and password. Kept only where it is wanted."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="network_login"
    )
    short_name = models.CharField(max_length=255)
    """The user name that the digest was made with."""
    digest = EncryptedBinaryField()
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.short_name

    @classmethod
    def keep(cls, user: "User", password: str) -> None:
        """Keep by what this password is recognised, unless that is known."""
        digest = protocol.ha1(user.username, REALM, password).encode()
        kept = cls.objects.filter(user=user, short_name=user.username).first()
        if kept and hmac.compare_digest(bytes(kept.digest), digest):
            return
        columns = {"short_name": user.username, "digest": digest}
        cls.objects.update_or_create(user=user, defaults=columns)

    @classmethod
    def of(cls, short_name: str) -> "NetworkLogin | None":
        """Return that of the person who has this user name, if they may sign in."""
        found = cls.objects.select_related("user").filter(short_name=short_name)
        return found.filter(user__username=short_name, user__is_active=True).first()

    def is_proven_by(self, response: protocol.Response) -> bool:
        """Whether who made ``response`` knew the password."""
        wanted = (self.short_name, REALM)
        if (response.username, response.realm) != wanted:
            return False
        return response.proves(bytes(self.digest).decode())
