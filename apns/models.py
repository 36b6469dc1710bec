"""PushCertificate: what lets us push to the devices of one topic."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from mdmportal.fields import EncryptedBinaryField


class PushCertificate(models.Model):
    """One per topic. Renewed in place: the topic stays, certificate and key change."""

    topic = models.CharField(max_length=255, unique=True)
    certificate = models.TextField()
    """PEM, intermediates included."""
    private_key = EncryptedBinaryField()
    """PEM of PKCS#8."""
    serial_number = models.CharField(max_length=64)
    common_name = models.CharField(max_length=255, blank=True)
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()
    apple_account = models.CharField(
        "Apple Account",
        max_length=255,
        blank=True,
        help_text="The account used at identity.apple.com. Only it can renew this "
        "certificate; with another one every device must enroll again.",
    )
    uploaded_at = models.DateTimeField(default=timezone.now)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True
    )
    problem = models.CharField(max_length=255, blank=True)
    """What Apple last said against it."""
    is_stopped = models.BooleanField(default=False)
    """Apple refused the certificate itself: no pushes until another is uploaded."""

    class Meta:
        ordering = ("-uploaded_at", "-pk")

    def __str__(self) -> str:
        return self.topic

    @property
    def is_expired(self) -> bool:
        return self.not_after <= timezone.now()

    @classmethod
    def usable(cls) -> "models.QuerySet[PushCertificate]":
        """Return those that can push now."""
        return cls.objects.filter(is_stopped=False, not_after__gt=timezone.now())

    @classmethod
    def in_use(cls) -> "PushCertificate | None":
        """Return the one that new enrollments are made with, None without any."""
        return cls.usable().first()
