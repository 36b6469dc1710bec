"""The certificate authority: made on first use, it issues identities to devices.

Long before one expires another is made and in force. The one before is still believed,
and still answers to the profiles that name it.
"""

import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import (
    CertificateIssuerPublicKeyTypes,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from .models import CertificateAuthority

LIFE = dt.timedelta(days=20 * 365)
KEY_SIZE = 2048
"""Signs each certificate and opens each SCEP request: RSA, as Apple's clients need."""
MARGIN = dt.timedelta(days=90)
"""So long before an authority would have to shorten identities, there is another."""
BACKDATED = dt.timedelta(hours=1)
"""A device's clock may be behind ours."""
LOCK = 0x6D646D6361
"""Advisory lock, so that two processes do not both make an authority."""


def current() -> CertificateAuthority:
    """Return the authority in force, making it on first use."""
    return CertificateAuthority.objects.first() or _first()


def usable() -> QuerySet[CertificateAuthority]:
    """Return the authorities that have not expired, the one in force first."""
    return CertificateAuthority.objects.filter(not_after__gt=timezone.now())


def named(name: str) -> CertificateAuthority:
    """Return the authority that a profile names, else the one in force.

    Profiles name it by its fingerprint; other clients say whatever they like.
    """
    return usable().filter(fingerprint=name).first() or current()


@transaction.atomic
def roll_over() -> bool:
    """Make another authority if it is time; return whether it was."""
    _lock()
    if current().not_after > timezone.now() + _needed():
        return False
    _make()
    return True


def _needed() -> dt.timedelta:
    """How long an authority must last yet. A new one always lasts that long."""
    identity = dt.timedelta(seconds=settings.IDENTITY_LIFE)
    return min(identity + MARGIN, LIFE / 2)


@transaction.atomic
def _first() -> CertificateAuthority:
    _lock()
    return CertificateAuthority.objects.first() or _make()


def _lock() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, KEY_SIZE)


def _make() -> CertificateAuthority:
    key = new_key()
    certificate = _root(key)
    return CertificateAuthority.objects.create(
        certificate=certificate.public_bytes(Encoding.DER),
        private_key=key.private_bytes(
            Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
        ),
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        not_after=certificate.not_valid_after_utc,
    )


def _root(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = _name(f"{settings.ORGANIZATION} device CA"[:64])
    now = timezone.now()
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        # One certificate for all of it: of several, macOS may take the wrong one.
        .add_extension(_usage(sign=True, issue=True), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
        .sign(key, hashes.SHA256())
    )


def _name(common_name: str) -> x509.Name:
    organization = settings.ORGANIZATION[:64]
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _usage(*, sign: bool, issue: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=sign,
        key_encipherment=True,
        key_cert_sign=issue,
        crl_sign=issue,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def issue(
    authority: CertificateAuthority,
    public_key: CertificateIssuerPublicKeyTypes,
    subject: str,
) -> x509.Certificate:
    """Return a client certificate. Its names and extensions are ours alone."""
    now = timezone.now()
    issuer = authority.x509
    not_after = now + dt.timedelta(seconds=settings.IDENTITY_LIFE)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer.subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(min(not_after, issuer.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign=True, issue=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()),  # type: ignore[arg-type]
            critical=False,
        )
        .sign(authority.key, hashes.SHA256())
    )
