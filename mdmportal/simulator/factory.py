"""The factory: where a device gets the key and certificate that Apple knows it by.

A device signs with them what it says before it is enrolled: over the air, and when it
asks for its profile with an account.
https://developer.apple.com/library/archive/documentation/NetworkingInternet/Conceptual/iPhoneOTAConfiguration/
"""

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from . import certificates
from .certificates import YEAR
from .identity import Identity, KeyMaker, new_key

NAME = certificates.name(
    [
        (NameOID.COUNTRY_NAME, "US"),
        (NameOID.ORGANIZATION_NAME, "Apple Inc."),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "Apple iPhone"),
        (NameOID.COMMON_NAME, "Apple iPhone Device CA"),
    ]
)
FOUNDED = datetime(2007, 4, 16, tzinfo=UTC)
"""The certificate of Apple's authority was for seven years, and is still in use."""
BITS = 2048


class Factory:
    """The simulated “Apple iPhone Device CA”, living in ``folder``.

    Made on first use, and then it stays: ``device-ca.pem``, which a server is to
    trust, and its key. Like Apple's it signs with SHA-1, and its certificate has
    expired; unlike Apple's it is its own issuer.
    """

    def __init__(self, folder: Path) -> None:
        self.ca_file = folder / "device-ca.pem"
        self.ca_key_file = folder / "device-ca.key"
        folder.mkdir(parents=True, exist_ok=True)
        with certificates.locked(folder / "lock"):
            if not self.ca_file.exists():
                self._make_ca()
        self.certificate = x509.load_pem_x509_certificate(self.ca_file.read_bytes())
        key = serialization.load_pem_private_key(self.ca_key_file.read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        self._key = key

    def make(
        self, make_key: KeyMaker = new_key, *, lifetime: timedelta = 2 * YEAR
    ) -> Identity:
        """Return the identity of one more device, named by a new UUID."""
        key = make_key(BITS)
        common_name = [(NameOID.COMMON_NAME, str(uuid.uuid4()).upper())]
        subject = certificates.name(common_name)
        uses = certificates.usage("digital_signature", "key_encipherment")
        client = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        certificate = (
            certificates.builder(subject, NAME, key.public_key(), lifetime)
            .add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(uses, critical=True)
            .add_extension(client, critical=True)
        )
        issued = certificates.sign_sha1(certificate, self._key)
        return Identity(issued, key, (self.certificate,))

    def _make_ca(self) -> None:
        key = new_key(BITS)
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        uses = certificates.usage("key_cert_sign", "crl_sign")
        certificate = (
            certificates.builder(NAME, NAME, key.public_key(), 7 * YEAR, begins=FOUNDED)
            .add_extension(constraints, critical=True)
            .add_extension(uses, critical=True)
        )
        issued = certificates.sign_sha1(certificate, key)
        certificates.write(self.ca_key_file, certificates.key_pem(key), 0o600)
        certificates.write(self.ca_file, certificates.pem(issued), 0o644)
