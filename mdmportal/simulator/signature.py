"""Mdm-Signature: the header by which a device signs the body of its request.

Base64 of a detached CMS SignedData over the very bytes that are sent.
https://developer.apple.com/documentation/devicemanagement/implementing-device-management
"""

import base64
from enum import StrEnum

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding

from mdmportal.protocol import cms, der

from .identity import Identity

HEADER = "Mdm-Signature"

DATA = "1.2.840.113549.1.7.1"
SIGNED_DATA = "1.2.840.113549.1.7.2"
SHA1 = der.sequence(der.oid("1.3.14.3.2.26"), der.NULL)
SHA1_WITH_RSA = der.sequence(der.oid("1.2.840.113549.1.1.5"), der.NULL)
END_OF_CONTENTS = b"\0\0"


class Style(StrEnum):
    """How the signature is written: as the standard has it, or as devices do."""

    STANDARD = "standard"
    """DER, SHA-256, with signed attributes."""
    CAPTURED = "captured"
    """As real devices were seen to: BER of indefinite length, SHA-1, no attributes."""


def sign(body: bytes, identity: Identity, style: Style = Style.STANDARD) -> str:
    """Return the header's value for ``body``."""
    if style is Style.CAPTURED:
        message = _captured(body, identity)
    else:
        message = cms.sign(body, identity.certificate, identity.key, detached=True)
    return base64.b64encode(message).decode()


def _captured(body: bytes, identity: Identity) -> bytes:
    certificate = identity.certificate
    signature = identity.key.sign(body, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
    issuer = certificate.issuer.public_bytes()
    signer = der.sequence(
        der.integer(1),
        der.sequence(issuer, der.integer(certificate.serial_number)),
        SHA1,
        SHA1_WITH_RSA,
        der.octet_string(signature),
    )
    data = _indefinite(
        der.SEQUENCE,
        der.integer(1),
        der.set_of(SHA1),
        _indefinite(der.SEQUENCE, der.oid(DATA)),
        _indefinite(der.context(0), certificate.public_bytes(Encoding.DER)),
        _indefinite(der.SET, signer),
    )
    return _indefinite(
        der.SEQUENCE, der.oid(SIGNED_DATA), _indefinite(der.context(0), data)
    )


def _indefinite(tag: int, *parts: bytes) -> bytes:
    return bytes([tag, 0x80]) + b"".join(parts) + END_OF_CONTENTS
