"""Identity: a certificate we issued; it authenticates every request of its device."""

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from django.db import models
from django.db.models import Exists, OuterRef, QuerySet

from .enrollment import Enrollment


class Identity(models.Model):
    """Issued for an intent, it belongs to no enrollment until Authenticate binds it."""

    enrollment = models.ForeignKey(
        Enrollment, models.CASCADE, null=True, blank=True, related_name="identities"
    )
    fingerprint = models.CharField("SHA-256", max_length=64, unique=True)
    serial_number = models.CharField(max_length=64)
    subject = models.CharField(max_length=255)
    certificate = models.BinaryField()
    not_before = models.DateTimeField()
    not_after = models.DateTimeField(db_index=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at", "-pk")
        verbose_name_plural = "identities"

    def __str__(self) -> str:
        return self.subject

    @classmethod
    def in_use(cls) -> "QuerySet[Identity]":
        """Return the newest identity, not revoked, of each enrolled device.

        Those before it are still believed, but nothing depends on them any more.
        """
        valid = cls.objects.filter(revoked_at__isnull=True)
        newer = valid.filter(enrollment=OuterRef("enrollment"), pk__gt=OuterRef("pk"))
        enrolled = valid.filter(enrollment__state=Enrollment.State.ACTIVE)
        return enrolled.filter(~Exists(newer))

    @staticmethod
    def fingerprint_of(certificate: x509.Certificate) -> str:
        """Return what an identity is found by."""
        return certificate.fingerprint(hashes.SHA256()).hex()

    @classmethod
    def keep(cls, certificate: x509.Certificate) -> "Identity":
        """Return the new row of a certificate just issued."""
        return cls.objects.create(
            fingerprint=cls.fingerprint_of(certificate),
            serial_number=f"{certificate.serial_number:x}",
            subject=certificate.subject.rfc4514_string()[:255],
            certificate=certificate.public_bytes(Encoding.DER),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
        )
