"""NetworkLogin: by what a network user's password at a Mac is recognised.

UserAuthenticate proves it by a digest (RFC 2617, without qop), for which the password's
hash that people sign in by is of no use.
https://developer.apple.com/documentation/devicemanagement/user-authenticate
"""

from django.conf import settings
from django.db import models

from mdmportal.fields import EncryptedBinaryField


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
