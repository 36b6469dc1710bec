"""Enrollment: one stay of a device under management, and the channels it opened."""

from collections.abc import Iterable

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from ..signals import enrollment_ended
from .device import Device


class Enrollment(models.Model):
    """From Authenticate to CheckOut, removal or replacement. A device has many.

    A fresh Authenticate opens a new one, so nothing of an old stay runs in a new one.
    The old one goes on until the new one is complete: a device may fall back to it.
    """

    ERASED = "erased"
    """The end_reason of a stay that a living device may prove wrong."""
    REJECTED = "rejected"
    """The end_reason of a stay that a member of staff did not approve."""

    class State(models.TextChoices):
        PENDING = "pending", "enrolling"
        ACTIVE = "active", "enrolled"
        HELD = "held", "held for review"
        ENDED = "ended", "left"

    class Mode(models.TextChoices):
        DEVICE = "device", "device"
        USER = "user", "user's own device"
        ACCOUNT = "account", "device, account-driven"
        AUTOMATED = "automated", "automated"
        SHARED_IPAD = "shared", "Shared iPad"

    device = models.ForeignKey(Device, models.CASCADE, related_name="enrollments")
    state = models.CharField(max_length=8, choices=State, default=State.PENDING)
    mode = models.CharField(max_length=16, choices=Mode, default=Mode.DEVICE)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="enrollments",
    )
    """Who signed in to enroll it, or was invited to; None: anybody."""
    managed_apple_account = models.CharField(
        "Managed Apple Account", max_length=255, blank=True
    )
    """Account-driven: what it enrolled with, which cannot change."""
    topic = models.CharField(max_length=255)
    way = models.CharField("way in", max_length=100, blank=True)
    profile_identifier = models.CharField(max_length=255, blank=True)
    """Of the profile it enrolled with: removing that ends management."""
    access_rights = models.PositiveIntegerField(default=0)
    awaiting_configuration = models.BooleanField(default=False)
    opened_at = models.DateTimeField(default=timezone.now)
    enrolled_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=255, blank=True)

    signed_out_at = models.DateTimeField(null=True, blank=True)
    """Since when the device is asked to have its person sign in again."""
    is_expelled = models.BooleanField(default=False)
    """Its person did not: what removes profiles is sent to it all the same."""

    class Meta:
        ordering = ("-opened_at", "-pk")
        constraints = (
            models.UniqueConstraint(
                fields=["device"],
                condition=Q(state="active"),
                name="enrollment_one_active_per_device",
            ),
        )
        indexes = (
            models.Index(fields=["state", "topic"]),
            models.Index(
                fields=["signed_out_at"],
                condition=Q(signed_out_at__isnull=False),
                name="enrollment_signed_out",
            ),
        )

    def __str__(self) -> str:
        return f"{self.device}, {self.get_state_display()}"

    @property
    def is_account_driven(self) -> bool:
        return self.mode in ACCOUNT_DRIVEN

    def end(self, reason: str) -> None:
        """Close the stay: no pushes and no commands any more. History stays."""
        self.state, self.ended_at = self.State.ENDED, timezone.now()
        self.end_reason = reason
        self.save(update_fields=["state", "ended_at", "end_reason"])
        list(self.channels.select_for_update().order_by("pk"))  # as orders lock them
        spoken_to = reason in (self.ERASED, self.REJECTED)
        tokens = {} if spoken_to else {"push_token": "", "push_magic": ""}
        self.channels.update(push_at=None, **tokens)
        Device.regroup([self.device_id])
        enrollment_ended.send(type(self), enrollment=self)

    def sign_out(self) -> None:
        """Have the person sign in again before the device is served any more."""
        now = timezone.now()
        self.session_tokens.filter(revoked_at=None).update(revoked_at=now)
        self.signed_out_at = self.signed_out_at or now
        self.save(update_fields=["signed_out_at"])

    def erasure_failed(self) -> bool:
        """Go on with a stay that ended as erased; return whether it did.

        To be called when its identity speaks: a key does not survive an erasure.
        """
        if self.state != self.State.ENDED or self.end_reason != self.ERASED:
            return False
        Device.objects.select_for_update().get(pk=self.device_id)
        others = self.device.enrollments.filter(state=self.State.ACTIVE)
        if others.exists():
            return False
        self.state, self.ended_at, self.end_reason = self.State.ACTIVE, None, ""
        self.save(update_fields=["state", "ended_at", "end_reason"])
        Device.regroup([self.device_id])
        return True


ACCOUNT_DRIVEN = frozenset((Enrollment.Mode.USER, Enrollment.Mode.ACCOUNT))
"""The modes in which every request carries a session token."""


def present_stay(stays: Iterable[Enrollment]) -> Enrollment | None:
    """Return which of a device's stays, newest first, counts now: the one that goes on.

    A newer one that is held or was rejected does not hide it.
    """
    newest = None
    for stay in stays:
        if stay.state == Enrollment.State.ACTIVE:
            return stay
        newest = newest or stay
    return newest


class Channel(models.Model):
    """Where commands go: the device channel, and one for each managed user.

    ``push_at`` is when to push next, None for never; it is all that the pushing tasks
    look at, so that they never search the queue. ``ordered`` counts the orders placed,
    ``drained`` is what it was when the queue was last found empty: while they are
    equal nothing waits, and a device that connects costs one look at its row.
    """

    DECLINED = "declined"

    enrollment = models.ForeignKey(Enrollment, models.CASCADE, related_name="channels")
    user_id = models.CharField(max_length=255, blank=True)
    user_short_name = models.CharField(max_length=255, blank=True)
    user_long_name = models.CharField(max_length=255, blank=True)
    push_token = models.TextField(blank=True, editable=False)
    push_magic = models.TextField(blank=True, editable=False)
    token_updated_at = models.DateTimeField(null=True, blank=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="channels",
    )
    """Who of ours the user of a Mac or Shared iPad is, if that is known."""
    auth_token_digest = models.CharField(max_length=64, blank=True, editable=False)
    """Of the AuthToken that a network user's messages must carry; '' for none.

    DECLINED for a user who is not managed until the next login.
    """
    login_at = models.DateTimeField(null=True, blank=True, editable=False)
    """When a login last waited for what was ordered for the user of a Mac."""
    awaiting_configuration = models.BooleanField(default=False)
    """A user of a Shared iPad waits for UserConfigured."""
    inventory_due_at = models.DateTimeField(null=True, blank=True, editable=False)
    """When to ask again for the inventory; None: not by itself."""

    ordered = models.PositiveBigIntegerField(default=0, editable=False)
    drained = models.PositiveBigIntegerField(default=0, editable=False)

    push_at = models.DateTimeField(null=True, blank=True)
    push_attempts = models.PositiveIntegerField(default=0)
    pushed_at = models.DateTimeField(null=True, blank=True)
    push_answer = models.CharField(max_length=128, blank=True)
    push_dead = models.BooleanField(default=False)
    """Apple said the token is dead; the next TokenUpdate revives it."""

    class Meta:
        ordering = ("user_id", "pk")
        verbose_name_plural = "managed users"  # the lists leave out the devices' own
        constraints = (
            models.UniqueConstraint(
                fields=["enrollment", "user_id"], name="channel_once_per_user"
            ),
        )
        indexes = (
            models.Index(
                fields=["push_at", "id"],
                condition=Q(push_at__isnull=False),
                name="channel_push_due",
            ),
            models.Index(
                fields=["inventory_due_at", "id"],
                condition=Q(inventory_due_at__isnull=False),
                name="channel_inventory_due",
            ),
            models.Index(fields=["last_seen_at", "id"]),
        )

    def __str__(self) -> str:
        return self.user_name or "device"

    @property
    def user_name(self) -> str:
        """How to call the channel's user; '' on the device channel."""
        return self.user_long_name or self.user_short_name or self.user_id

    @property
    def can_be_pushed(self) -> bool:
        return bool(self.push_token) and not self.push_dead
