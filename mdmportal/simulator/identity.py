"""Identity: the key and certificate by which a device is known to its server."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from threading import Lock

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

from .errors import ProfileRefused

KeyMaker = Callable[[int], rsa.RSAPrivateKey]
"""Returns a key of so many bits."""


@dataclass(frozen=True)
class Identity:
    """A certificate and its key; ``chain`` are the issuers that are sent along."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def common_name(self) -> str:
        return common_name(self.certificate)

    def to_plist(self) -> dict[str, bytes]:
        """Return both as PEM; the key is not encrypted."""
        key = self.key.private_bytes(
            Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        chain = b"".join(one.public_bytes(Encoding.PEM) for one in self.chain)
        certificate = self.certificate.public_bytes(Encoding.PEM)
        return {"Certificate": certificate, "Key": key, "Chain": chain}

    @classmethod
    def from_plist(cls, source: dict[str, bytes]) -> "Identity":
        key = serialization.load_pem_private_key(source["Key"], password=None)
        assert isinstance(key, rsa.RSAPrivateKey)
        chain = source.get("Chain", b"")
        return cls(
            x509.load_pem_x509_certificate(source["Certificate"]),
            key,
            tuple(x509.load_pem_x509_certificates(chain)) if chain else (),
        )


def common_name(certificate: x509.Certificate) -> str:
    """Return the common name, or what names the subject where it has none."""
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()


def from_pkcs12(archive: bytes, password: str) -> Identity:
    """Return the identity in a PKCS#12 archive; anything else is refused."""
    try:
        key, certificate, _ = pkcs12.load_key_and_certificates(
            archive, password.encode()
        )
    except ValueError as error:
        raise ProfileRefused("The password of the identity is wrong.") from error
    if certificate is None or not isinstance(key, rsa.RSAPrivateKey):
        raise ProfileRefused("The archive holds no RSA identity.")
    return Identity(certificate, key)


def new_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


class KeyPool:
    """A KeyMaker that makes ``size`` keys of each length and gives them out in turn.

    Making a key is nearly all that enrolling costs a simulated device. Keys that
    several devices share are good for load and for nothing else.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = Lock()
        self._made: dict[int, list[rsa.RSAPrivateKey]] = {}
        self._turns: dict[int, cycle[rsa.RSAPrivateKey]] = {}

    def __call__(self, bits: int) -> rsa.RSAPrivateKey:
        with self._lock:
            made = self._made.setdefault(bits, [])
            if len(made) < self._size:
                made.append(new_key(bits))
                return made[-1]
            turns = self._turns.setdefault(bits, cycle(made))
            return next(turns)
