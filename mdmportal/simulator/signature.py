"""Signatures: how a device signs what it sends.

Once enrolled by the header Mdm-Signature, Base64 of a detached CMS SignedData over the
very bytes that are sent; before that the body is a SignedData with its content.
https://developer.apple.com/documentation/devicemanagement/implementing-device-management
"""

import base64
from enum import StrEnum

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding

from mdmportal.protocol import cms, der

from .certificates import SHA1_WITH_RSA
from .identity import Identity

HEADER = "Mdm-Signature"

DATA = "1.2.840.113549.1.7.1"
SIGNED_DATA = "1.2.840.113549.1.7.2"
SHA1 = der.sequence(der.oid("1.3.14.3.2.26"), der.NULL)
CONSTRUCTED_OCTETS = der.OCTET_STRING | 0x20
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
        message = _captured(body, identity, detached=True)
    else:
        message = cms.sign(body, identity.certificate, identity.key, detached=True)
    return base64.b64encode(message).decode()


def wrap(content: bytes, identity: Identity, style: Style = Style.STANDARD) -> bytes:
    """Return the SignedData (DER or BER) that holds ``content`` and the whole chain."""
    if style is Style.CAPTURED:
        return _captured(content, identity, detached=False)
    return cms.sign(
        content, identity.certificate, identity.key, certificates=identity.chain
    )


def _captured(content: bytes, identity: Identity, *, detached: bool) -> bytes:
    certificate = identity.certificate
    digest = hashes.SHA1()  # noqa: S303
    signature = identity.key.sign(content, padding.PKCS1v15(), digest)
    issuer = certificate.issuer.public_bytes()
    signer = der.sequence(
        der.integer(1),
        der.sequence(issuer, der.integer(certificate.serial_number)),
        SHA1,
        SHA1_WITH_RSA,
        der.octet_string(signature),
    )
    octets = _indefinite(CONSTRUCTED_OCTETS, der.octet_string(content))
    attached = b"" if detached else _indefinite(der.context(0), octets)
    certificates = (certificate, *(() if detached else identity.chain))
    encoded = [one.public_bytes(Encoding.DER) for one in certificates]
    data = _indefinite(
        der.SEQUENCE,
        der.integer(1),
        der.set_of(SHA1),
        _indefinite(der.SEQUENCE, der.oid(DATA), attached),
        _indefinite(der.context(0), *encoded),
        _indefinite(der.SET, signer),
    )
    return _indefinite(
        der.SEQUENCE, der.oid(SIGNED_DATA), _indefinite(der.context(0), data)
    )


def _indefinite(tag: int, *parts: bytes) -> bytes:
    return bytes([tag, 0x80]) + b"".join(parts) + END_OF_CONTENTS
