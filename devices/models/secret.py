"""Secret: what a device entrusted to us, encrypted, every version kept."""

import hmac
from typing import Any

from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone

from mdmportal.fields import EncryptedBinaryField

from .device import Device
from .enrollment import Enrollment


class Secret(models.Model):
    """One version of one secret. It outlives the rows of its device and enrollment."""

    class Kind(models.TextChoices):
        UNLOCK_TOKEN = "UnlockToken", "unlock token"
        BOOTSTRAP_TOKEN = "BootstrapToken", "bootstrap token"
        BYPASS_CODE = "ActivationLockBypassCode", "activation lock bypass code"
        FILEVAULT_KEY = "FileVaultKey", "FileVault recovery key"
        RECOVERY_LOCK = "RecoveryLock", "recovery lock password"
        FIRMWARE_PASSWORD = "FirmwarePassword", "firmware password"
        LOCK_PIN = "LockPIN", "lock PIN"
        ADMIN_PASSWORD = "AdminPassword", "admin password"
        SEALED_KEY = "SealedFileVaultKey", "FileVault recovery key, unreadable"

    class Outcome(models.TextChoices):
        """What became of a version that an order was to put in force, and did not."""

        REFUSED = "refused", "the device refused it"
        WITHDRAWN = "withdrawn", "withdrawn before the device got it"
        UNANSWERED = "unanswered", "sent and never answered: it may be in force"
        UNSURE = "unsure", "refused when it was sent again: it may be in force"

    device = models.ForeignKey(
        Device, models.SET_NULL, null=True, related_name="secrets"
    )
    device_label = models.CharField(max_length=255)
    """Serial number or other name, for when the device's row is gone."""
    enrollment = models.ForeignKey(
        Enrollment, models.SET_NULL, null=True, related_name="secrets"
    )
    kind = models.CharField(max_length=32, choices=Kind)
    value = EncryptedBinaryField()
    created_at = models.DateTimeField(default=timezone.now)
    replaced_at = models.DateTimeField(null=True, blank=True)
    is_confirmed = models.BooleanField(default=True)
    """False: ordered, and the device has not said yet that it is in force."""
    delivery_uuid = models.CharField(max_length=64, blank=True, db_index=True)
    """The CommandUUID of the order that is to put it in force."""
    valid_at = models.DateTimeField(null=True, blank=True)
    """When the device last showed that it holds."""
    invalid_at = models.DateTimeField(null=True, blank=True)
    """Since when the device says that it holds no more; it is kept all the same."""
    outcome = models.CharField(max_length=16, blank=True, choices=Outcome)
    revealed_at = models.DateTimeField(null=True, blank=True)
    rotate_at = models.DateTimeField(null=True, blank=True)
    """When it is to be replaced, because somebody has seen it."""
    rotation = models.CharField(max_length=255, blank=True)
    """Why it was not replaced, in words."""

    class Meta:
        ordering = ("-created_at", "-pk")
        indexes = (
            models.Index(fields=["enrollment", "kind", "-id"]),
            models.Index(fields=["device", "kind", "-id"], name="secret_of_device"),
            models.Index(
                fields=["id"],
                condition=Q(is_confirmed=False, replaced_at=None),
                name="secret_unconfirmed",
            ),
            models.Index(
                fields=["rotate_at", "id"],
                condition=Q(rotate_at__isnull=False),
                name="secret_to_rotate",
            ),
        )
        permissions = (("reveal_secret", "Can reveal secrets"),)

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.device_label}"

    @property
    def is_in_force(self) -> bool:
        return self.is_confirmed and self.replaced_at is None

    @property
    def may_be_in_force(self) -> bool:
        """Whether nobody knows: whoever needs it tries the other versions too."""
        return self.outcome in (self.Outcome.UNANSWERED, self.Outcome.UNSURE)

    @property
    def is_expected(self) -> bool:
        """Whether an order is still to put it in force."""
        return not self.is_confirmed and self.replaced_at is None

    @classmethod
    def in_force(cls, kind: str) -> "QuerySet[Secret]":
        """Return the versions of this kind that count, the newest first."""
        rows = cls.objects.filter(kind=kind, is_confirmed=True, replaced_at=None)
        return rows.order_by("-pk")

    @classmethod
    def current(cls, enrollment_id: int, kind: str) -> "Secret | None":
        """Return the version in force, None when there is none."""
        return cls.in_force(kind).filter(enrollment_id=enrollment_id).first()

    @classmethod
    def current_of_device(cls, device_id: int, kind: str) -> "Secret | None":
        """Return the version in force whatever the stay: for what outlives one."""
        return cls.in_force(kind).filter(device_id=device_id).first()

    @classmethod
    def keep(cls, enrollment: Enrollment, kind: str, value: bytes) -> bool:
        """Store ``value`` unless it is the version in force; return whether it is new.

        An empty value retires the version in force: the device deleted it.
        """
        now = timezone.now()
        current = cls.current(enrollment.pk, kind)
        if current and hmac.compare_digest(bytes(current.value), value):
            return False
        if current:
            current.replaced_at = now
            current.save(update_fields=["replaced_at"])
        if value:
            cls.of_stay(enrollment, kind, value, created_at=now).save()
        return True

    @classmethod
    def of_stay(
        cls, enrollment: Enrollment, kind: str, value: bytes, **columns: Any
    ) -> "Secret":
        """Return a version that is not saved yet."""
        return cls(
            device=enrollment.device,
            device_label=label_of(enrollment.device),
            enrollment=enrollment,
            kind=kind,
            value=value,
            **columns,
        )


def label_of(device: Device) -> str:
    """Return what tells which device it was when its row is gone."""
    return device.serial_number or device.device_id
