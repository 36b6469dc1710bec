"""SCEP: a device asks, the CA answers, and each refuses what it must."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import AttributeOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from mdmportal.protocol import ProtocolError, cms, der, scep
from mdmportal.protocol.cms import Cipher, Digest
from mdmportal.protocol.scep import FailInfo, MessageType, Status

from ..captures import capture
from .test_cms import indefinite

CLOCK = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
NONCE = bytes(range(16))
CHALLENGE = "1.2.840.113549.1.9.7"
SHA1_WITH_RSA = "1.2.840.113549.1.1.5"
SHA256_WITH_RSA = "1.2.840.113549.1.1.11"
RSA_OF = {SHA1_WITH_RSA: hashes.SHA1(), SHA256_WITH_RSA: hashes.SHA256()}

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def ca_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def other_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@cache
def certificate(
    subject: str, of: PrivateKey, issuer: str, by: PrivateKey
) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(of.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(CLOCK)
        .not_valid_after(CLOCK + dt.timedelta(days=365))
        .sign(by, hashes.SHA256())
    )


def ca() -> x509.Certificate:
    return certificate("CA", ca_key(), "CA", ca_key())


def signer() -> x509.Certificate:
    return certificate("device", key(), "device", key())


def issued() -> x509.Certificate:
    return certificate("device", key(), "CA", ca_key())


@cache
def csr(challenge: str = "secret") -> x509.CertificateSigningRequest:
    builder = x509.CertificateSigningRequestBuilder().subject_name(name("device"))
    usage = x509.SubjectAlternativeName([x509.DNSName("device.example")])
    builder = builder.add_extension(usage, critical=False)
    if challenge:
        builder = builder.add_attribute(
            AttributeOID.CHALLENGE_PASSWORD, challenge.encode()
        )
    return builder.sign(key(), hashes.SHA256())


def handmade_csr(
    *attributes: bytes, algorithm: str = SHA256_WITH_RSA, signed_by: int = 0
) -> bytes:
    """Return a request whose attributes are as given."""
    public = key().public_key()
    info = der.sequence(
        der.integer(0),
        name("device").public_bytes(),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        der.explicit(0, *attributes),
    )
    signature = (key(), other_key())[signed_by].sign(
        info, padding.PKCS1v15(), RSA_OF[algorithm]
    )
    return der.sequence(
        info,
        der.sequence(der.oid(algorithm), der.NULL),
        der.tlv(0x03, b"\x00", signature),
    )


def challenge_attribute(*values: bytes) -> bytes:
    return der.sequence(der.oid(CHALLENGE), der.tlv(der.SET, *values))


def ask(
    request: x509.CertificateSigningRequest | None = None,
    *,
    transaction_id: str = "4F9A",
    cipher: Cipher = Cipher.AES256,
    digest: Digest = Digest.SHA256,
    message_type: MessageType = MessageType.PKCS_REQ,
    to: x509.Certificate | None = None,
) -> bytes:
    return scep.pkcs_req(
        request or csr(),
        signer(),
        key(),
        to or ca(),
        transaction_id=transaction_id,
        nonce=NONCE,
        cipher=cipher,
        digest=digest,
        message_type=message_type,
    )


def message(content: bytes, **attributes: bytes) -> bytes:
    """Return a signed message which carries ``content`` in an envelope."""
    return sealed(cms.encrypt(content, ca()), **attributes)


def sealed(content: bytes, **attributes: bytes) -> bytes:
    """Return a message signed by the device; an attribute of b"" is left out."""
    values = {
        scep.MESSAGE_TYPE: attributes.get("type", der.printable("19")),
        scep.TRANSACTION_ID: attributes.get("transaction", der.printable("1")),
        scep.SENDER_NONCE: attributes.get("nonce", der.octet_string(NONCE)),
    }
    kept = {oid: value for oid, value in values.items() if value}
    return cms.sign(content, signer(), key(), attributes=kept)


def read(body: bytes) -> scep.Request:
    return scep.read_request(scep.open_envelope(body), ca(), ca_key())


def refusal(body: bytes) -> FailInfo:
    with pytest.raises(scep.Refused) as refused:
        read(body)
    answer = scep.failure(
        refused.value.envelope, refused.value.fail_info, ca(), ca_key()
    )
    reply = scep.read_reply(answer, ca(), signer(), key())
    assert reply.status is Status.FAILURE
    assert reply.certificate is None
    assert reply.fail_info is refused.value.fail_info
    return refused.value.fail_info


# The conversation


@pytest.mark.parametrize("digest", list(Digest))
@pytest.mark.parametrize("cipher", [c for c in Cipher if c is not Cipher.DES])
def test_a_device_gets_its_certificate(cipher: Cipher, digest: Digest) -> None:
    request = read(ask(cipher=cipher, digest=digest))
    assert request.csr == csr()
    assert request.challenge == "secret"
    assert request.signer == signer()
    assert (request.cipher, request.digest) == (cipher, digest)
    answer = scep.success(request, issued(), ca(), ca_key())
    assert scep.read_reply(answer, ca(), signer(), key()) == scep.Reply(
        Status.SUCCESS, None, issued(), NONCE, "4F9A"
    )


@pytest.mark.parametrize("cipher", [c for c in Cipher if c is not Cipher.DES])
def test_the_answer_uses_the_algorithms_of_the_request(cipher: Cipher) -> None:
    request = read(ask(cipher=cipher, digest=Digest.SHA1))
    answer = cms.verify(scep.success(request, issued(), ca(), ca_key()))
    assert answer.digest is Digest.SHA1
    assert cms.decrypt(answer.content, signer(), key()).cipher is cipher


def test_a_client_of_single_des_is_answered_in_3des() -> None:
    request = replace(read(ask()), cipher=Cipher.DES)
    answer = cms.verify(scep.success(request, issued(), ca(), ca_key()))
    assert cms.decrypt(answer.content, signer(), key()).cipher is Cipher.TRIPLE_DES


def test_a_request_may_come_in_ber() -> None:
    content = indefinite(cms.encrypt(csr().public_bytes(Encoding.DER), ca()))
    assert read(indefinite(sealed(content))).csr == csr()


def test_every_answer_has_a_nonce_of_its_own() -> None:
    request = read(ask())
    answers = [scep.failure(request, FailInfo.BAD_TIME, ca(), ca_key()) for _ in "12"]
    nonces = {cms.verify(answer).attributes[scep.SENDER_NONCE] for answer in answers}
    assert len(nonces) == 2


@pytest.mark.parametrize("fail_info", list(FailInfo))
def test_a_refusal_says_why(fail_info: FailInfo) -> None:
    envelope = scep.open_envelope(ask(transaction_id="again/+="))
    reply = scep.read_reply(
        scep.failure(envelope, fail_info, ca(), ca_key()), ca(), signer(), key()
    )
    assert reply == scep.Reply(Status.FAILURE, fail_info, None, NONCE, "again/+=")


def test_capabilities_name_what_devices_ask_for() -> None:
    assert {"POSTPKIOperation", "SHA-256", "SHA-512", "AES", "SCEPStandard"} <= set(
        scep.CAPABILITIES
    )
    assert "Renewal" not in scep.CAPABILITIES


# What devices sent


def test_the_request_of_a_mac_is_a_scep_message() -> None:
    envelope = scep.open_envelope(capture("scep/mdmclient-pkioperation.der"))
    assert envelope.message_type == MessageType.PKCS_REQ
    assert envelope.transaction_id == "140BC832976B3D0300BE8F5C2E35CEDF66E73D7B"
    assert len(envelope.sender_nonce) == 8
    assert envelope.digest is Digest.SHA512
    assert "MDM SCEP SIGNER" in envelope.signer.subject.rfc4514_string()


def test_a_request_to_another_ca_is_refused() -> None:
    with pytest.raises(scep.Refused) as refused:
        read(capture("scep/mdmclient-pkioperation.der"))
    assert refused.value.fail_info is FailInfo.BAD_CERT_ID


# Requests


@pytest.mark.parametrize(
    "value",
    [
        der.printable("secret"),
        der.tlv(der.UTF8_STRING, b"secret"),
        der.tlv(0x16, b"secret"),
        der.tlv(0x14, b"secret"),
        der.tlv(0x1E, "secret".encode("utf-16-be")),
    ],
)
def test_a_challenge_is_read_in_every_string_type(value: bytes) -> None:
    request = read(message(handmade_csr(challenge_attribute(value))))
    assert request.challenge == "secret"


def test_a_request_may_have_no_challenge() -> None:
    assert read(ask(csr(""))).challenge == ""
    assert read(message(handmade_csr())).challenge == ""


@pytest.mark.parametrize(
    "attributes",
    [
        [challenge_attribute(der.integer(1))],
        [challenge_attribute()],
        [challenge_attribute(der.printable("x" * 256))],
        [challenge_attribute(der.printable("a")), challenge_attribute(b"\x13\x01b")],
    ],
)
def test_a_strange_challenge_is_a_bad_request(attributes: list[bytes]) -> None:
    assert refusal(message(handmade_csr(*attributes))) is FailInfo.BAD_REQUEST


def test_a_request_signed_with_sha1_is_read() -> None:
    assert read(message(handmade_csr(algorithm=SHA1_WITH_RSA))).challenge == ""


@pytest.mark.parametrize(
    "content",
    [
        lambda: b"",
        lambda: b"not a request",
        lambda: handmade_csr(signed_by=1),
        lambda: handmade_csr()[:-1] + b"\x00",
        lambda: csr().public_bytes(Encoding.DER) + b"\x00",
    ],
)
def test_a_wrong_certificate_request_fails_the_message_check(
    content: Callable[[], bytes],
) -> None:
    assert refusal(message(content())) is FailInfo.BAD_MESSAGE_CHECK


def test_nobody_requests_a_certificate_for_the_key_of_another() -> None:
    stolen = x509.CertificateSigningRequestBuilder().subject_name(name("device"))
    body = ask(stolen.sign(other_key(), hashes.SHA256()))
    assert refusal(body) is FailInfo.BAD_MESSAGE_CHECK


def test_a_renewal_is_signed_with_the_key_of_the_earlier_certificate() -> None:
    renewed = x509.CertificateSigningRequestBuilder().subject_name(name("device"))
    new = renewed.sign(other_key(), hashes.SHA256())
    request = read(ask(new, message_type=MessageType.RENEWAL_REQ))
    assert request.message_type is MessageType.RENEWAL_REQ
    assert request.signer == signer()
    assert request.csr == new


@pytest.mark.parametrize("message_type", ["3", "20", "21", "22", "", "PKCSReq"])
def test_other_messages_are_bad_requests(message_type: str) -> None:
    body = message(b"", type=der.printable(message_type))
    assert refusal(body) is FailInfo.BAD_REQUEST


def test_an_answer_can_be_encrypted_for_rsa_keys_only() -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    holder = certificate("curve", curve, "curve", curve)
    values = {
        scep.MESSAGE_TYPE: der.printable("19"),
        scep.TRANSACTION_ID: der.printable("1"),
        scep.SENDER_NONCE: der.octet_string(NONCE),
    }
    content = cms.encrypt(csr().public_bytes(Encoding.DER), ca())
    body = cms.sign(content, holder, curve, attributes=values)
    assert refusal(body) is FailInfo.BAD_ALG


def test_an_envelope_for_another_certificate_is_refused() -> None:
    successor = certificate("CA", ca_key(), "other", ca_key())
    assert refusal(ask(to=successor)) is FailInfo.BAD_CERT_ID


def test_an_unknown_cipher_is_a_bad_algorithm() -> None:
    aes = der.oid("2.16.840.1.101.3.4.1.42")
    unknown = der.oid("1.2.3.4.5.6.7.8.9.10")
    assert len(unknown) == len(aes)
    body = sealed(cms.encrypt(b"", ca()).replace(aes, unknown))
    assert refusal(body) is FailInfo.BAD_ALG


def test_md5_is_a_bad_algorithm() -> None:
    sha256, md5 = "2.16.840.1.101.3.4.2.1", b"\x2a\x86\x48\x86\xf7\x0d\x02\x05\x00"
    body = ask().replace(der.oid(sha256), der.tlv(der.OBJECT_IDENTIFIER, md5))
    assert refusal(body) is FailInfo.BAD_ALG


def test_a_wrong_signature_fails_the_message_check() -> None:
    body = bytearray(ask())
    body[-1] ^= 1
    assert refusal(bytes(body)) is FailInfo.BAD_MESSAGE_CHECK


def test_nothing_tells_why_a_request_does_not_decrypt() -> None:
    envelope = cms.encrypt(csr().public_bytes(Encoding.DER), ca())
    texts = set()
    for at in range(-400, 0, 3):
        altered = bytearray(envelope)
        altered[at] ^= 0x20
        with pytest.raises(scep.Refused) as refused:
            read(sealed(bytes(altered)))
        texts.add((str(refused.value), refused.value.fail_info))
    assert len(texts) == 1
    assert texts.pop()[1] is FailInfo.BAD_MESSAGE_CHECK


# What is no SCEP message


@pytest.mark.parametrize(
    "attributes",
    [
        {"type": b""},
        {"type": der.integer(19)},
        {"transaction": b""},
        {"transaction": der.printable("")},
        {"transaction": der.printable("x" * 256)},
        {"transaction": der.printable("line\nline")},
        {"transaction": der.tlv(der.UTF8_STRING, "Zoë".encode())},
        {"nonce": b""},
        {"nonce": der.octet_string(b"")},
        {"nonce": der.octet_string(bytes(65))},
        {"nonce": der.integer(1)},
    ],
)
def test_a_message_without_its_attributes_is_no_scep(
    attributes: dict[str, bytes],
) -> None:
    with pytest.raises(ProtocolError) as refused:
        scep.open_envelope(sealed(b"", **attributes))
    assert not isinstance(refused.value, scep.Refused)


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_random_octets_are_no_scep(data: bytes) -> None:
    with pytest.raises(ProtocolError) as refused:
        scep.open_envelope(data)
    assert not isinstance(refused.value, scep.Refused)


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_no_altered_octet_makes_another_request() -> None:
    body = ask()
    for at in range(0, len(body), 3):
        altered = bytearray(body)
        altered[at] ^= 1 << at % 8
        try:
            request = scep.open_envelope(bytes(altered))
        except ProtocolError:
            continue
        assert request.content == scep.open_envelope(body).content
        assert request.transaction_id == "4F9A"


# Replies


def test_a_reply_is_signed_by_the_ca() -> None:
    request = read(ask())
    impostor = certificate("CA", other_key(), "CA", other_key())
    answer = scep.success(request, issued(), impostor, other_key())
    with pytest.raises(ProtocolError):
        scep.read_reply(answer, ca(), signer(), key())


def test_a_reply_is_for_who_asked() -> None:
    answer = scep.success(read(ask()), issued(), ca(), ca_key())
    other = certificate("other", other_key(), "other", other_key())
    with pytest.raises(ProtocolError):
        scep.read_reply(answer, ca(), other, other_key())


@pytest.mark.parametrize(
    ("message_type", "status", "fail_info"),
    [
        ("19", "2", "2"),
        ("3", "1", "2"),
        ("3", "2", "5"),
        ("3", "2", ""),
        ("3", "0", ""),
    ],
)
def test_a_strange_reply_is_refused(
    message_type: str, status: str, fail_info: str
) -> None:
    attributes = {
        scep.MESSAGE_TYPE: der.printable(message_type),
        scep.PKI_STATUS: der.printable(status),
        scep.FAIL_INFO: der.printable(fail_info),
        scep.TRANSACTION_ID: der.printable("1"),
        scep.RECIPIENT_NONCE: der.octet_string(NONCE),
    }
    answer = cms.sign(b"", ca(), ca_key(), attributes=attributes)
    with pytest.raises(ProtocolError):
        scep.read_reply(answer, ca(), signer(), key())


def test_a_success_carries_a_certificate() -> None:
    attributes = {
        scep.MESSAGE_TYPE: der.printable("3"),
        scep.PKI_STATUS: der.printable("0"),
        scep.TRANSACTION_ID: der.printable("1"),
        scep.RECIPIENT_NONCE: der.octet_string(NONCE),
    }
    content = cms.encrypt(cms.certificates_only([]), signer())
    answer = cms.sign(content, ca(), ca_key(), attributes=attributes)
    with pytest.raises(ProtocolError):
        scep.read_reply(answer, ca(), signer(), key())
