"""CMS: signed and enveloped messages (RFC 5652), of devices and SCEP clients.

Devices sign every request (``Mdm-Signature``), so ``verify`` is written for speed: it
reads DER in place and remembers the certificates it has met. It tells who signed, never
whether that signer is trusted.
"""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.exceptions import UnsupportedAlgorithm as LibraryRefuses
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import ciphers, hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import Encoding

from . import ProtocolError, der

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class UnsupportedAlgorithm(ProtocolError):
    """An algorithm of the message is unknown, or no longer safe."""


class WrongRecipient(ProtocolError):
    """The message is enveloped for the holders of other certificates."""


class Digest(StrEnum):
    """The hash of a signature. MD5 is refused."""

    SHA1 = "sha1"
    SHA224 = "sha224"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"


class Cipher(StrEnum):
    """The content encryption of an envelope (CBC). DES is read, never written."""

    DES = "des"
    TRIPLE_DES = "des3"
    AES128 = "aes128"
    AES192 = "aes192"
    AES256 = "aes256"


CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"

_DATA: Final = der.oid("1.2.840.113549.1.7.1")
_SIGNED_DATA: Final = der.oid("1.2.840.113549.1.7.2")
_ENVELOPED_DATA: Final = der.oid("1.2.840.113549.1.7.3")
_CONTEXT_0: Final = der.context(0)
_CONTEXT_1: Final = der.context(1)
_PRIMITIVE_0: Final = der.context(0, constructed=False)


def _algorithm(dotted: str, parameters: bytes = der.NULL) -> bytes:
    return der.sequence(der.oid(dotted), parameters)


def _spellings(dotted: str) -> tuple[bytes, bytes]:
    """Return the AlgorithmIdentifier with NULL and without: both occur."""
    return _algorithm(dotted), _algorithm(dotted, b"")


class Hash(NamedTuple):
    """How a digest is computed, and what signatures with it are called."""

    digest: Digest
    compute: Callable[[bytes], Any]
    algorithm: hashes.HashAlgorithm
    oid: str
    with_rsa: str
    with_ec: str


_NIST: Final = "2.16.840.1.101.3.4"
_PKCS1: Final = "1.2.840.113549.1.1"
_X962: Final = "1.2.840.10045"
_RSA: Final = f"{_PKCS1}.1"
_EC: Final = f"{_X962}.2.1"

# fmt: off
_HASHES: Final = {row.digest: row for row in (
    Hash(Digest.SHA1, hashlib.sha1, hashes.SHA1(),  # noqa: S303 - of older devices
         "1.3.14.3.2.26", f"{_PKCS1}.5", f"{_X962}.4.1"),
    Hash(Digest.SHA224, hashlib.sha224, hashes.SHA224(),
         f"{_NIST}.2.4", f"{_PKCS1}.14", f"{_X962}.4.3.1"),
    Hash(Digest.SHA256, hashlib.sha256, hashes.SHA256(),
         f"{_NIST}.2.1", f"{_PKCS1}.11", f"{_X962}.4.3.2"),
    Hash(Digest.SHA384, hashlib.sha384, hashes.SHA384(),
         f"{_NIST}.2.2", f"{_PKCS1}.12", f"{_X962}.4.3.3"),
    Hash(Digest.SHA512, hashlib.sha512, hashes.SHA512(),
         f"{_NIST}.2.3", f"{_PKCS1}.13", f"{_X962}.4.3.4"),
)}
# fmt: on

_DIGEST_ALGORITHMS: Final = {
    spelling: row for row in _HASHES.values() for spelling in _spellings(row.oid)
}
# Some signers name only the type of their key: the hash is then the message digest's.
_SCHEMES: Final[tuple[tuple[str, type[PublicKey], Hash | None], ...]] = (
    (_RSA, rsa.RSAPublicKey, None),
    (_EC, ec.EllipticCurvePublicKey, None),
    *((row.with_rsa, rsa.RSAPublicKey, row) for row in _HASHES.values()),
    *((row.with_ec, ec.EllipticCurvePublicKey, row) for row in _HASHES.values()),
)
_SIGNATURE_ALGORITHMS: Final = {
    spelling: (key_type, hash_)
    for dotted, key_type, hash_ in _SCHEMES
    for spelling in _spellings(dotted)
}
_PADDING: Final = padding.PKCS1v15()
_RSA_BITS: Final = range(1024, 8192 + 1)


# Certificates


class _Known(NamedTuple):
    """A certificate, with what a signature is checked by."""

    certificate: x509.Certificate
    key: PublicKey | None
    issuer_and_serial: bytes


_CERTIFICATES_KEPT: Final = 8192  # of some 4 KB each
_CERTIFICATE_SIZE_KEPT: Final = 4096


def _known(encoded: bytes) -> _Known:
    """Return a certificate. Only those of usual size are kept, to bound the memory."""
    if len(encoded) > _CERTIFICATE_SIZE_KEPT:
        return _load(encoded)
    return _keep(encoded)


def _load(encoded: bytes) -> _Known:
    try:
        certificate = x509.load_der_x509_certificate(encoded)
    except (ValueError, x509.InvalidVersion):
        raise ProtocolError("CMS: malformed certificate") from None
    return _Known(certificate, public_key(certificate), _issuer_and_serial(encoded))


_keep = lru_cache(maxsize=_CERTIFICATES_KEPT)(_load)


def public_key(
    holder: x509.Certificate | x509.CertificateSigningRequest,
) -> PublicKey | None:
    """Return the key, or None if it is of a kind or size which is not supported."""
    try:
        key = holder.public_key()
    except (ValueError, LibraryRefuses):
        return None
    if isinstance(key, rsa.RSAPublicKey):
        return key if key.key_size in _RSA_BITS else None
    return key if isinstance(key, ec.EllipticCurvePublicKey) else None


def _issuer_and_serial(encoded: bytes) -> bytes:
    """Return the content of the IssuerAndSerialNumber that names a certificate."""
    body = der.Reader(encoded).enter(der.SEQUENCE).enter(der.SEQUENCE)
    if body.tag == _CONTEXT_0:
        body.skip(_CONTEXT_0)  # version
    serial = body.raw(der.INTEGER)
    body.skip(der.SEQUENCE)  # signature algorithm
    return body.raw(der.SEQUENCE) + serial


def _key_identifier(certificate: x509.Certificate) -> bytes | None:
    try:
        extension = certificate.extensions.get_extension_for_class(
            x509.SubjectKeyIdentifier
        )
    except (
        ValueError,
        x509.ExtensionNotFound,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    ):
        return None
    return extension.value.digest


def _encoded(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


# Signed messages


@dataclass(frozen=True)
class Signed:
    """A message whose signature is right.

    ``attributes`` are the signed ones: dotted OID to the DER of the (first) value.
    """

    signer: x509.Certificate
    certificates: tuple[x509.Certificate, ...]
    content: bytes
    attributes: Mapping[str, bytes]
    digest: Digest


class Unverified(NamedTuple):
    """A message as it was read. Rely on nothing in it before ``verify``."""

    signer: x509.Certificate
    key: PublicKey | None
    certificates: tuple[x509.Certificate, ...]
    content: bytes
    content_type: bytes
    attributes: Mapping[str, bytes]
    signed_attributes: bytes
    digest_algorithm: bytes
    signature_algorithm: bytes
    signature: bytes

    def verify(self) -> Signed:
        """Return the message, if its digest and its signature are right.

        Raises UnsupportedAlgorithm where they cannot be computed.
        """
        hash_ = _DIGEST_ALGORITHMS.get(self.digest_algorithm)
        if hash_ is None:
            raise UnsupportedAlgorithm("CMS: unsupported message digest")
        signed = self.content
        if self.signed_attributes:
            self._check_attributes(hash_.compute(self.content).digest())
            # Signed as the SET that they are, not as the [0] they are sent as.
            signed = b"\x31" + self.signed_attributes[1:]
        check_signature(
            self.key, self.signature_algorithm, self.signature, signed, hash_
        )
        return Signed(
            self.signer, self.certificates, self.content, self.attributes, hash_.digest
        )

    def _check_attributes(self, digest: bytes) -> None:
        if self.attributes.get(CONTENT_TYPE) != self.content_type:
            raise ProtocolError("CMS: wrong content type")
        if self.attributes.get(MESSAGE_DIGEST) != der.octet_string(digest):
            raise ProtocolError("CMS: wrong message digest")


def check_signature(
    key: PublicKey | None,
    algorithm: bytes,
    signature: bytes,
    signed: bytes,
    message_digest: Hash | None = None,
) -> None:
    """Raise ProtocolError unless ``signature`` of ``signed`` was made with the key.

    ``algorithm`` is a whole AlgorithmIdentifier; ``message_digest`` must be its hash,
    and is it where the algorithm names none. UnsupportedAlgorithm if it is unknown.
    """
    scheme = _SIGNATURE_ALGORITHMS.get(algorithm)
    if scheme is None or key is None:
        raise UnsupportedAlgorithm("CMS: unsupported signature algorithm or key")
    key_type, named = scheme
    hash_ = named or message_digest
    if hash_ is None:
        raise UnsupportedAlgorithm("CMS: the hash of the signature is not named")
    if message_digest not in (None, hash_) or not isinstance(key, key_type):
        raise ProtocolError("CMS: the algorithms of the signature disagree")
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, _PADDING, hash_.algorithm)
        else:
            key.verify(signature, signed, ec.ECDSA(hash_.algorithm))
    except InvalidSignature:
        raise ProtocolError("CMS: wrong signature") from None
    except (ValueError, LibraryRefuses):
        raise UnsupportedAlgorithm("CMS: unsupported signature") from None


def is_issued_by(certificate: x509.Certificate, issuer: PublicKey) -> bool:
    """Whether the holder of this key signed the certificate; dates do not count.

    By hand, for the library refuses SHA-1: older servers signed with it, and Apple's
    authority for devices still does.
    """
    outer = der.Reader(_encoded(certificate)).enter(der.SEQUENCE)
    signed, algorithm = outer.raw(der.SEQUENCE), outer.raw(der.SEQUENCE)
    try:
        check_signature(issuer, algorithm, certificate.signature, signed)
    except ProtocolError:
        return False
    return True


def verify(message: bytes, content: bytes | None = None) -> Signed:
    """Return the SignedData ``message`` (DER or BER) of one signer.

    ``content`` is what a detached signature signs, None where the message holds it.
    ProtocolError unless digest and signature are right. Whether the signer is trusted,
    and its certificate still valid, is for the caller to say. RFC 5652, section 5.
    """
    return parse(message, content).verify()


def parse(message: bytes, content: bytes | None = None) -> Unverified:
    """Return the SignedData ``message``, read and not verified."""
    data = _open(message, _SIGNED_DATA)
    data.skip(der.SET)  # digest algorithms
    content_type, attached = _read_content(data.enter(der.SEQUENCE))
    known = _read_certificates(data)
    signers = data.enter(der.SET)
    data.done()
    if (attached is None) == (content is None):
        raise ProtocolError("CMS: the content is either attached or given apart")
    signer = signers.enter(der.SEQUENCE)
    signers.done()  # exactly one: nobody could say which of several is meant
    return _read_signer(signer, known, content_type, attached or content or b"")


def _open(message: bytes, content_type: bytes) -> der.Reader:
    """Return what follows the version in a ContentInfo of this type."""
    outer = der.Reader(der.definite(message))
    info = outer.enter(der.SEQUENCE)
    outer.done()
    if info.raw(der.OBJECT_IDENTIFIER) != content_type:
        raise ProtocolError("CMS: another type of message")
    explicit = info.enter(_CONTEXT_0)
    data = explicit.enter(der.SEQUENCE)
    data.skip(der.INTEGER)
    return data


def _read_content(info: der.Reader) -> tuple[bytes, bytes | None]:
    content_type = info.raw(der.OBJECT_IDENTIFIER)
    if not info.tag:
        return content_type, None
    return content_type, info.enter(_CONTEXT_0).octets()


def _read_certificates(data: der.Reader) -> list[_Known]:
    known = []
    if data.tag == _CONTEXT_0:
        certificates = data.enter(_CONTEXT_0)
        while certificates.tag:
            encoded = certificates.raw(certificates.tag)
            if encoded[0] == der.SEQUENCE:  # no attribute certificate
                known.append(_known(encoded))
    if data.tag == _CONTEXT_1:
        data.skip(_CONTEXT_1)  # revocation lists
    return known


def _read_signer(
    info: der.Reader, known: list[_Known], content_type: bytes, content: bytes
) -> Unverified:
    info.skip(der.INTEGER)  # version
    signer = _find_signer(info, known)
    digest_algorithm = info.raw(der.SEQUENCE)
    signed_attributes = info.raw(_CONTEXT_0) if info.tag == _CONTEXT_0 else b""
    signature_algorithm = info.raw(der.SEQUENCE)
    signature = info.octets()
    if info.tag == _CONTEXT_1:
        info.skip(_CONTEXT_1)  # unsigned attributes
    info.done()
    return Unverified(
        signer.certificate,
        signer.key,
        tuple([one.certificate for one in known]),
        content,
        content_type,
        read_attributes(signed_attributes) if signed_attributes else {},
        signed_attributes,
        digest_algorithm,
        signature_algorithm,
        signature,
    )


def _find_signer(info: der.Reader, known: list[_Known]) -> _Known:
    if info.tag == der.SEQUENCE:
        name = info.read(der.SEQUENCE)
        matching = [one for one in known if one.issuer_and_serial == name]
    else:
        name = info.octets(_PRIMITIVE_0)
        matching = [one for one in known if _key_identifier(one.certificate) == name]
    if not matching:
        raise ProtocolError("CMS: the signer's certificate is missing")
    return matching[0]


def read_attributes(encoded: bytes) -> dict[str, bytes]:
    """Return the Attributes in a ``[0]``: dotted OID to the DER of the first value."""
    attributes: dict[str, bytes] = {}
    reader = der.Reader(encoded).enter(_CONTEXT_0)
    while reader.tag:
        attribute = reader.enter(der.SEQUENCE)
        name = der.dotted(attribute.read(der.OBJECT_IDENTIFIER))
        values = attribute.enter(der.SET)
        attribute.done()
        if name in attributes:
            raise ProtocolError("CMS: repeated attribute")
        attributes[name] = values.raw(values.tag)
        if values.tag and name in (CONTENT_TYPE, MESSAGE_DIGEST):
            raise ProtocolError("CMS: attribute of several values")
    return attributes


def sign(
    content: bytes,
    certificate: x509.Certificate,
    key: PrivateKey,
    *,
    detached: bool = False,
    certificates: Sequence[x509.Certificate] = (),
    attributes: Mapping[str, bytes] | None = None,
    digest: Digest = Digest.SHA256,
) -> bytes:
    """Return a SignedData of ``content`` in DER, the signer's certificate included.

    ``certificates`` are sent along; ``attributes`` (dotted OID to DER value) are signed
    beside the content type and the message digest.
    """
    row = _HASHES[digest]
    signed_attributes = {
        CONTENT_TYPE: _DATA,
        MESSAGE_DIGEST: der.octet_string(row.compute(content).digest()),
        **(attributes or {}),
    }
    to_sign = der.set_of(
        *(
            der.sequence(der.oid(name), der.tlv(der.SET, value))
            for name, value in signed_attributes.items()
        )
    )
    algorithm, signature = _signature(to_sign, key, row)
    signer = der.sequence(
        der.integer(1),
        der.tlv(der.SEQUENCE, _known(_encoded(certificate)).issuer_and_serial),
        _algorithm(row.oid),
        b"\xa0" + to_sign[1:],
        algorithm,
        der.octet_string(signature),
    )
    attached = b"" if detached else der.explicit(0, der.octet_string(content))
    return _signed_data(
        (_algorithm(row.oid),), attached, (certificate, *certificates), (signer,)
    )


def _signature(content: bytes, key: PrivateKey, row: Hash) -> tuple[bytes, bytes]:
    """Return the AlgorithmIdentifier and the signature."""
    if isinstance(key, rsa.RSAPrivateKey):
        return _algorithm(_RSA), key.sign(content, _PADDING, row.algorithm)
    return _algorithm(row.with_ec, b""), key.sign(content, ec.ECDSA(row.algorithm))


def _signed_data(
    algorithms: Sequence[bytes],
    attached: bytes,
    certificates: Sequence[x509.Certificate],
    signers: Sequence[bytes],
) -> bytes:
    return _content_info(
        _SIGNED_DATA,
        der.integer(1),
        der.set_of(*algorithms),
        der.sequence(_DATA, attached),
        der.explicit(0, *map(_encoded, certificates)),
        der.set_of(*signers),
    )


def _content_info(content_type: bytes, *parts: bytes) -> bytes:
    return der.sequence(content_type, der.explicit(0, der.sequence(*parts)))


def certificates_only(certificates: Sequence[x509.Certificate]) -> bytes:
    """Return a SignedData nobody signed, which carries certificates in this order."""
    return _signed_data((), b"", certificates, ())


def read_certificates(message: bytes) -> tuple[x509.Certificate, ...]:
    """Return the certificates in a SignedData, whose signature is not looked at."""
    data = _open(message, _SIGNED_DATA)
    data.skip(der.SET)
    data.skip(der.SEQUENCE)
    return tuple(known.certificate for known in _read_certificates(data))


# Enveloped messages


@dataclass(frozen=True)
class Decrypted:
    """The content of an envelope, and how it was encrypted."""

    content: bytes
    cipher: Cipher


class _Suite(NamedTuple):
    cipher: Cipher
    oid: bytes
    key_size: int  # octets
    block_size: int  # octets
    algorithm: Callable[[bytes], ciphers.BlockCipherAlgorithm]


def _single_des(key: bytes) -> TripleDES:
    return TripleDES(key * 3)


_SUITES: Final = (
    _Suite(Cipher.DES, der.oid("1.3.14.3.2.7"), 8, 8, _single_des),
    _Suite(Cipher.TRIPLE_DES, der.oid("1.2.840.113549.3.7"), 24, 8, TripleDES),
    _Suite(Cipher.AES128, der.oid(f"{_NIST}.1.2"), 16, 16, AES),
    _Suite(Cipher.AES192, der.oid(f"{_NIST}.1.22"), 24, 16, AES),
    _Suite(Cipher.AES256, der.oid(f"{_NIST}.1.42"), 32, 16, AES),
)
_SUITE_OF: Final = {suite.cipher: suite for suite in _SUITES}
_SUITE_NAMED: Final = {suite.oid: suite for suite in _SUITES}


def encrypt(
    content: bytes, recipient: x509.Certificate, cipher: Cipher = Cipher.AES256
) -> bytes:
    """Return an EnvelopedData in DER for the holder of an RSA certificate.

    RFC 5652, section 6, with the key transport of RFC 3370 (RSA PKCS #1 v1.5).
    """
    suite, known = _SUITE_OF[cipher], _known(_encoded(recipient))
    if cipher is Cipher.DES or not isinstance(known.key, rsa.RSAPublicKey):
        raise UnsupportedAlgorithm("CMS: cannot encrypt so")
    key, vector = os.urandom(suite.key_size), os.urandom(suite.block_size)
    padder = PKCS7(suite.block_size * 8).padder()
    padded = padder.update(content) + padder.finalize()
    encryptor = ciphers.Cipher(suite.algorithm(key), CBC(vector)).encryptor()
    transport = der.sequence(
        der.integer(0),
        der.tlv(der.SEQUENCE, known.issuer_and_serial),
        _algorithm(_RSA),
        der.octet_string(known.key.encrypt(key, _PADDING)),
    )
    encrypted = der.sequence(
        _DATA,
        der.sequence(suite.oid, der.octet_string(vector)),
        der.tlv(_PRIMITIVE_0, encryptor.update(padded) + encryptor.finalize()),
    )
    return _content_info(
        _ENVELOPED_DATA, der.integer(0), der.set_of(transport), encrypted
    )


def decrypt(
    message: bytes, certificate: x509.Certificate, key: rsa.RSAPrivateKey
) -> Decrypted:
    """Return the content of the EnvelopedData ``message`` (DER or BER).

    Raises WrongRecipient, UnsupportedAlgorithm, and for whatever goes wrong after these
    one same ProtocolError: to tell a wrong key from wrong padding would help to guess.
    """
    data = _open(message, _ENVELOPED_DATA)
    if data.tag == _CONTEXT_0:
        data.skip(_CONTEXT_0)  # originator
    wrapped = _find_wrapped_key(data.enter(der.SET), certificate)
    suite, vector, encrypted = _read_encrypted(data.enter(der.SEQUENCE))
    if data.tag == _CONTEXT_1:
        data.skip(_CONTEXT_1)  # unprotected attributes
    data.done()
    try:
        secret = _unwrap(wrapped, key, suite.key_size)
        content = _decrypt(suite, secret, vector, encrypted)
    except ValueError:
        raise ProtocolError("CMS: the envelope does not decrypt") from None
    return Decrypted(content, suite.cipher)


def _find_wrapped_key(recipients: der.Reader, certificate: x509.Certificate) -> bytes:
    while recipients.tag:
        if recipients.tag != der.SEQUENCE:
            recipients.skip(recipients.tag)  # another way than key transport
            continue
        recipient = recipients.enter(der.SEQUENCE)
        recipient.skip(der.INTEGER)
        if _is_named(recipient, certificate):
            if recipient.raw(der.SEQUENCE) not in _spellings(_RSA):
                raise UnsupportedAlgorithm("CMS: unsupported key transport")
            return recipient.octets()
    raise WrongRecipient("CMS: enveloped for somebody else")


def _is_named(recipient: der.Reader, certificate: x509.Certificate) -> bool:
    if recipient.tag == der.SEQUENCE:
        name = recipient.read(der.SEQUENCE)
        return name == _known(_encoded(certificate)).issuer_and_serial
    return recipient.octets(_PRIMITIVE_0) == _key_identifier(certificate)


def _read_encrypted(info: der.Reader) -> tuple[_Suite, bytes, bytes]:
    info.skip(der.OBJECT_IDENTIFIER)
    algorithm = info.enter(der.SEQUENCE)
    suite = _SUITE_NAMED.get(algorithm.raw(der.OBJECT_IDENTIFIER))
    if suite is None:
        raise UnsupportedAlgorithm("CMS: unsupported cipher")
    vector = algorithm.octets()
    encrypted = info.octets(_PRIMITIVE_0)
    info.done()
    return suite, vector, encrypted


def _unwrap(wrapped: bytes, key: rsa.RSAPrivateKey, size: int) -> bytes:
    """Return the content key, or a random one (RFC 3218, section 2.3.2)."""
    try:
        secret = key.decrypt(wrapped, _PADDING)
    except ValueError:
        secret = b""
    return secret if len(secret) == size else os.urandom(size)


def _decrypt(suite: _Suite, secret: bytes, vector: bytes, encrypted: bytes) -> bytes:
    decryptor = ciphers.Cipher(suite.algorithm(secret), CBC(vector)).decryptor()
    padded = decryptor.update(encrypted) + decryptor.finalize()
    unpadder = PKCS7(suite.block_size * 8).unpadder()
    return unpadder.update(padded) + unpadder.finalize()
