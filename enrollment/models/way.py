"""The ways in: who may enroll, as what, and the identities issued for it."""

import datetime as dt
import hashlib
import secrets
import uuid
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from devices.models import Enrollment, Identity
from mdmportal.fields import EncryptedBinaryField
from mdmportal.protocol import rights


class CertificateAuthority(models.Model):
    """Issues the identities of devices. Made on first use; the newest is in force."""

    certificate = models.BinaryField()
    private_key = EncryptedBinaryField()
    fingerprint = models.CharField("SHA-256", max_length=64, unique=True)
    not_after = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-pk",)
        verbose_name_plural = "certificate authorities"

    def __str__(self) -> str:
        return self.x509.subject.rfc4514_string()

    @cached_property
    def x509(self) -> x509.Certificate:
        return x509.load_der_x509_certificate(bytes(self.certificate))

    @property
    def key(self) -> rsa.RSAPrivateKey:
        return _key(bytes(self.private_key))


@lru_cache(maxsize=4)
def _key(der: bytes) -> rsa.RSAPrivateKey:
    """Loading a key checks its primes, which takes longer than all else here."""
    key = load_der_private_key(der, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def new_code() -> str:
    """Return a code that is short enough to type and too long to guess."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "".join(secrets.choice(alphabet) for _ in range(12))


class EnrollmentProfile(models.Model):
    """A configured way in. Its identifiers never change: devices hold on to them."""

    name = models.CharField(max_length=100, unique=True)
    code = models.SlugField(
        max_length=64,
        unique=True,
        default=new_code,
        help_text="Part of the address /enroll/<code>/. Who knows it may enroll.",
    )
    seed = models.UUIDField(default=uuid.uuid4, editable=False, unique=True)
    mode = models.CharField(
        max_length=16,
        choices=Enrollment.Mode,
        default=Enrollment.Mode.DEVICE,
        editable=False,
    )
    access_rights = models.PositiveIntegerField(
        default=rights.ALL,
        help_text=f"Sum of Apple's rights; {rights.ALL} is all of them.",
    )
    description = models.TextField(
        blank=True, help_text="Shown to the person who enrolls."
    )
    is_enabled = models.BooleanField(
        "enabled", default=True, help_text="Off: no new device can enroll by it."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name", "pk")
        verbose_name = "way in"
        verbose_name_plural = "ways in"

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("enroll", args=[self.code])

    def clean(self) -> None:
        try:
            rights.check(self.access_rights)
        except ValueError as error:
            raise ValidationError({"access_rights": str(error)}) from error

    @property
    def url(self) -> str:
        """The whole address of the page where a person enrolls."""
        return f"{settings.PUBLIC_URL}{self.get_absolute_url()}"


def digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


class Challenge(models.Model):
    """A one-time SCEP challenge: the intent that one device may enroll by one way.

    Only its digest is kept. Issuing uses it up; a retry of the same transaction, for
    the same key, gets the same certificate again.
    """

    digest = models.CharField(max_length=64, unique=True)
    way = models.ForeignKey(
        EnrollmentProfile, models.CASCADE, related_name="challenges"
    )
    subject = models.CharField(max_length=64)
    """The CN that the identity gets, whatever the request says."""
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)
    transaction_id = models.CharField(max_length=255, blank=True)
    public_key = models.CharField(max_length=64, blank=True)
    """SHA-256 of the key that the identity was issued for."""
    identity = models.OneToOneField(
        Identity, models.CASCADE, null=True, related_name="challenge"
    )

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"{self.way}, {self.subject}"

    @classmethod
    def issue(cls, way: EnrollmentProfile) -> tuple["Challenge", str]:
        """Return a new challenge and its value, which is told only once."""
        value = secrets.token_urlsafe(24)
        life = dt.timedelta(seconds=settings.SCEP_CHALLENGE_LIFE)
        challenge = cls.objects.create(
            digest=digest(value),
            way=way,
            subject=str(uuid.uuid4()).upper(),
            expires_at=timezone.now() + life,
        )
        return challenge, value
