"""The SCEP service: who gets an identity, and who does not."""

import base64
import datetime as dt
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AttributeOID, ExtendedKeyUsageOID, NameOID
from django.test import Client
from django.utils import timezone

from devices.models import Identity
from enrollment import authority
from enrollment.models import CertificateAuthority, Challenge, EnrollmentProfile
from enrollment.tasks import forget_challenges
from mdmportal.protocol import scep
from mdmportal.protocol.scep import FailInfo, Status

pytestmark = pytest.mark.django_db

Ask = Callable[..., scep.Reply]


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def challenge(way: EnrollmentProfile) -> str:
    return Challenge.issue(way)[1]


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def request(
    key: Any, challenge: str, *, subject: str = "I choose", alternative: str = ""
) -> x509.CertificateSigningRequest:
    builder = x509.CertificateSigningRequestBuilder().subject_name(name(subject))
    if challenge:
        builder = builder.add_attribute(
            AttributeOID.CHALLENGE_PASSWORD, challenge.encode()
        )
    if alternative:
        names = x509.SubjectAlternativeName([x509.DNSName(alternative)])
        builder = builder.add_extension(names, critical=False)
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        builder = builder.add_extension(constraints, critical=True)
    return builder.sign(key, hashes.SHA256())


def self_signed(key: rsa.RSAPrivateKey) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name("I choose"))
        .issuer_name(name("I choose"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )


def ask(
    key: rsa.RSAPrivateKey, csr: x509.CertificateSigningRequest, transaction: str = "T1"
) -> scep.Reply:
    """Send one PKCSReq by POST and read the CertRep."""
    ours = authority.current().x509
    signer = self_signed(key)
    message = scep.pkcs_req(
        csr,
        signer,
        key,
        ours,
        transaction_id=transaction,
        nonce=secrets.token_bytes(16),
    )
    response = Client().post(
        "/scep?operation=PKIOperation",
        message,
        content_type="application/x-pki-message",
    )
    assert response.status_code == 200
    assert response["Content-Type"] == "application/x-pki-message"
    return scep.read_reply(response.content, ours, signer, key)


def test_the_names_and_extensions_of_an_identity_are_ours(
    key: rsa.RSAPrivateKey, challenge: str
) -> None:
    csr = request(key, challenge, subject="CEO", alternative="bank.example")
    reply = ask(key, csr)
    assert reply.status == Status.SUCCESS
    issued = reply.certificate
    assert issued is not None
    common_name = issued.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    assert common_name == Challenge.objects.get().subject
    with pytest.raises(x509.ExtensionNotFound):
        issued.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    constraints = issued.extensions.get_extension_for_class(x509.BasicConstraints)
    assert not constraints.value.ca
    usages = issued.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert list(usages.value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    issued.verify_directly_issued_by(authority.current().x509)
    assert (
        Identity.objects.get().fingerprint == issued.fingerprint(hashes.SHA256()).hex()
    )


def test_a_retry_of_one_transaction_gets_the_same_certificate(
    key: rsa.RSAPrivateKey, challenge: str
) -> None:
    csr = request(key, challenge)
    assert ask(key, csr).certificate == ask(key, csr).certificate
    assert Identity.objects.count() == 1


def test_a_challenge_is_good_for_one_identity(
    key: rsa.RSAPrivateKey, challenge: str
) -> None:
    ask(key, request(key, challenge))
    again = ask(key, request(key, challenge), "T2")
    assert (again.status, again.fail_info) == (Status.FAILURE, FailInfo.BAD_REQUEST)
    other = rsa.generate_private_key(65537, 2048)
    assert ask(other, request(other, challenge)).status == Status.FAILURE
    assert Identity.objects.count() == 1


@pytest.mark.parametrize("wrong", ["", "guess", "ü" * 40])
def test_a_wrong_challenge_is_a_failure_and_not_an_http_error(
    key: rsa.RSAPrivateKey, way: EnrollmentProfile, wrong: str
) -> None:
    assert ask(key, request(key, wrong)).status == Status.FAILURE
    assert not Identity.objects.exists()


def test_an_expired_challenge_is_refused(
    key: rsa.RSAPrivateKey, challenge: str
) -> None:
    Challenge.objects.update(expires_at=timezone.now())
    reply = ask(key, request(key, challenge))
    assert (reply.status, reply.fail_info) == (Status.FAILURE, FailInfo.BAD_TIME)


def test_what_no_one_used_in_time_is_forgotten(
    key: rsa.RSAPrivateKey, challenge: str, way: EnrollmentProfile
) -> None:
    ask(key, request(key, challenge))
    Challenge.issue(way)
    assert forget_challenges() == 0
    Challenge.objects.update(expires_at=timezone.now() - dt.timedelta(days=30))
    assert forget_challenges() == 1
    assert Challenge.objects.get().identity is not None


def test_a_way_in_that_was_closed_issues_nothing(
    key: rsa.RSAPrivateKey, challenge: str
) -> None:
    EnrollmentProfile.objects.update(is_enabled=False)
    assert ask(key, request(key, challenge)).status == Status.FAILURE


def test_a_weak_key_is_refused_and_the_challenge_stays_good(
    key: rsa.RSAPrivateKey, challenge: str
) -> None:
    weak = rsa.generate_private_key(65537, 1024)
    reply = ask(weak, request(weak, challenge))
    assert (reply.status, reply.fail_info) == (Status.FAILURE, FailInfo.BAD_ALG)
    assert ask(key, request(key, challenge)).status == Status.SUCCESS


def test_an_elliptic_key_is_refused(key: rsa.RSAPrivateKey, challenge: str) -> None:
    elliptic = ec.generate_private_key(ec.SECP256R1())
    assert ask(key, request(elliptic, challenge)).status == Status.FAILURE


def test_a_message_by_get_is_answered_as_by_post(
    key: rsa.RSAPrivateKey, challenge: str
) -> None:
    ours, signer = authority.current().x509, self_signed(key)
    message = scep.pkcs_req(
        request(key, challenge), signer, key, ours, transaction_id="G", nonce=b"n" * 16
    )
    query = {"operation": "PKIOperation", "message": base64.b64encode(message).decode()}
    response = Client().get("/scep", query)
    assert scep.read_reply(response.content, ours, signer, key).status == Status.SUCCESS


def test_capabilities_and_the_certificate_are_there_for_all() -> None:
    caps = Client().get("/scep", {"operation": "GetCACaps", "message": ""})
    assert {"POSTPKIOperation", "SHA-256", "AES"} <= set(caps.content.decode().split())
    found = Client().get("/scep", {"operation": "GetCACert"})
    assert found["Content-Type"] == "application/x-x509-ca-cert"
    certificate = x509.load_der_x509_certificate(found.content)
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.key_cert_sign
    assert usage.key_encipherment
    assert usage.digital_signature


@pytest.mark.parametrize(
    ("method", "query", "status"),
    [
        ("get", "operation=Nonsense", 400),
        ("get", "", 400),
        ("get", "operation=PKIOperation&message=***", 400),
        ("put", "operation=PKIOperation", 405),
    ],
)
def test_what_is_no_scep_is_refused(method: str, query: str, status: int) -> None:
    assert getattr(Client(), method)(f"/scep?{query}").status_code == status


def test_garbage_is_400_and_a_flood_is_413(settings: Any) -> None:
    def post(body: bytes) -> int:
        url = "/scep?operation=PKIOperation"
        kind = "application/octet-stream"
        return Client().post(url, body, content_type=kind).status_code

    assert post(b"garbage") == 400
    assert post(b"x" * (settings.MAX_SCEP_BODY + 1)) == 413


def test_the_authority_is_made_once_and_its_key_is_encrypted() -> None:
    from django.db import connection

    first, second = authority.current(), authority.current()
    assert first == second
    with connection.cursor() as cursor:
        cursor.execute("SELECT private_key FROM enrollment_certificateauthority")
        stored = bytes(cursor.fetchone()[0])
    assert CertificateAuthority.objects.count() == 1
    assert first.key.key_size == 2048
    assert bytes(first.private_key)[:20] not in stored
