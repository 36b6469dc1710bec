"""The certificate authority that issues the identities of devices."""

from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key
from django.db import models
from django.utils import timezone
from django.utils.functional import cached_property

from mdmportal.fields import EncryptedBinaryField


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
        return load_key(bytes(self.private_key))


@lru_cache(maxsize=4)
def load_key(der: bytes) -> rsa.RSAPrivateKey:
    """Loading a key checks its primes, which takes longer than all else here."""
    key = load_der_private_key(der, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key
