"""The SCEP service: takes requests, issues identities, answers with CertReps.

RFC 8894. A request that can be read at all is answered with a CertRep, FAILURE if need
be, never with an HTTP error: the device then tells its user, and may try again.
"""

import hashlib
import logging

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import transaction
from django.utils import timezone

from devices.models import Enrollment, Identity
from mdmportal.protocol import scep
from mdmportal.protocol.scep import FailInfo

from . import authority
from .models import CertificateAuthority, Challenge, Invitation, digest

logger = logging.getLogger(__name__)

SMALLEST_KEY, LARGEST_KEY = 2048, 8192


class Denied(Exception):
    """A well-formed request that gets no certificate."""

    def __init__(self, fail_info: FailInfo, reason: str) -> None:
        super().__init__(reason)
        self.fail_info = fail_info


def answer(message: bytes) -> bytes:
    """Return the CertRep to a PKIOperation; ProtocolError if it is not even SCEP."""
    try:
        envelope = scep.open_envelope(message)
    except scep.Refused as refused:
        ours = authority.current()
        return _refuse(refused.envelope, refused.fail_info, refused, ours)
    for ours in authority.usable():
        try:
            request = scep.read_request(envelope, ours.x509, ours.key)
        except scep.Refused as refused:
            if refused.fail_info is FailInfo.BAD_CERT_ID:
                continue  # it is for another one
            return _refuse(envelope, refused.fail_info, refused, ours)
        return _answer_as(ours, request)
    reason = "the message is for another CA"
    return _refuse(envelope, FailInfo.BAD_CERT_ID, reason, authority.current())


def _answer_as(ours: CertificateAuthority, request: scep.Request) -> bytes:
    try:
        issued = _issue(ours, request)
    except Denied as denied:
        return _refuse(request, denied.fail_info, denied, ours)
    return scep.success(request, issued, ours.x509, ours.key)


def _refuse(
    to: scep.Envelope | scep.Request,
    fail_info: FailInfo,
    reason: object,
    ours: CertificateAuthority,
) -> bytes:
    logger.warning("SCEP %s: %s", to.transaction_id, reason)
    return scep.failure(to, fail_info, ours.x509, ours.key)


@transaction.atomic
def _issue(ours: CertificateAuthority, request: scep.Request) -> x509.Certificate:
    _check_key(request.csr.public_key())
    challenge = _challenge(request.challenge)
    key = _key_digest(request.csr)
    if challenge.identity is not None:
        return _issued_before(challenge, request, key)
    if challenge.expires_at <= timezone.now():
        raise Denied(FailInfo.BAD_TIME, "the challenge has expired")
    _check_intent(challenge)
    _check_invitation(challenge)
    issued = authority.issue(ours, request.csr.public_key(), challenge.subject)  # type: ignore[arg-type]
    challenge.identity = Identity.keep(issued)
    challenge.transaction_id, challenge.public_key = request.transaction_id, key
    challenge.save(update_fields=["identity", "transaction_id", "public_key"])
    return issued


def _check_invitation(challenge: Challenge) -> None:
    """Refuse one device more than were invited; the row is locked till all is done."""
    if challenge.invitation_id is None:
        return
    rows = Invitation.objects.select_for_update(of=("self",)).select_related("way")
    invitation = rows.get(pk=challenge.invitation_id)
    if reason := invitation.refusal(challenge):
        raise Denied(FailInfo.BAD_REQUEST, f"invitation {invitation.pk}: {reason}")


def _check_intent(challenge: Challenge) -> None:
    """A way in that was closed lets no one in; those who are inside may renew."""
    if challenge.renews is None:
        if not challenge.way.is_enabled:
            raise Denied(FailInfo.BAD_REQUEST, f"{challenge.way} is disabled")
    elif challenge.renews.state == Enrollment.State.ENDED:
        raise Denied(FailInfo.BAD_REQUEST, "the stay to renew has ended")


def _check_key(key: object) -> None:
    if not isinstance(key, rsa.RSAPublicKey):
        raise Denied(FailInfo.BAD_ALG, "the key is not RSA")
    if not SMALLEST_KEY <= key.key_size <= LARGEST_KEY:
        raise Denied(FailInfo.BAD_ALG, f"an RSA key of {key.key_size} bits")


def _challenge(value: str) -> Challenge:
    """Return the challenge, locked: of two requests at once only one is issued.

    Found by its digest, so that no comparison tells how much of a guess was right.
    """
    locked = Challenge.objects.select_for_update(of=("self",)).select_related(
        "way", "identity", "renews"
    )
    found = locked.filter(digest=digest(value)).first()
    if found is None:
        raise Denied(FailInfo.BAD_REQUEST, "the challenge is unknown")
    return found


def _issued_before(
    challenge: Challenge, request: scep.Request, key: str
) -> x509.Certificate:
    """The same transaction for the same key is a retry: our answer was lost."""
    same = challenge.transaction_id == request.transaction_id
    if not same or challenge.public_key != key:
        raise Denied(FailInfo.BAD_REQUEST, "the challenge was used before")
    assert challenge.identity is not None
    return x509.load_der_x509_certificate(bytes(challenge.identity.certificate))


def _key_digest(csr: x509.CertificateSigningRequest) -> str:
    der = csr.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()
