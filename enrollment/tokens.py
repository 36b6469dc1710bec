"""Tokens: what GetToken is answered with, by which Apple's services believe a device.

For com.apple.maid it is a JWT, signed with the key whose certificate was uploaded to
Apple Business Manager: a Managed Apple Account can then be used on managed devices
alone.
https://developer.apple.com/documentation/devicemanagement/get-token
"""

import datetime as dt
import logging
import uuid

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from django.conf import settings
from django.utils import timezone

from devices.authentication import Caller
from mdmportal.protocol import ProtocolError, checkin

from . import authority
from .models import BusinessKey

logger = logging.getLogger(__name__)

MAID = "com.apple.maid"
LIFE = dt.timedelta(days=5 * 365)


def get_token(caller: Caller, message: checkin.GetToken) -> bytes:
    """Return a token for the service; ProtocolError where there is none to give."""
    if not caller.is_enrolled:
        raise ProtocolError("GetToken before enrollment is complete")
    if message.service_type != MAID:
        raise ProtocolError(f"no token for {message.service_type[:64]!r} is given here")
    key = BusinessKey.in_use()
    if key is None:
        raise ProtocolError(
            f"no token for {MAID}: add an Apple Business Manager key, and the UUID of "
            "the server there"
        )
    logger.info("enrollment %s got a token for %s", caller.enrollment_id, MAID)
    return checkin.token_data(make(key, MAID).encode())


def make(key: BusinessKey, service_type: str) -> str:
    """Return a token, good for one time."""
    claims = {
        "iss": str(key.server_uuid).upper(),
        "iat": int(timezone.now().timestamp()),
        "jti": str(uuid.uuid4()).upper(),
        "service_type": service_type,
    }
    return jwt.encode(claims, key.key, algorithm="RS256")


def new_key(name: str) -> BusinessKey:
    """Return a key, not saved yet, with a certificate to upload, signed by itself."""
    private = authority.new_key()
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, settings.ORGANIZATION[:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, name[:64]),
        ]
    )
    now = timezone.now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - authority.BACKDATED)
        .not_valid_after(now + LIFE)
        .sign(private, hashes.SHA256())
    )
    return BusinessKey(
        name=name,
        certificate=certificate.public_bytes(Encoding.DER),
        private_key=private.private_bytes(
            Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
        ),
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        not_after=certificate.not_valid_after_utc,
    )
