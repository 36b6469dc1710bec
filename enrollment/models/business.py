"""BusinessKey: by which Apple Business Manager knows this server's word.

Its certificate is uploaded there, for a server that is made there; the server's UUID
comes back. A token of that server is signed with the key.
https://developer.apple.com/documentation/devicemanagement/get-token
"""

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from django.db import models
from django.urls import reverse
from django.utils import timezone

from mdmportal.fields import EncryptedBinaryField

from .authority import load_key


class BusinessKey(models.Model):
    """A key made here, and what Apple calls the server that has it."""

    name = models.CharField(
        max_length=100,
        unique=True,
        help_text="For you to tell keys apart, such as the organisation it is for.",
    )
    server_uuid = models.UUIDField(
        "server UUID",
        null=True,
        blank=True,
        help_text="Of the device management service in Apple Business Manager or Apple "
        "School Manager that the certificate was uploaded to (server_uuid of its "
        "account). Devices get no token before it is there.",
    )
    certificate = models.BinaryField()
    private_key = EncryptedBinaryField()
    fingerprint = models.CharField("SHA-256", max_length=64, unique=True)
    not_after = models.DateTimeField("valid until")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-pk",)
        verbose_name = "Apple Business Manager key"

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("admin:enrollment_businesskey_change", args=[self.pk])

    @classmethod
    def in_use(cls) -> "BusinessKey | None":
        """Return the newest key that can sign tokens, None when there is none."""
        usable = cls.objects.filter(server_uuid__isnull=False)
        return usable.filter(not_after__gt=timezone.now()).first()

    @property
    def pem(self) -> bytes:
        """The certificate, as Apple takes it."""
        certificate = x509.load_der_x509_certificate(bytes(self.certificate))
        return certificate.public_bytes(Encoding.PEM)

    @property
    def key(self) -> rsa.RSAPrivateKey:
        return load_key(bytes(self.private_key))
