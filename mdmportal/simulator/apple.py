"""Apple: a simulated certification authority for APNs, push certificates, devices."""

from __future__ import annotations

import ssl
import uuid
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from . import certificates
from .certificates import DAY, YEAR, PublicKey
from .factory import Factory

TOPIC_PREFIX = "com.apple.mgmt."
# In a certificate: may be used to push, to production devices.
PRODUCTION_PUSH = ObjectIdentifier("1.2.840.113635.100.6.3.2")


class SimulatedApple:
    """A certification authority which plays Apple, living in `folder`.

    What the folder holds is made on first use and then stays: `ca.pem`, to be trusted
    by the push client, its key, the certificate and key of APNs, and `device-ca.pem`,
    whose key signs what devices get in the `factory`.
    """

    def __init__(self, folder: Path) -> None:
        self.ca_file = folder / "ca.pem"
        self.ca_key_file = folder / "ca.key"
        self.apns_file = folder / "apns.pem"
        self.apns_key_file = folder / "apns.key"
        folder.mkdir(parents=True, exist_ok=True)
        with certificates.locked(folder / "lock"):
            if not self.ca_file.exists():
                self._make_ca()
            if not _lasts(self.apns_file):
                self._make_apns()
        self.factory = Factory(folder)

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
        return certificates.pem(certificate), certificates.key_pem(key) if key else b""

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
        name = certificates.name(
            [(NameOID.COMMON_NAME, "Simulated Apple Certification Authority")]
        )
        usage = certificates.usage("key_cert_sign", "crl_sign")
        certificate = (
            certificates.builder(name, name, key.public_key(), 10 * YEAR)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(key, hashes.SHA256())
        )
        self.apns_file.unlink(missing_ok=True)
        certificates.write(self.ca_key_file, certificates.key_pem(key), 0o600)
        certificates.write(self.ca_file, certificates.pem(certificate), 0o644)

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
        certificates.write(self.apns_key_file, certificates.key_pem(key), 0o600)
        certificates.write(self.apns_file, certificates.pem(certificate), 0o644)

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
        usage = certificates.usage("digital_signature")
        builder = (
            certificates.builder(
                certificates.name(name), ca.subject, public_key, lifetime
            )
            .add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(by, critical=False)
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(cast("ec.EllipticCurvePrivateKey", ca_key), hashes.SHA256())


def _lasts(path: Path) -> bool:
    if not path.exists():
        return False
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    return certificate.not_valid_after_utc > datetime.now(UTC) + 30 * DAY
