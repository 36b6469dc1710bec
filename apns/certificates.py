"""Push certificates: what is checked before one is taken.

https://developer.apple.com/documentation/devicemanagement/setting-up-push-notifications-for-your-mdm-customers
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import NameOID
from django.db import transaction
from django.utils import timezone

from devices.models import AuditEntry, Channel, Enrollment
from mdmportal.protocol.mobileconfig import TOPIC_PREFIX

from .models import PushCertificate


class Unusable(ValueError):
    """What is wrong with an uploaded certificate, and what to do about it."""


@dataclass(frozen=True)
class Upload:
    """A certificate with its key, checked: ``topic`` is the certificate's UID."""

    chain: tuple[x509.Certificate, ...]
    key: rsa.RSAPrivateKey
    topic: str

    @property
    def leaf(self) -> x509.Certificate:
        return self.chain[0]


def read(certificate: bytes, key: bytes = b"", password: str = "") -> Upload:
    """Return the checked upload: PEM files, or a PKCS#12 file in ``certificate``."""
    secret = password.encode() or None
    if b"-----BEGIN" in certificate:
        chain, private_key = _read_pem(certificate, key, secret)
    else:
        chain, private_key = _read_pkcs12(certificate, secret)
    leaf = _leaf_of(chain, private_key)
    others = tuple(other for other in chain if other != leaf)
    _check_dates(leaf)
    return Upload((leaf, *others), private_key, _topic_of(leaf))


def _read_pem(
    certificate: bytes, key: bytes, password: bytes | None
) -> tuple[list[x509.Certificate], rsa.RSAPrivateKey]:
    try:
        chain = x509.load_pem_x509_certificates(certificate)
    except ValueError as error:
        raise Unusable("The certificate file holds no readable certificate.") from error
    source = key or certificate
    if b"PRIVATE KEY-----" not in source:
        raise Unusable("The private key is missing: upload its PEM file as well.")
    try:
        loaded = load_pem_private_key(source, password)
    except TypeError as error:
        raise Unusable(_about_password(password)) from error
    except ValueError as error:
        raise Unusable("The private key cannot be read: wrong password?") from error
    return chain, _rsa(loaded)


def _about_password(password: bytes | None) -> str:
    if password:
        return "The private key is not encrypted: leave the password empty."
    return "The private key is encrypted: enter its password."


def _read_pkcs12(
    file: bytes, password: bytes | None
) -> tuple[list[x509.Certificate], rsa.RSAPrivateKey]:
    try:
        bundle = pkcs12.load_pkcs12(file, password)
    except ValueError as error:
        raise Unusable(
            "Neither PEM nor a readable PKCS#12 file: wrong file or password?"
        ) from error
    if bundle.key is None or bundle.cert is None:
        raise Unusable("The PKCS#12 file lacks the certificate or its private key.")
    others = [extra.certificate for extra in bundle.additional_certs]
    return [bundle.cert.certificate, *others], _rsa(bundle.key)


def _rsa(key: object) -> rsa.RSAPrivateKey:
    if not isinstance(key, rsa.RSAPrivateKey):
        raise Unusable("The private key is not RSA; Apple's push certificates are.")
    return key


def _leaf_of(chain: list[x509.Certificate], key: rsa.RSAPrivateKey) -> x509.Certificate:
    for certificate in chain:
        if certificate.public_key() == key.public_key():
            return certificate
    raise Unusable(
        "The private key does not belong to the certificate. Use the key with which "
        "the signing request was made."
    )


def _topic_of(leaf: x509.Certificate) -> str:
    found = leaf.subject.get_attributes_for_oid(NameOID.USER_ID)
    topic = str(found[0].value) if found else ""
    if not topic.startswith(TOPIC_PREFIX):
        raise Unusable(
            "This is not an MDM push certificate: its UID does not begin with "
            f"{TOPIC_PREFIX}. Make one at identity.apple.com/pushcert."
        )
    return topic


def _check_dates(leaf: x509.Certificate) -> None:
    now = timezone.now()
    if leaf.not_valid_after_utc <= now:
        raise Unusable(
            f"The certificate expired on {leaf.not_valid_after_utc:%d %B %Y}. Renew it "
            "at identity.apple.com/pushcert with the same Apple Account."
        )
    if leaf.not_valid_before_utc > now + dt.timedelta(days=1):
        raise Unusable("The certificate is not valid yet: check this server's clock.")


def stranded_by(topic: str) -> int:
    """Return how many enrolled devices a certificate of ``topic`` cannot reach."""
    enrolled = Enrollment.objects.filter(state=Enrollment.State.ACTIVE)
    return enrolled.exclude(topic=topic).count()


@transaction.atomic
def take(upload: Upload, *, apple_account: str = "", by: Any = None) -> PushCertificate:
    """Store the upload as its topic's certificate; its devices are pushed again."""
    leaf, now = upload.leaf, timezone.now()
    names = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    certificate, _ = PushCertificate.objects.update_or_create(
        topic=upload.topic,
        defaults={
            "certificate": _pem(upload.chain),
            "private_key": upload.key.private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
            ),
            "serial_number": f"{leaf.serial_number:x}",
            "common_name": str(names[0].value) if names else "",
            "not_before": leaf.not_valid_before_utc,
            "not_after": leaf.not_valid_after_utc,
            "apple_account": apple_account,
            "uploaded_at": now,
            "uploaded_by": by,
            "problem": "",
            "is_stopped": False,
        },
    )
    waiting = Channel.objects.filter(
        enrollment__topic=upload.topic, push_at__isnull=False, push_dead=False
    )
    locked = waiting.select_for_update(of=("self",), skip_locked=True)
    ids = list(locked.values_list("pk", flat=True))
    Channel.objects.filter(pk__in=ids).update(push_at=now, push_attempts=0)
    AuditEntry.write(
        by, "push certificate taken", certificate, serial=f"{leaf.serial_number:x}"
    )
    return certificate


def _pem(chain: tuple[x509.Certificate, ...]) -> str:
    return b"".join(one.public_bytes(Encoding.PEM) for one in chain).decode()
