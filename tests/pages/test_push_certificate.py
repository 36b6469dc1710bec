"""Uploading the push certificate, and what is refused."""

import datetime as dt
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from apns.models import PushCertificate
from devices.models import AuditEntry

from .conftest import TOPIC, Fleet, SignIn

UPLOAD = "admin:apns_pushcertificate_add"
NOW = dt.datetime.now(dt.UTC)
YEAR = dt.timedelta(days=365)


@cache
def key(number: int = 0) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def certificate(
    topic: str = TOPIC, until: dt.datetime = NOW + YEAR
) -> x509.Certificate:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.USER_ID, topic),
            x509.NameAttribute(NameOID.COMMON_NAME, "APSP:pages"),
        ]
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key().public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - 2 * YEAR)
        .not_valid_after(until)
        .sign(key(), hashes.SHA256())
    )


def pem(value: x509.Certificate | rsa.RSAPrivateKey) -> bytes:
    if isinstance(value, x509.Certificate):
        return value.public_bytes(Encoding.PEM)
    return value.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def upload(client: Client, cert: bytes, key_file: bytes = b"", **more: str) -> str:
    form: dict[str, object] = {
        "certificate": SimpleUploadedFile("push.pem", cert),
        "apple_account": "mdm@example.org",
        **more,
    }
    if key_file:
        form["key"] = SimpleUploadedFile("key.pem", key_file)
    return client.post(reverse(UPLOAD), form, follow=True).content.decode()


def test_a_certificate_with_its_key_is_taken(admin: Client) -> None:
    page = upload(admin, pem(certificate()), pem(key()))
    taken = PushCertificate.objects.get()
    assert (taken.topic, taken.apple_account) == (TOPIC, "mdm@example.org")
    assert taken.uploaded_by is not None
    assert "in use" in page
    assert "PRIVATE KEY" not in page
    assert AuditEntry.objects.filter(action="push certificate taken").exists()


def test_a_pkcs12_file_brings_its_key(admin: Client) -> None:
    bundle = pkcs12.serialize_key_and_certificates(
        b"push", key(), certificate(), None, BestAvailableEncryption(b"secret")
    )
    assert "wrong file or password?" in upload(admin, bundle, password="wrong")
    upload(admin, bundle, password="secret")
    assert PushCertificate.objects.get().topic == TOPIC


@pytest.mark.parametrize(
    ("cert", "key_file", "problem"),
    [
        (pem(certificate()), pem(key(1)), "does not belong to the certificate"),
        (pem(certificate()), b"", "The private key is missing"),
        (
            pem(certificate("com.example.app")),
            pem(key()),
            "not an MDM push certificate",
        ),
        (pem(certificate(until=NOW - YEAR)), pem(key()), "The certificate expired on"),
        (b"hello", b"", "Neither PEM nor a readable PKCS#12 file"),
        (b"x" * 300_000, b"", "too large"),
    ],
    ids=["other key", "no key", "other kind", "expired", "no certificate", "large"],
)
def test_what_cannot_be_used_is_refused_in_words(
    admin: Client, cert: bytes, key_file: bytes, problem: str
) -> None:
    assert problem in upload(admin, cert, key_file)
    assert not PushCertificate.objects.exists()


def test_a_renewal_keeps_the_topic_and_touches_no_device(
    admin: Client, fleet: Fleet
) -> None:
    upload(admin, pem(certificate()), pem(key()))
    fleet(2)
    upload(admin, pem(certificate(until=NOW + 2 * YEAR)), pem(key()))
    taken = PushCertificate.objects.get()
    assert taken.not_after.date() == (NOW + 2 * YEAR).date()


def test_another_topic_would_strand_devices_and_is_refused(
    admin: Client, fleet: Fleet
) -> None:
    fleet(2)
    other = pem(certificate("com.apple.mgmt.External.other"))
    page = upload(admin, other, pem(key()))
    assert "2 of them could not be reached by it" in page
    assert "Take it all the same" in page
    assert not PushCertificate.objects.exists()
    upload(admin, other, pem(key()), strand="on")
    assert PushCertificate.objects.get().topic == "com.apple.mgmt.External.other"


def test_the_account_must_be_noted(admin: Client) -> None:
    upload(admin, pem(certificate()), pem(key()), apple_account="")
    assert not PushCertificate.objects.exists()


def test_a_certificate_in_use_cannot_be_deleted(admin: Client, fleet: Fleet) -> None:
    upload(admin, pem(certificate()), pem(key()))
    fleet()
    pk = PushCertificate.objects.get().pk
    url = reverse("admin:apns_pushcertificate_delete", args=[pk])
    assert admin.post(url, {"post": "yes"}).status_code == 403


def test_seeing_it_is_not_replacing_it(sign_in: SignIn) -> None:
    client = sign_in("apns.view_pushcertificate")
    assert client.get(reverse(UPLOAD)).status_code == 403


def test_what_apple_said_against_it_is_shown(admin: Client) -> None:
    upload(admin, pem(certificate()), pem(key()))
    PushCertificate.objects.update(is_stopped=True, problem="403 BadCertificate")
    pk = PushCertificate.objects.get().pk
    url = reverse("admin:apns_pushcertificate_change", args=[pk])
    page = admin.get(url).content.decode()
    assert "Apple said: 403 BadCertificate" in page
    assert "refused by Apple" in page
