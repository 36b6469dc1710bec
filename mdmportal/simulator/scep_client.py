"""SCEP as a device speaks it: from a payload to an issued certificate. RFC 8894

https://developer.apple.com/documentation/devicemanagement/scep
"""

import base64
import datetime as dt
import hashlib
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import AttributeOID

from mdmportal.protocol import ProtocolError, cms, scep

from .errors import ProfileRefused, ServerRefused
from .identity import Identity, KeyMaker
from .transport import Response, Transport

ABBREVIATIONS = {
    "C": x509.NameOID.COUNTRY_NAME,
    "CN": x509.NameOID.COMMON_NAME,
    "L": x509.NameOID.LOCALITY_NAME,
    "O": x509.NameOID.ORGANIZATION_NAME,
    "OU": x509.NameOID.ORGANIZATIONAL_UNIT_NAME,
    "ST": x509.NameOID.STATE_OR_PROVINCE_NAME,
}
FINGERPRINTS: dict[int, hashes.HashAlgorithm] = {
    16: hashes.MD5(),  # noqa: S303
    20: hashes.SHA1(),  # noqa: S303
    32: hashes.SHA256(),
    64: hashes.SHA512(),
}
"""By length, as the payload does not say which it is."""
DIGESTS = {
    frozenset({"SHA-256", "SCEPSTANDARD"}): cms.Digest.SHA256,
    frozenset({"SHA-512"}): cms.Digest.SHA512,
    frozenset({"SHA-1"}): cms.Digest.SHA1,
}
SIGNING, ENCRYPTION = 1, 4
MESSAGE = "application/x-pki-message"
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Authority:
    """Whom to encrypt to, and what it can do (in upper case)."""

    certificate: x509.Certificate
    capabilities: frozenset[str]

    @property
    def digest(self) -> cms.Digest:
        for names, digest in DIGESTS.items():
            if self.capabilities & names:
                return digest
        raise ProfileRefused("The CA does not have the required capability.")

    @property
    def cipher(self) -> cms.Cipher:
        strong = self.capabilities & {"AES", "SCEPSTANDARD"}
        return cms.Cipher.AES256 if strong else cms.Cipher.TRIPLE_DES


def obtain(
    content: Mapping[str, Any],
    transport: Transport,
    make_key: KeyMaker,
    *,
    substitute: Callable[[str], str] = str,
) -> Identity:
    """Return the identity that a SCEP payload's ``PayloadContent`` describes.

    ``substitute`` fills in what a Mac knows, such as %SerialNumber%. Raises
    ProfileRefused where the CA does not issue, ServerRefused, Unreachable.
    """
    url, name = str(content["URL"]), str(content.get("Name", ""))
    authority = _authority(transport, url, name, content.get("CAFingerprint"))
    key = make_key(int(content.get("Keysize", 1024)))
    subject = _subject(content.get("Subject", []), substitute)
    csr = _request(content, subject, key, substitute)
    signer = _self_signed(subject, key)
    nonce = secrets.token_bytes(16)
    message = scep.pkcs_req(
        csr,
        signer,
        key,
        authority.certificate,
        transaction_id=_transaction_id(key, content),
        nonce=nonce,
        cipher=authority.cipher,
        digest=authority.digest,
    )
    delays = _delays(content)
    while True:
        response = _pki_operation(transport, url, message, authority)
        reply = _read(response, authority, signer, key, nonce)
        if reply.certificate is not None:
            return Identity(reply.certificate, key)
        if reply.status is not scep.Status.PENDING:
            reason = reply.fail_info.name if reply.fail_info else "no reason given"
            raise ProfileRefused(f"The CA does not issue a certificate: {reason}.")
        delay = next(delays, None)
        if delay is None:
            raise ProfileRefused("The CA has not issued a certificate in time.")
        time.sleep(delay)


def _delays(content: Mapping[str, Any]) -> Iterator[float]:
    """The seconds to wait before each further request; the first at once."""
    retries, delay = int(content.get("Retries", 3)), content.get("RetryDelay", 10)
    return (float(delay) if number else 0.0 for number in range(retries))


def _authority(
    transport: Transport, url: str, name: str, fingerprint: bytes | None
) -> Authority:
    response = _get(transport, url, "GetCACert", name)
    if "ca-ra-cert" in response.media_type:
        certificates = cms.read_certificates(response.body)
    else:
        certificates = (x509.load_der_x509_certificate(response.body),)
    if fingerprint and not any(_is(one, fingerprint) for one in certificates):
        raise ProfileRefused("The CA's certificate has not the CAFingerprint.")
    lines = _get(transport, url, "GetCACaps", name).body.decode(errors="replace")
    capabilities = frozenset(lines.upper().split())
    return Authority(_recipient(certificates), capabilities)


def _is(certificate: x509.Certificate, fingerprint: bytes) -> bool:
    algorithm = FINGERPRINTS.get(len(fingerprint))
    return algorithm is not None and certificate.fingerprint(algorithm) == fingerprint


def _recipient(certificates: tuple[x509.Certificate, ...]) -> x509.Certificate:
    """The RA where there is one: not itself a CA, and it may encipher keys."""
    for certificate in certificates:
        if not _is_ca(certificate) and _may_encipher(certificate):
            return certificate
    return certificates[0]


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        constraints = certificate.extensions.get_extension_for_class(
            x509.BasicConstraints
        )
    except x509.ExtensionNotFound:
        return False
    return constraints.value.ca


def _may_encipher(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    except x509.ExtensionNotFound:
        return True
    return usage.value.key_encipherment


def _get(transport: Transport, url: str, operation: str, message: str) -> Response:
    """Append the query without looking for one in the URL: so does Apple's client."""
    full = f"{url}?operation={operation}"
    if message:
        full += f"&message={quote(message, safe='')}"
    return _checked(full, transport.send("GET", full, {}, b""))


def _pki_operation(
    transport: Transport, url: str, message: bytes, authority: Authority
) -> Response:
    if not authority.capabilities & {"POSTPKIOPERATION", "SCEPSTANDARD"}:
        return _get(transport, url, "PKIOperation", base64.b64encode(message).decode())
    full = f"{url}?operation=PKIOperation"
    return _checked(
        full, transport.send("POST", full, {"Content-Type": MESSAGE}, message)
    )


def _checked(url: str, response: Response) -> Response:
    if not response.ok:
        raise ServerRefused(url.split("?")[0], response.status, response.body)
    return response


def _read(
    response: Response,
    authority: Authority,
    signer: x509.Certificate,
    key: rsa.RSAPrivateKey,
    nonce: bytes,
) -> scep.Reply:
    try:
        reply = scep.read_reply(response.body, authority.certificate, signer, key)
    except ProtocolError as error:
        raise ProfileRefused(f"The CA's reply is not valid: {error}.") from error
    if reply.recipient_nonce != nonce:
        raise ProfileRefused("The CA's reply is to another request.")
    return reply


def _transaction_id(key: rsa.RSAPrivateKey, content: Mapping[str, Any]) -> str:
    """The same for the same key and challenge: repeating it opens no second one."""
    public = key.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    challenge = str(content.get("Challenge", "")).encode()
    return hashlib.sha256(public + challenge).hexdigest().upper()


def _subject(names: Any, substitute: Callable[[str], str]) -> x509.Name:
    return x509.Name(
        [
            x509.RelativeDistinguishedName(
                [_attribute(kind, substitute(value)) for kind, value in group]
            )
            for group in names
        ]
    )


def _attribute(kind: str, value: str) -> x509.NameAttribute[str]:
    oid = ABBREVIATIONS.get(kind) or x509.ObjectIdentifier(kind)
    return x509.NameAttribute(oid, value)


def _request(
    content: Mapping[str, Any],
    subject: x509.Name,
    key: rsa.RSAPrivateKey,
    substitute: Callable[[str], str],
) -> x509.CertificateSigningRequest:
    usage = int(content.get("Key Usage", 0)) or SIGNING | ENCRYPTION
    builder = x509.CertificateSigningRequestBuilder(subject).add_extension(
        _key_usage(usage), critical=True
    )
    names = _alternative_names(content.get("SubjectAltName", {}), substitute)
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName(names), critical=False
        )
    if content.get("Challenge"):
        builder = builder.add_attribute(
            AttributeOID.CHALLENGE_PASSWORD, str(content["Challenge"]).encode()
        )
    return builder.sign(key, hashes.SHA256())


def _key_usage(usage: int) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=bool(usage & SIGNING),
        key_encipherment=bool(usage & ENCRYPTION),
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative_names(
    source: Mapping[str, Any], substitute: Callable[[str], str]
) -> list[x509.GeneralName]:
    kinds: dict[str, Callable[[str], x509.GeneralName]] = {
        "rfc822Name": x509.RFC822Name,
        "dNSName": x509.DNSName,
        "uniformResourceIdentifier": x509.UniformResourceIdentifier,
    }
    return [
        kind(substitute(value))
        for name, kind in kinds.items()
        for value in _each(source.get(name, []))
    ]


def _each(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _self_signed(subject: x509.Name, key: rsa.RSAPrivateKey) -> x509.Certificate:
    """What signs the request until there is an issued certificate."""
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder(subject, subject, key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .sign(key, hashes.SHA256())
    )
