"""SCEP: how a device gets its certificate (RFC 8894), both halves of the conversation.

A request is signed by the device and enveloped for the CA, a reply the other way round.
The CA signs and decrypts with its own RSA key: it is its own registration authority.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from . import ProtocolError, cms, der
from .cms import Cipher, Digest

CAPABILITIES: Final = (
    "POSTPKIOperation",
    "SCEPStandard",
    "AES",
    "DES3",
    "SHA-1",
    "SHA-256",
    # Not a keyword of RFC 8894. strongSwan 5.9.8 takes it for AES and SCEPStandard, as
    # it tests the wrong bits, and enrolls nowhere without it.
    "SHA-384",
    "SHA-512",
)
"""What GetCACaps answers, one to a line (RFC 8894, section 3.5.2)."""


class MessageType(StrEnum):
    """What a message is (RFC 8894, section 3.2.1.2)."""

    CERT_REP = "3"
    RENEWAL_REQ = "17"
    PKCS_REQ = "19"


class Status(StrEnum):
    """How a request ended (RFC 8894, section 3.2.1.3)."""

    SUCCESS = "0"
    FAILURE = "2"
    PENDING = "3"


class FailInfo(StrEnum):
    """Why a request failed (RFC 8894, section 3.2.1.4)."""

    BAD_ALG = "0"
    BAD_MESSAGE_CHECK = "1"
    BAD_REQUEST = "2"
    BAD_TIME = "3"
    BAD_CERT_ID = "4"


_VERISIGN: Final = "2.16.840.1.113733.1.9"
MESSAGE_TYPE: Final = f"{_VERISIGN}.2"
PKI_STATUS: Final = f"{_VERISIGN}.3"
FAIL_INFO: Final = f"{_VERISIGN}.4"
SENDER_NONCE: Final = f"{_VERISIGN}.5"
RECIPIENT_NONCE: Final = f"{_VERISIGN}.6"
TRANSACTION_ID: Final = f"{_VERISIGN}.7"

_CHALLENGE: Final = "1.2.840.113549.1.9.7"
_REQUESTS: Final = (MessageType.PKCS_REQ, MessageType.RENEWAL_REQ)
_TRANSACTION_ID_MAX: Final = 255
_CHALLENGE_MAX: Final = 255
_NONCE_SIZE: Final = 16
_NONCE_MAX: Final = 64  # RFC 8894 says 16 octets, but macOS sends 8


@dataclass(frozen=True)
class Envelope:
    """A SCEP message whose signature is right; what it carries is still encrypted."""

    message_type: str
    transaction_id: str
    sender_nonce: bytes
    signer: x509.Certificate
    content: bytes
    digest: Digest


@dataclass(frozen=True)
class Request:
    """A certificate request. ``challenge`` is "" where none was given.

    The signer of a PKCSReq holds the key of ``csr``. That of a RenewalReq holds the key
    of ``signer``, an earlier certificate which the caller has to recognise.
    """

    message_type: MessageType
    transaction_id: str
    sender_nonce: bytes
    signer: x509.Certificate
    csr: x509.CertificateSigningRequest
    challenge: str
    cipher: Cipher
    digest: Digest


class Refused(ProtocolError):
    """A SCEP message which gets a ``failure`` in answer."""

    def __init__(self, envelope: Envelope, fail_info: FailInfo, reason: str) -> None:
        super().__init__(f"SCEP: {reason}")
        self.envelope = envelope
        self.fail_info = fail_info


# The server's half


def open_envelope(message: bytes) -> Envelope:
    """Return the SCEP message in ``message`` (the body of a PKIOperation).

    Raises Refused if its signature is wrong (BAD_MESSAGE_CHECK) or in an algorithm
    which is not supported (BAD_ALG), plain ProtocolError if it is no SCEP message.
    """
    unverified = cms.parse(message)
    try:
        digest = unverified.verify().digest
    except cms.UnsupportedAlgorithm as error:
        envelope = _envelope(unverified, Digest.SHA256)
        raise Refused(envelope, FailInfo.BAD_ALG, str(error)) from None
    except ProtocolError as error:
        envelope = _envelope(unverified, Digest.SHA256)
        raise Refused(envelope, FailInfo.BAD_MESSAGE_CHECK, str(error)) from None
    return _envelope(unverified, digest)


def _envelope(message: cms.Unverified, digest: Digest) -> Envelope:
    transaction_id = _text(message.attributes, TRANSACTION_ID)
    if not 0 < len(transaction_id) <= _TRANSACTION_ID_MAX:
        raise ProtocolError("SCEP: transactionID of unusual length")
    if not (transaction_id.isascii() and transaction_id.isprintable()):
        raise ProtocolError("SCEP: transactionID is not printable")
    return Envelope(
        _text(message.attributes, MESSAGE_TYPE),
        transaction_id,
        _nonce(message.attributes, SENDER_NONCE),
        message.signer,
        message.content,
        digest,
    )


def _attribute(attributes: Mapping[str, bytes], name: str) -> bytes:
    if name not in attributes:
        raise ProtocolError("SCEP: an attribute is missing")
    return attributes[name]


def _text(attributes: Mapping[str, bytes], name: str) -> str:
    return der.text(_attribute(attributes, name))


def _nonce(attributes: Mapping[str, bytes], name: str) -> bytes:
    nonce = der.Reader(_attribute(attributes, name)).octets()
    if not 0 < len(nonce) <= _NONCE_MAX:
        raise ProtocolError("SCEP: nonce of unusual length")
    return nonce


def read_request(
    envelope: Envelope, certificate: x509.Certificate, key: rsa.RSAPrivateKey
) -> Request:
    """Return the certificate request in an envelope for the CA's ``certificate``.

    Raises Refused: BAD_REQUEST for messages of another type, BAD_CERT_ID where the
    envelope is for another CA, BAD_ALG, and BAD_MESSAGE_CHECK for all that may come of
    a wrong key, so that the answers tell nothing of the decrypted content.
    """
    if envelope.message_type not in _REQUESTS:
        raise Refused(envelope, FailInfo.BAD_REQUEST, "unsupported messageType")
    decrypted, csr = _read_csr(envelope, certificate, key)
    if envelope.message_type == MessageType.PKCS_REQ:
        _check_signer_holds_key(envelope, csr)
    return Request(
        MessageType(envelope.message_type),
        envelope.transaction_id,
        envelope.sender_nonce,
        envelope.signer,
        csr,
        _challenge(envelope, csr),
        decrypted.cipher,
        envelope.digest,
    )


def _read_csr(
    envelope: Envelope, certificate: x509.Certificate, key: rsa.RSAPrivateKey
) -> tuple[cms.Decrypted, x509.CertificateSigningRequest]:
    if not isinstance(cms.public_key(envelope.signer), rsa.RSAPublicKey):
        reason = "a reply can be encrypted for RSA keys only"
        raise Refused(envelope, FailInfo.BAD_ALG, reason)
    try:
        decrypted = cms.decrypt(envelope.content, certificate, key)
    except cms.WrongRecipient as error:
        raise Refused(envelope, FailInfo.BAD_CERT_ID, str(error)) from None
    except cms.UnsupportedAlgorithm as error:
        raise Refused(envelope, FailInfo.BAD_ALG, str(error)) from None
    except ProtocolError:
        raise _unreadable(envelope) from None
    try:
        return decrypted, load_csr(decrypted.content)
    except ProtocolError:
        raise _unreadable(envelope) from None


def _unreadable(envelope: Envelope) -> Refused:
    """Return the refusal for a wrong key, wrong padding and a wrong CSR alike."""
    reason = "no certificate request can be decrypted"
    return Refused(envelope, FailInfo.BAD_MESSAGE_CHECK, reason)


def load_csr(encoded: bytes) -> x509.CertificateSigningRequest:
    """Return a PKCS #10 request (RFC 2986) whose signature is right.

    The signature is checked here because the library refuses SHA-1, and older devices
    know nothing else.
    """
    try:
        csr = x509.load_der_x509_csr(encoded)
    except (ValueError, x509.InvalidVersion):
        raise ProtocolError("malformed certificate request") from None
    outer = der.Reader(encoded).enter(der.SEQUENCE)
    signed = outer.raw(der.SEQUENCE)
    algorithm = outer.raw(der.SEQUENCE)
    cms.check_signature(cms.public_key(csr), algorithm, csr.signature, signed)
    return csr


def _check_signer_holds_key(
    envelope: Envelope, csr: x509.CertificateSigningRequest
) -> None:
    if envelope.signer.public_key() != csr.public_key():
        reason = "signed by another key than the requested one"
        raise Refused(envelope, FailInfo.BAD_MESSAGE_CHECK, reason)


def _challenge(envelope: Envelope, csr: x509.CertificateSigningRequest) -> str:
    try:
        challenge = _read_challenge(csr.tbs_certrequest_bytes)
    except ProtocolError:
        reason = "malformed attributes of the certificate request"
        raise Refused(envelope, FailInfo.BAD_REQUEST, reason) from None
    if len(challenge) > _CHALLENGE_MAX:
        raise Refused(envelope, FailInfo.BAD_REQUEST, "challengePassword too long")
    return challenge


def _read_challenge(encoded: bytes) -> str:
    info = der.Reader(encoded).enter(der.SEQUENCE)
    for tag in (der.INTEGER, der.SEQUENCE, der.SEQUENCE):
        info.skip(tag)  # version, subject, public key
    attributes = cms.read_attributes(info.raw(info.tag)) if info.tag else {}
    value = attributes.get(_CHALLENGE)
    return "" if value is None else der.text(value)


def success(
    request: Request,
    issued: x509.Certificate,
    certificate: x509.Certificate,
    key: rsa.RSAPrivateKey,
) -> bytes:
    """Return the CertRep which hands over ``issued``, signed by the CA.

    It uses the algorithms of the request, which the requester knows for sure; only DES
    gives way to 3DES.
    """
    cipher = Cipher.TRIPLE_DES if request.cipher is Cipher.DES else request.cipher
    content = cms.encrypt(cms.certificates_only([issued]), request.signer, cipher)
    return _cert_rep(request, Status.SUCCESS, {}, content, certificate, key)


def failure(
    envelope: Envelope | Request,
    fail_info: FailInfo,
    certificate: x509.Certificate,
    key: rsa.RSAPrivateKey,
) -> bytes:
    """Return the CertRep which refuses a request.

    Its content is there and empty: clients built on OpenSSL verify no absent content.
    """
    extra = {FAIL_INFO: der.printable(fail_info)}
    return _cert_rep(envelope, Status.FAILURE, extra, b"", certificate, key)


def _cert_rep(
    to: Envelope | Request,
    status: Status,
    extra: Mapping[str, bytes],
    content: bytes,
    certificate: x509.Certificate,
    key: rsa.RSAPrivateKey,
) -> bytes:
    attributes = {
        MESSAGE_TYPE: der.printable(MessageType.CERT_REP),
        PKI_STATUS: der.printable(status),
        TRANSACTION_ID: der.printable(to.transaction_id),
        RECIPIENT_NONCE: der.octet_string(to.sender_nonce),
        SENDER_NONCE: der.octet_string(os.urandom(_NONCE_SIZE)),
        **extra,
    }
    return cms.sign(content, certificate, key, attributes=attributes, digest=to.digest)


# The device's half

_Member = TypeVar("_Member", Status, FailInfo)


@dataclass(frozen=True)
class Reply:
    """What the CA answered. ``certificate`` comes with SUCCESS, ``fail_info`` else."""

    status: Status
    fail_info: FailInfo | None
    certificate: x509.Certificate | None
    recipient_nonce: bytes
    transaction_id: str


def pkcs_req(
    csr: x509.CertificateSigningRequest,
    signer_certificate: x509.Certificate,
    signer_key: rsa.RSAPrivateKey,
    ca_certificate: x509.Certificate,
    *,
    transaction_id: str,
    nonce: bytes,
    cipher: Cipher = Cipher.AES256,
    message_type: MessageType = MessageType.PKCS_REQ,
    digest: Digest = Digest.SHA256,
) -> bytes:
    """Return the request for a certificate, as posted with PKIOperation."""
    content = cms.encrypt(csr.public_bytes(Encoding.DER), ca_certificate, cipher)
    attributes = {
        MESSAGE_TYPE: der.printable(message_type),
        TRANSACTION_ID: der.printable(transaction_id),
        SENDER_NONCE: der.octet_string(nonce),
    }
    return cms.sign(
        content, signer_certificate, signer_key, attributes=attributes, digest=digest
    )


def read_reply(
    message: bytes,
    ca_certificate: x509.Certificate,
    certificate: x509.Certificate,
    key: rsa.RSAPrivateKey,
) -> Reply:
    """Return the CertRep in ``message``, signed by the CA.

    ``certificate`` and ``key`` signed the request: the reply is encrypted for them.
    """
    signed = cms.verify(message)
    if signed.signer != ca_certificate:
        raise ProtocolError("SCEP: not signed by the CA")
    attributes = signed.attributes
    if _text(attributes, MESSAGE_TYPE) != MessageType.CERT_REP:
        raise ProtocolError("SCEP: not a reply")
    status = _member(Status, _text(attributes, PKI_STATUS))
    failed, succeeded = status is Status.FAILURE, status is Status.SUCCESS
    return Reply(
        status,
        _member(FailInfo, _text(attributes, FAIL_INFO)) if failed else None,
        _read_issued(signed.content, certificate, key) if succeeded else None,
        _nonce(attributes, RECIPIENT_NONCE),
        _text(attributes, TRANSACTION_ID),
    )


def _member(kind: type[_Member], value: str) -> _Member:
    try:
        return kind(value)
    except ValueError:
        raise ProtocolError(f"SCEP: unknown {kind.__name__}") from None


def _read_issued(
    content: bytes, certificate: x509.Certificate, key: rsa.RSAPrivateKey
) -> x509.Certificate:
    """Return the first certificate: a chain may follow."""
    decrypted = cms.decrypt(content, certificate, key)
    certificates = cms.read_certificates(decrypted.content)
    if not certificates:
        raise ProtocolError("SCEP: no certificate in the reply")
    return certificates[0]
