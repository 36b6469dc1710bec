"""Secret: what a device entrusted to us, encrypted, every version kept."""

import hmac

from django.db import models
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
    revealed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-pk")
        indexes = (models.Index(fields=["enrollment", "kind", "-id"]),)
        permissions = (("reveal_secret", "Can reveal secrets"),)

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.device_label}"

    @classmethod
    def current(cls, enrollment_id: int, kind: str) -> "Secret | None":
        """Return the version in force, None when there is none."""
        return (
            cls.objects.filter(
                enrollment_id=enrollment_id,
                kind=kind,
                replaced_at__isnull=True,
                is_confirmed=True,
            )
            .order_by("-pk")
            .first()
        )

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
            device = enrollment.device
            label = device.serial_number or device.device_id
            cls.objects.create(
                device=device,
                device_label=label,
                enrollment=enrollment,
                kind=kind,
                value=value,
                created_at=now,
            )
        return True
