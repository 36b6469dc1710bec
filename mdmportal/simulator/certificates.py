"""Certificates: how the simulators make them, and keep them in files."""

import contextlib
import fcntl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ObjectIdentifier

from mdmportal.protocol import der

DAY = timedelta(days=1)
YEAR = 365 * DAY

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

BIT_STRING = 0x03
SHA1_WITH_RSA = der.sequence(der.oid("1.2.840.113549.1.1.5"), der.NULL)
SHA256_WITH_RSA = der.sequence(der.oid("1.2.840.113549.1.1.11"), der.NULL)
KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: PublicKey,
    lifetime: timedelta,
    *,
    begins: datetime | None = None,
) -> x509.CertificateBuilder:
    """Return a certificate to be, valid from ``begins`` (yesterday) on."""
    begins = begins or datetime.now(UTC) - DAY
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + DAY + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), False)
    )


def usage(*uses: str) -> x509.KeyUsage:
    """Return the extension that allows these of KEY_USAGES."""
    return x509.KeyUsage(**dict.fromkeys(KEY_USAGES, False) | dict.fromkeys(uses, True))


def sign_sha1(
    certificate: x509.CertificateBuilder, key: rsa.RSAPrivateKey
) -> x509.Certificate:
    """Sign as Apple's device authority does; the library would not, with SHA-1."""
    modern = certificate.sign(key, hashes.SHA256()).tbs_certificate_bytes
    signed = modern.replace(SHA256_WITH_RSA, SHA1_WITH_RSA, 1)
    signature = key.sign(signed, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
    bits = der.tlv(BIT_STRING, b"\0" + signature)
    return x509.load_der_x509_certificate(der.sequence(signed, SHA1_WITH_RSA, bits))


def name(attributes: list[tuple[ObjectIdentifier, str]]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_pem(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def write(path: Path, content: bytes, mode: int) -> None:
    """Write a whole file or none; it has its mode before it has any content."""
    draft = path.with_suffix(".new")
    draft.touch(mode)
    draft.write_bytes(content)
    draft.replace(path)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes out, which may want to make the same files."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
