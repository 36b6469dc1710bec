"""Command: a RequestType and its keys, as devices are told them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from mdmportal.fields import EncryptedBinaryField
from mdmportal.protocol import plist

from .. import words
from .order import Order


class Command(models.Model):
    """A RequestType and its keys, for many channels. The keys may be secret."""

    request_type = models.CharField(max_length=64, db_index=True)
    keys_plist = EncryptedBinaryField()
    ordered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True
    )
    ordered_at = models.DateTimeField(default=timezone.now, db_index=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    priority = models.SmallIntegerField(default=0)
    note = models.CharField(max_length=255, blank=True)
    order = models.ForeignKey(
        Order, models.CASCADE, null=True, blank=True, related_name="commands"
    )
    """The order it was written for, several where devices get keys of their own; None
    for what the portal orders by itself."""

    passwords: Mapping[str, bytes] = MappingProxyType({})
    """Until it is queued: what it sets of which its keys have only a hash, by kind of
    secret. No column."""

    class Meta:
        ordering = ("-ordered_at", "-pk")
        permissions = (
            ("order_destructive", "Can order commands that lock, interrupt or remove"),
            ("erase_device", "Can erase devices and delete accounts on them"),
            ("order_custom", "Can order commands written as a property list"),
        )

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        """What people call it."""
        return words.title(self.request_type)

    @property
    def keys(self) -> Mapping[str, Any]:
        """The command's own keys, beside RequestType."""
        return plist.loads(bytes(self.keys_plist))
