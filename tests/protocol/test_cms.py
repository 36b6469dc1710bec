"""CMS: what others wrote is read, what was tampered with is not, and they read ours."""

import base64
import contextlib
import datetime as dt
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from mdmportal.protocol import ProtocolError, cms, der

from ..captures import capture

BODY = b"<?xml version='1.0'?><plist><dict/></plist>\n" * 7
CLOCK = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Identity:
    certificate: x509.Certificate
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

    @property
    def rsa_key(self) -> rsa.RSAPrivateKey:
        assert isinstance(self.key, rsa.RSAPrivateKey)
        return self.key


def identity(
    name: str, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, padding: int = 0
) -> Identity:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    other = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), bytes(padding))
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(4711)
        .not_valid_before(CLOCK)
        .not_valid_after(CLOCK + dt.timedelta(days=10_000))
        .add_extension(other, critical=False)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
    return Identity(certificate, key)


@cache
def device() -> Identity:
    return identity("device", rsa.generate_private_key(65537, 2048))


@cache
def stranger() -> Identity:
    return identity("stranger", rsa.generate_private_key(65537, 2048))


@cache
def attested() -> Identity:
    return identity("attested", ec.generate_private_key(ec.SECP256R1()))


IDENTITIES = {"device": device, "stranger": stranger, "attested": attested}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The identities and the body as files, for openssl."""
    folder = tmp_path_factory.mktemp("cms")
    for name, make in IDENTITIES.items():
        encoded = make().certificate.public_bytes(ser.Encoding.PEM)
        (folder / f"{name}.pem").write_bytes(encoded)
        encoded = make().key.private_bytes(
            ser.Encoding.PEM, ser.PrivateFormat.PKCS8, ser.NoEncryption()
        )
        (folder / f"{name}.key").write_bytes(encoded)
    (folder / "body").write_bytes(BODY)
    return folder


def openssl(folder: Path, *arguments: str, message: bytes = b"") -> bytes:
    """Run ``openssl cms``; skip the test where it cannot do what is asked."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("no openssl")
    done = subprocess.run(
        [program, "cms", *arguments],
        input=message,
        capture_output=True,
        cwd=folder,
        check=False,
    )
    if b"unsupported" in done.stderr or b"unable to load provider" in done.stderr:
        pytest.skip("openssl cannot")
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def openssl_sign(folder: Path, *options: str, signer: str = "device") -> bytes:
    key = ("-signer", f"{signer}.pem", "-inkey", f"{signer}.key")
    output = ("-in", "body", "-binary", "-outform", "DER")
    return openssl(folder, "-sign", *key, *output, *options)


def indefinite(message: bytes) -> bytes:
    """Return the message in BER, its outer layers of indefinite length."""
    info = der.Reader(message).enter(der.SEQUENCE)
    name = info.raw(der.OBJECT_IDENTIFIER)
    body = info.enter(der.context(0)).read(der.SEQUENCE)
    return b"\x30\x80" + name + b"\xa0\x80\x30\x80" + body + bytes(6)


# What devices sent


def test_the_signature_of_a_device_is_right() -> None:
    message = base64.b64decode(capture("signature/mdm-signature-header.txt"))
    body = capture("signature/body.plist")
    signed = cms.verify(message, body)
    assert signed.digest is cms.Digest.SHA1
    assert signed.attributes == {}
    assert signed.certificates == (signed.signer,)


@pytest.mark.parametrize("change", [bytes.strip, lambda body: body + b"\n"])
def test_a_device_signs_its_body_to_the_last_newline(
    change: Callable[[bytes], bytes],
) -> None:
    message = base64.b64decode(capture("signature/mdm-signature-header.txt"))
    with pytest.raises(ProtocolError):
        cms.verify(message, change(capture("signature/body.plist")))


def test_an_attached_message_of_a_device_is_right() -> None:
    signed = cms.verify(capture("ota/phase-2-macos-13.p7"))
    assert signed.content.startswith(b"<?xml")
    assert len(signed.certificates) == 4
    assert signed.digest is cms.Digest.SHA1


# What openssl signs


@pytest.mark.parametrize("attributes", [(), ("-noattr",)])
@pytest.mark.parametrize("content", [(), ("-nodetach",), ("-stream", "-indef")])
@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("signer", ["device", "attested"])
def test_signatures_of_every_shape_are_right(
    folder: Path,
    signer: str,
    digest: str,
    content: tuple[str, ...],
    attributes: tuple[str, ...],
) -> None:
    message = openssl_sign(folder, "-md", digest, *content, *attributes, signer=signer)
    signed = cms.verify(message, None if content else BODY)
    assert signed.content == BODY
    assert signed.signer == IDENTITIES[signer]().certificate
    assert signed.digest == digest
    assert (cms.MESSAGE_DIGEST in signed.attributes) is not bool(attributes)


def test_the_signer_may_be_named_by_its_key(folder: Path) -> None:
    message = openssl_sign(folder, "-keyid")
    assert cms.verify(message, BODY).signer == device().certificate


def test_other_certificates_may_come_along(folder: Path) -> None:
    message = openssl_sign(folder, "-certfile", "stranger.pem")
    signed = cms.verify(message, BODY)
    assert signed.signer == device().certificate
    assert set(signed.certificates) == {device().certificate, stranger().certificate}


def test_a_certificate_of_unusual_size_is_read() -> None:
    large = identity("large", device().key, padding=5000)
    message = cms.sign(BODY, large.certificate, large.key, detached=True)
    assert cms.verify(message, BODY).signer == large.certificate


@pytest.mark.parametrize(
    "options", [("-md", "md5"), ("-keyopt", "rsa_padding_mode:pss")]
)
def test_other_algorithms_are_refused(folder: Path, options: tuple[str, ...]) -> None:
    message = openssl_sign(folder, *options)
    with pytest.raises(cms.UnsupportedAlgorithm):
        cms.verify(message, BODY)


@pytest.mark.parametrize(
    "options",
    [
        ("-nocerts",),
        ("-nocerts", "-certfile", "stranger.pem"),
        ("-signer", "stranger.pem", "-inkey", "stranger.key"),  # a second signer
    ],
)
def test_there_is_one_signer_with_its_certificate(
    folder: Path, options: tuple[str, ...]
) -> None:
    message = openssl_sign(folder, *options)
    with pytest.raises(ProtocolError):
        cms.verify(message, BODY)


# What we sign


@pytest.mark.parametrize("detached", [True, False])
@pytest.mark.parametrize("signer", ["device", "attested"])
@pytest.mark.parametrize("digest", list(cms.Digest))
def test_openssl_verifies_what_we_sign(
    folder: Path, digest: cms.Digest, signer: str, detached: bool
) -> None:
    who = IDENTITIES[signer]()
    message = cms.sign(BODY, who.certificate, who.key, detached=detached, digest=digest)
    options = ("-content", "body") if detached else ()
    trust = ("-CAfile", f"{signer}.pem", "-purpose", "any", "-binary")
    read = openssl(
        folder, "-verify", "-inform", "DER", *trust, *options, message=message
    )
    assert read == BODY
    assert cms.verify(message, BODY if detached else None).digest is digest


def test_attributes_are_signed_along() -> None:
    message = cms.sign(
        BODY,
        device().certificate,
        device().key,
        certificates=[stranger().certificate],
        attributes={"1.2.3.4": der.printable("value")},
    )
    signed = cms.verify(message)
    assert signed.attributes["1.2.3.4"] == der.printable("value")
    assert signed.certificates == (device().certificate, stranger().certificate)
    altered = message.replace(b"value", b"other")
    with pytest.raises(ProtocolError):
        cms.verify(altered)


def test_an_empty_content_is_content() -> None:
    message = cms.sign(b"", device().certificate, device().key)
    assert cms.verify(message).content == b""


# What must not pass


@pytest.mark.parametrize("detached", [True, False])
def test_the_content_is_either_attached_or_given(detached: bool) -> None:
    message = cms.sign(BODY, device().certificate, device().key, detached=detached)
    with pytest.raises(ProtocolError):
        cms.verify(message, None if detached else BODY)


@pytest.mark.parametrize(
    "attributes",
    [
        {cms.MESSAGE_DIGEST: der.octet_string(bytes(32))},
        {cms.CONTENT_TYPE: der.oid("1.2.840.113549.1.7.2")},
    ],
)
def test_signed_attributes_must_be_about_the_content(
    attributes: dict[str, bytes],
) -> None:
    message = cms.sign(BODY, device().certificate, device().key, attributes=attributes)
    with pytest.raises(ProtocolError):
        cms.verify(message)


def test_signed_attributes_are_not_dropped_from_a_message() -> None:
    """Its signature is of the attributes, so without them it is of nothing sent."""
    message = cms.sign(BODY, device().certificate, device().key, detached=True)
    unverified = cms.parse(message, BODY)
    with pytest.raises(ProtocolError):
        unverified._replace(signed_attributes=b"", attributes={}).verify()


def test_the_key_of_another_certificate_does_not_sign() -> None:
    message = cms.sign(BODY, device().certificate, stranger().key)
    with pytest.raises(ProtocolError):
        cms.verify(message)


@pytest.mark.parametrize("values", [0, 2])
def test_a_message_digest_has_one_value(values: int) -> None:
    value = der.octet_string(bytes(20))
    name = der.oid(cms.MESSAGE_DIGEST)
    attribute = der.sequence(name, der.tlv(der.SET, value * values))
    with pytest.raises(ProtocolError):
        cms.read_attributes(der.explicit(0, attribute))


def test_an_attribute_comes_once() -> None:
    attribute = der.sequence(der.oid("1.2.3"), der.tlv(der.SET, der.NULL))
    assert cms.read_attributes(der.explicit(0, attribute)) == {"1.2.3": der.NULL}
    with pytest.raises(ProtocolError):
        cms.read_attributes(der.explicit(0, attribute, attribute))


def messages() -> dict[str, bytes]:
    sign = cms.sign(BODY, device().certificate, device().key)
    detached = cms.sign(BODY, device().certificate, device().key, detached=True)
    curve = cms.sign(BODY, attested().certificate, attested().key, detached=True)
    return {
        "attached": sign,
        "attached BER": indefinite(sign),
        "detached": detached,
        "detached BER": indefinite(detached),
        "ECDSA": curve,
    }


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@pytest.mark.parametrize("shape", ["attached", "attached BER", "detached BER", "ECDSA"])
def test_no_altered_octet_makes_another_content_pass(shape: str) -> None:
    message = messages()[shape]
    content = None if shape.startswith("attached") else BODY
    honest = cms.verify(message, content)
    assert honest.content == BODY
    for at in range(len(message)):
        altered = bytearray(message)
        altered[at] ^= 1 << at % 8
        try:
            signed = cms.verify(bytes(altered), content)
        except ProtocolError:
            continue
        assert signed.content == BODY
        assert signed.attributes == honest.attributes
        assert signed.signer.public_key() == honest.signer.public_key()


@pytest.mark.parametrize("shape", ["attached", "attached BER", "detached", "ECDSA"])
def test_no_truncated_message_passes(shape: str) -> None:
    message = messages()[shape]
    content = None if shape.startswith("attached") else BODY
    for size in range(len(message)):
        with pytest.raises(ProtocolError):
            cms.verify(message[:size], content)


@pytest.mark.parametrize("trailing", [b"\x00", b"\x00\x00", b"\x30\x00"])
def test_nothing_follows_a_message(trailing: bytes) -> None:
    for message in (messages()["attached"], messages()["attached BER"]):
        with pytest.raises(ProtocolError):
            cms.verify(message + trailing)


@given(st.binary(min_size=1))
def test_no_other_body_passes_with_a_detached_signature(body: bytes) -> None:
    message = cms.sign(BODY, device().certificate, device().key, detached=True)
    with pytest.raises(ProtocolError):
        cms.verify(message, BODY + body)


@settings(max_examples=300)
@given(st.binary(max_size=200), st.binary(max_size=50))
def test_random_octets_are_refused(data: bytes, body: bytes) -> None:
    for read in (
        lambda: cms.verify(data),
        lambda: cms.verify(data, body),
        lambda: cms.read_certificates(data),
        lambda: cms.decrypt(data, device().certificate, device().rsa_key),
    ):
        with pytest.raises(ProtocolError):
            read()


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@settings(max_examples=200)
@given(st.data())
def test_a_message_with_a_piece_replaced_never_passes_altered(
    draw: st.DataObject,
) -> None:
    message = messages()[draw.draw(st.sampled_from(["attached", "attached BER"]))]
    start = draw.draw(st.integers(0, len(message)))
    stop = draw.draw(st.integers(start, min(start + 20, len(message))))
    altered = message[:start] + draw.draw(st.binary(max_size=20)) + message[stop:]
    with contextlib.suppress(ProtocolError):
        assert cms.verify(altered).content == BODY


# Certificates only


def test_certificates_are_carried_in_their_order(folder: Path) -> None:
    certificates = (stranger().certificate, device().certificate)
    message = cms.certificates_only(certificates)
    assert cms.read_certificates(message) == certificates
    assert cms.read_certificates(indefinite(message)) == certificates
    assert b"stranger" in openssl(
        folder, "-cmsout", "-inform", "DER", "-print", "-noout", message=message
    )
    with pytest.raises(ProtocolError):
        cms.verify(message)


# Envelopes

DATA = der.oid("1.2.840.113549.1.7.1")
ENVELOPED_DATA = der.oid("1.2.840.113549.1.7.3")
AES256 = der.oid("2.16.840.1.101.3.4.1.42")
WRITTEN = [cipher for cipher in cms.Cipher if cipher is not cms.Cipher.DES]
OPENSSL_CIPHERS = {
    cms.Cipher.DES: ("-des-cbc", "-provider", "legacy", "-provider", "default"),
    cms.Cipher.TRIPLE_DES: ("-des3",),
    cms.Cipher.AES128: ("-aes128",),
    cms.Cipher.AES192: ("-aes192",),
    cms.Cipher.AES256: ("-aes256",),
}


def openssl_encrypt(
    folder: Path, cipher: cms.Cipher, *options: str, recipients: tuple[str, ...]
) -> bytes:
    files = [f"{name}.pem" for name in recipients]
    names = OPENSSL_CIPHERS[cipher]
    output = ("-in", "body", "-binary", "-outform", "DER")
    return openssl(folder, "-encrypt", *names, *output, *options, *files)


@pytest.mark.parametrize("cipher", list(cms.Cipher))
@pytest.mark.parametrize("options", [(), ("-stream", "-indef"), ("-keyid",)])
def test_envelopes_of_openssl_are_opened(
    folder: Path, cipher: cms.Cipher, options: tuple[str, ...]
) -> None:
    message = openssl_encrypt(
        folder, cipher, *options, recipients=("stranger", "device")
    )
    opened = cms.decrypt(message, device().certificate, device().rsa_key)
    assert opened == cms.Decrypted(BODY, cipher)


@pytest.mark.parametrize("cipher", WRITTEN)
def test_openssl_opens_our_envelopes(folder: Path, cipher: cms.Cipher) -> None:
    message = cms.encrypt(BODY, device().certificate, cipher)
    key = ("-recip", "device.pem", "-inkey", "device.key")
    options = ("-inform", "DER", "-binary")
    assert openssl(folder, "-decrypt", *options, *key, message=message) == BODY


@given(st.binary(max_size=100), st.sampled_from(WRITTEN))
@settings(max_examples=30, deadline=None)
def test_any_content_survives_the_envelope(content: bytes, cipher: cms.Cipher) -> None:
    message = cms.encrypt(content, device().certificate, cipher)
    expected = cms.Decrypted(content, cipher)
    assert cms.decrypt(message, device().certificate, device().rsa_key) == expected


def envelope_data(message: bytes) -> der.Reader:
    info = der.Reader(message).enter(der.SEQUENCE)
    info.skip(der.OBJECT_IDENTIFIER)
    return info.enter(der.context(0)).enter(der.SEQUENCE)


def enveloped(content: bytes, message: bytes = b"") -> bytes:
    """Return an envelope for the device whose EncryptedContentInfo is replaced."""
    data = envelope_data(message or cms.encrypt(BODY, device().certificate))
    body = der.sequence(data.raw(der.INTEGER), data.raw(der.SET), content)
    return der.sequence(ENVELOPED_DATA, der.explicit(0, body))


def test_an_encrypted_content_in_segments_is_opened() -> None:
    """As some clients of SCEP send it: octet strings in the ``[0]``."""
    message = cms.encrypt(BODY, device().certificate)
    data = envelope_data(message)
    data.skip(der.INTEGER)
    data.skip(der.SET)
    content = data.enter(der.SEQUENCE)
    head = content.raw(der.OBJECT_IDENTIFIER) + content.raw(der.SEQUENCE)
    encrypted = content.read(0x80)
    segments = der.octet_string(encrypted[:16]) + der.octet_string(encrypted[16:])
    for body in (
        der.sequence(head, der.explicit(0, segments)),
        b"\x30\x80" + head + b"\xa0\x80" + segments + bytes(4),
    ):
        again = enveloped(body, message)
        opened = cms.decrypt(again, device().certificate, device().rsa_key)
        assert opened.content == BODY


def test_an_envelope_for_others_is_not_ours(folder: Path) -> None:
    message = cms.encrypt(BODY, stranger().certificate)
    with pytest.raises(cms.WrongRecipient):
        cms.decrypt(message, device().certificate, device().rsa_key)
    message = openssl_encrypt(folder, cms.Cipher.AES256, recipients=("attested",))
    with pytest.raises(cms.WrongRecipient):
        cms.decrypt(message, device().certificate, device().rsa_key)


def test_another_key_transport_is_refused(folder: Path) -> None:
    message = openssl(
        folder,
        *("-encrypt", "-in", "body", "-outform", "DER"),
        *("-recip", "device.pem", "-keyopt", "rsa_padding_mode:oaep"),
    )
    with pytest.raises(cms.UnsupportedAlgorithm):
        cms.decrypt(message, device().certificate, device().rsa_key)


def test_another_cipher_is_refused(folder: Path) -> None:
    message = openssl(
        folder,
        *("-encrypt", "-in", "body", "-outform", "DER"),
        *("-camellia128", "device.pem"),
    )
    with pytest.raises(cms.UnsupportedAlgorithm):
        cms.decrypt(message, device().certificate, device().rsa_key)


def test_des_is_not_written_and_other_keys_are_not_encrypted_for() -> None:
    with pytest.raises(cms.UnsupportedAlgorithm):
        cms.encrypt(BODY, device().certificate, cms.Cipher.DES)
    with pytest.raises(cms.UnsupportedAlgorithm):
        cms.encrypt(BODY, attested().certificate)


def test_no_failure_to_decrypt_differs_from_another() -> None:
    message = cms.encrypt(BODY, device().certificate)
    reasons = set()
    for _ in range(
        8
    ):  # a wrong key gives noise, whose padding is right one time in 256
        other = cms.encrypt(BODY, device().certificate)
        try:
            noise = cms.decrypt(other, device().certificate, stranger().rsa_key)
            assert noise.content != BODY
        except ProtocolError as error:
            reasons.add(str(error))
    for at in range(len(message) - len(BODY) - 16 - 256, len(message), 7):
        altered = bytearray(message)
        altered[at] ^= 0x55
        try:
            cms.decrypt(bytes(altered), device().certificate, device().rsa_key)
        except cms.UnsupportedAlgorithm:
            continue
        except ProtocolError as error:
            if not str(error).startswith("ASN.1"):
                reasons.add(str(error))
    assert reasons == {"CMS: the envelope does not decrypt"}


@pytest.mark.parametrize(("vector", "size"), [(15, 16), (0, 16), (16, 0), (16, 15)])
def test_a_vector_or_content_of_odd_size_does_not_decrypt(
    vector: int, size: int
) -> None:
    algorithm = der.sequence(AES256, der.octet_string(bytes(vector)))
    content = der.sequence(DATA, algorithm, der.tlv(0x80, bytes(size)))
    with pytest.raises(ProtocolError, match="does not decrypt"):
        cms.decrypt(enveloped(content), device().certificate, device().rsa_key)


@pytest.mark.parametrize("size", range(0, 600, 23))
def test_a_truncated_envelope_is_refused(size: int) -> None:
    message = cms.encrypt(BODY, device().certificate)
    with pytest.raises(ProtocolError):
        cms.decrypt(message[:size], device().certificate, device().rsa_key)
