"""Delivery: one channel's copy of a command; Result: what the device answered."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from devices.models import Channel
from mdmportal.fields import EncryptedBinaryField

from .. import errors
from .command import Command


class State(models.TextChoices):
    """Where a delivery is; the last five are final."""

    QUEUED = "queued", "queued"
    SENT = "sent", "sent"
    POSTPONED = "postponed", "postponed"
    ACKNOWLEDGED = "acknowledged", "acknowledged"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"
    EXPIRED = "expired", "expired"
    REFUSED = "refused", "not sent"
    """When its turn came, the device could not take it any more."""


OPEN = (State.QUEUED, State.SENT, State.POSTPONED)


def new_uuid() -> str:
    return str(uuid.uuid4()).upper()


class Delivery(models.Model):
    """Its CommandUUID is opaque text, unique on this server."""

    command = models.ForeignKey(Command, models.CASCADE, related_name="deliveries")
    channel = models.ForeignKey(
        Channel,
        models.CASCADE,
        related_name="deliveries",
        db_index=False,  # the indexes below begin with it
    )
    uuid = models.CharField(
        "CommandUUID", max_length=64, unique=True, default=new_uuid, editable=False
    )
    state = models.CharField(max_length=12, choices=State, default=State.QUEUED)
    priority = models.SmallIntegerField(default=0)
    queued_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    postponements = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(null=True, blank=True)
    """When to push again after NotNow."""
    settled_at = models.DateTimeField(null=True, blank=True)
    error_chain = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ("-pk",)
        verbose_name_plural = "queue"
        indexes = (
            # The queue is only what is open: history can grow as it likes.
            models.Index(
                "channel",
                models.F("priority").desc(),
                "id",
                condition=Q(state__in=("queued", "sent", "postponed")),
                name="delivery_open",
            ),
            models.Index(
                fields=["expires_at"],
                condition=Q(state__in=("queued", "sent", "postponed")),
                name="delivery_open_expiry",
            ),
            models.Index(fields=["channel", "-id"], name="delivery_history"),
            models.Index(fields=["state", "-id"], name="delivery_by_state"),
        )

    def __str__(self) -> str:
        return f"{self.command} to {self.channel.enrollment.device}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def is_partial(self) -> bool:
        """Whether the device took it and did not do all of it; ``error`` says what."""
        return self.state == State.ACKNOWLEDGED and bool(self.error_chain)

    @property
    def error(self) -> str:
        """What the device said went wrong, in its own words; '' if nothing did."""
        said = (each.words for each in errors.read(self.error_chain))
        return next(filter(None, said), "")


class Result(models.Model):
    """The raw answer to a delivery, read into the inventory by a task."""

    delivery = models.OneToOneField(Delivery, models.CASCADE, related_name="result")
    body = EncryptedBinaryField()
    received_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    problem = models.CharField(max_length=255, blank=True)
    """Why the answer could not be read into the inventory."""

    class Meta:
        indexes = (
            models.Index(
                fields=["id"], condition=Q(read_at__isnull=True), name="result_unread"
            ),
        )

    def __str__(self) -> str:
        return f"answer to {self.delivery_id}"
