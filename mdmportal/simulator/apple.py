"""Apple: a simulated certification authority, for APNs and for push certificates."""

from __future__ import annotations

import contextlib
import fcntl
import ssl
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

DAY = timedelta(days=1)
YEAR = 365 * DAY
TOPIC_PREFIX = "com.apple.mgmt."
# In a certificate: may be used to push, to production devices.
PRODUCTION_PUSH = ObjectIdentifier("1.2.840.113635.100.6.3.2")

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


class SimulatedApple:
    """A certification authority which plays Apple, living in `folder`.

    What the folder holds is made on first use and then stays: `ca.pem`, to be trusted
    by the push client, its key, and the certificate and key of APNs.
    """

    def __init__(self, folder: Path) -> None:
        self.ca_file = folder / "ca.pem"
        self.ca_key_file = folder / "ca.key"
        self.apns_file = folder / "apns.pem"
        self.apns_key_file = folder / "apns.key"
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / "lock"):
            if not self.ca_file.exists():
                self._make_ca()
            if not _lasts(self.apns_file):
                self._make_apns()

    def issue_push_certificate(
        self,
        request: x509.CertificateSigningRequest | None = None,
        *,
        topic: str | None = None,
        lifetime: timedelta = YEAR,
    ) -> tuple[bytes, bytes]:
        """Return an MDM push certificate and its key, as PEM.

        With a certificate signing request the key is that of the requester, and empty
        here. Giving the `topic` of an earlier certificate renews it.
        """
        topic = topic or f"{TOPIC_PREFIX}External.{uuid.uuid4()}"
        name = [
            (NameOID.USER_ID, topic),
            (NameOID.COMMON_NAME, f"APSP:{topic.rpartition('.')[2]}"),
            (NameOID.COUNTRY_NAME, "US"),
        ]
        key = None if request else rsa.generate_private_key(65537, 2048)
        public_key = key.public_key() if key else cast("Any", request).public_key()
        certificate = self._issue(
            name,
            public_key,
            lifetime,
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]),
            x509.UnrecognizedExtension(PRODUCTION_PUSH, b"\x05\x00"),
        )
        return _pem(certificate), _key_pem(key) if key else b""

    def server_context(self) -> ssl.SSLContext:
        """Return the TLS of APNs: HTTP/2 for holders of certificates of this Apple."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.apns_file, self.apns_key_file)
        context.load_verify_locations(self.ca_file)
        context.verify_mode = ssl.CERT_REQUIRED
        context.set_alpn_protocols(["h2"])
        return context

    def _make_ca(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name([(NameOID.COMMON_NAME, "Simulated Apple Certification Authority")])
        usage = x509.KeyUsage(
            **dict.fromkeys(KEY_USAGES, False)
            | {"key_cert_sign": True, "crl_sign": True}
        )
        certificate = (
            _builder(name, name, key.public_key(), 10 * YEAR)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(key, hashes.SHA256())
        )
        self.apns_file.unlink(missing_ok=True)
        _write(self.ca_key_file, _key_pem(key), 0o600)
        _write(self.ca_file, _pem(certificate), 0o644)

    def _make_apns(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName("localhost")]
        addresses = [x509.IPAddress(ip_address(a)) for a in ("127.0.0.1", "::1")]
        certificate = self._issue(
            [(NameOID.COMMON_NAME, "Simulated APNs")],
            key.public_key(),
            YEAR,
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
            x509.SubjectAlternativeName([*names, *addresses]),
        )
        _write(self.apns_key_file, _key_pem(key), 0o600)
        _write(self.apns_file, _pem(certificate), 0o644)

    def _issue(
        self,
        name: list[tuple[ObjectIdentifier, str]],
        public_key: PublicKey,
        lifetime: timedelta,
        *extensions: x509.ExtensionType,
    ) -> x509.Certificate:
        ca = x509.load_pem_x509_certificate(self.ca_file.read_bytes())
        ca_key = serialization.load_pem_private_key(self.ca_key_file.read_bytes(), None)
        ca_id = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        by = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ca_id)
        usage = x509.KeyUsage(
            **dict.fromkeys(KEY_USAGES, False) | {"digital_signature": True}
        )
        builder = (
            _builder(_name(name), ca.subject, public_key, lifetime)
            .add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(by, critical=False)
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(cast("ec.EllipticCurvePrivateKey", ca_key), hashes.SHA256())


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


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: PublicKey, lifetime: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), False)
    )


def _name(attributes: list[tuple[ObjectIdentifier, str]]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write a whole file or none; it has its mode before it has any content."""
    draft = path.with_suffix(".new")
    draft.touch(mode)
    draft.write_bytes(content)
    draft.replace(path)


def _lasts(path: Path) -> bool:
    if not path.exists():
        return False
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    return certificate.not_valid_after_utc > datetime.now(UTC) + 30 * DAY


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes out, which may want to make the same files."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
