"""Uploads: whether a file is what its key asks for; returns the bytes to be sent."""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mdmportal.protocol import ProtocolError, mobileconfig

MAX_UPLOAD = 5 * 1024 * 1024

PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
"""How a PNG and a JPEG begin."""
SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
"""The OID of CMS signed data (RFC 5652, 5.1), in DER; it comes right at the start."""


class Unfit(ValueError):
    """The file is not what the key asks for; says what it should be."""


def _profile(content: bytes) -> bytes:
    try:
        mobileconfig.read(content)
    except ProtocolError as error:
        raise Unfit("This is not a configuration profile, signed or not.") from error
    return content


def _picture(content: bytes) -> bytes:
    if not content.startswith(PICTURES):
        raise Unfit("This is neither a PNG nor a JPEG picture.")
    return content


def _provisioning(content: bytes) -> bytes:
    if content[:1] != b"\x30" or SIGNED_DATA not in content[:32]:
        raise Unfit("This is not a provisioning profile (.mobileprovision).")
    return content


def _certificate(content: bytes) -> bytes:
    """Return it in DER, which devices want; people mostly have PEM."""
    is_text = content.lstrip().startswith(b"-----BEGIN")
    load = x509.load_pem_x509_certificate if is_text else x509.load_der_x509_certificate
    try:
        return load(content).public_bytes(Encoding.DER)
    except ValueError as error:
        raise Unfit("This is not a certificate (.cer or .pem).") from error


CHECKS: Mapping[str, tuple[str, Callable[[bytes], bytes]]] = {
    "Payload": (".mobileconfig", _profile),
    "WiFiProfileData": (".mobileconfig", _profile),
    "MDMProfileData": (".mobileconfig", _profile),
    "Image": ("image/png,image/jpeg", _picture),
    "ProvisioningProfile": (".mobileprovision,.provisionprofile", _provisioning),
    "NewCertificate": (".cer,.crt,.der,.pem", _certificate),
    "ManifestURLPinningCerts": (".cer,.crt,.der,.pem", _certificate),
}
"""By the name of the key: which files are offered, and how one is looked at."""


def to_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def from_base64(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unfit("This is not base64 text.") from error


def accepted(key: str) -> str:
    return CHECKS[key][0] if key in CHECKS else ""


def take(key: str, upload: Any) -> bytes:
    """Return the bytes of an uploaded file for that key; Unfit if it cannot be it."""
    if (upload.size or 0) > MAX_UPLOAD:
        raise Unfit("The file is larger than 5 MB.")
    content: bytes = upload.read()
    if not content:
        raise Unfit("The file is empty.")
    return CHECKS[key][1](content) if key in CHECKS else content
