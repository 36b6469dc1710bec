"""Order: what somebody wants of many devices, and when; Recipient: one of them."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from devices.models import Channel, Device
from mdmportal.fields import EncryptedBinaryField
from mdmportal.protocol import plist

from .. import destructive, words
from .recurring import RecurringOrder


class Order(models.Model):
    """A RequestType and its keys for the channels that were chosen, its recipients.

    Who gets it is written down when it is drafted: what was looked at, confirmed and
    approved is what is sent. Commands and deliveries are written from it in batches.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "draft"
        """Looked at, not confirmed yet; forgotten after a day."""
        AWAITING = "awaiting", "awaits approval"
        RUNNING = "running", "being written"
        """Recipients are left to be written, now or once their time has come."""
        PAUSED = "paused", "paused"
        """Too many of the first failed."""
        DONE = "done", "written"
        """All recipients are queued or refused; their devices may still be at it."""
        CANCELLED = "cancelled", "cancelled"
        REJECTED = "rejected", "not approved"

    request_type = models.CharField(max_length=64, db_index=True)
    keys_plist = EncryptedBinaryField()
    passwords_plist = EncryptedBinaryField(null=True)
    """What it sets of which its keys have only a hash, by kind of secret."""
    is_custom = models.BooleanField(default=False)
    """Written as a property list by somebody who knows; may not be in the catalogue."""
    audience = models.CharField(max_length=255, blank=True)
    """Who was chosen, in words: “Group Sales”."""
    ordered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="orders",
    )
    ordered_at = models.DateTimeField(default=timezone.now, db_index=True)
    note = models.CharField(max_length=255, blank=True)
    priority = models.SmallIntegerField(default=0)

    # --- When
    starts_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    window = models.JSONField(null=True, blank=True)
    """{"days": [0..6], "from": "22:00", "until": "05:00"}: sent only then, by the clock
    of each device; Monday is 0. None: at any time."""
    spread = models.PositiveIntegerField(default=0)
    """Seconds over which the pushes are spread."""
    first = models.PositiveIntegerField(null=True, blank=True)
    """How many get it first; None: all at once."""
    most_failed = models.PositiveIntegerField(default=0)
    """How many of the first may fail; if more do, the rest waits for somebody."""
    first_at = models.DateTimeField(null=True, blank=True)
    """When the last of the first was queued."""
    rest_at = models.DateTimeField(null=True, blank=True)
    """When the rest was let go, because the first went well or by somebody."""

    # --- Approval
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    # --- How far it has come
    state = models.CharField(max_length=12, choices=State, default=State.DRAFT)
    why = models.CharField(max_length=255, blank=True)
    """Why it is paused or was rejected, in words."""
    total = models.PositiveIntegerField(default=0)
    queued = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(null=True, blank=True)
    """When there is something to do for it next; None: nothing."""
    finished_at = models.DateTimeField(null=True, blank=True)
    repeats = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="repeated"
    )
    recurring = models.ForeignKey(
        RecurringOrder, models.SET_NULL, null=True, blank=True, related_name="orders"
    )

    class Meta:
        ordering = ("-ordered_at", "-pk")
        permissions = (("approve_order", "Can approve what others ordered"),)
        indexes = (
            models.Index(
                fields=["next_at", "id"],
                condition=Q(next_at__isnull=False),
                name="order_due",
            ),
            models.Index(fields=["state", "-id"], name="order_by_state"),
        )

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("admin:commands_order_change", args=[self.pk])

    @property
    def title(self) -> str:
        """What people call the command."""
        return words.title(self.request_type)

    @property
    def keys(self) -> Mapping[str, Any]:
        """The keys as ordered, before what each device gets of its own."""
        return plist.loads(bytes(self.keys_plist))

    @property
    def passwords(self) -> Mapping[str, bytes]:
        """What it sets of which its keys have only a hash, by kind of secret."""
        kept = self.passwords_plist
        return plist.loads(bytes(kept)) if kept else {}

    @property
    def is_destructive(self) -> bool:
        """Whether it is to be confirmed; what is written by hand may do anything."""
        return self.is_custom or destructive.is_destructive(self.request_type)

    @property
    def waits_for_the_first(self) -> bool:
        """Whether the first are queued and the rest waits for how they do."""
        return self.first_at is not None and self.rest_at is None


class Recipient(models.Model):
    """One channel that an order is for, and whether it is queued there yet."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        QUEUED = "queued", "queued"
        REFUSED = "refused", "not sent"
        CANCELLED = "cancelled", "cancelled"

    order = models.ForeignKey(
        Order,
        models.CASCADE,
        related_name="recipients",
        db_index=False,  # the indexes below begin with it
    )
    device = models.ForeignKey(Device, models.CASCADE, related_name="+")
    channel = models.ForeignKey(Channel, models.CASCADE, null=True, related_name="+")
    """None for a device that is not enrolled."""
    state = models.CharField(max_length=12, choices=State, default=State.WAITING)
    reason = models.CharField(max_length=255, blank=True)
    """Why it was not sent, in words."""
    delivery = models.OneToOneField(
        "commands.Delivery", models.SET_NULL, null=True, related_name="recipient"
    )
    """The one that is queued for it; after a window that it missed, the next one."""

    class Meta:
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(
                fields=["order", "channel"], name="recipient_once_per_order"
            ),
        )
        indexes = (
            models.Index(fields=["order", "state", "id"], name="recipient_by_state"),
        )

    def __str__(self) -> str:
        return f"{self.device}, {self.get_state_display()}"
