"""FileVault: the recovery key of a Mac, handed over encrypted to us alone.

Each Mac has an escrow certificate of its own, whose key is kept for ever. What comes is
decrypted on receipt; what cannot be is kept as it came.
https://developer.apple.com/documentation/devicemanagement/fderecoverykeyescrow
"""

import datetime as dt
import hmac
import uuid
from collections.abc import Mapping
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from cryptography.x509.oid import NameOID
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from devices.models import Channel, Device, Enrollment, EscrowCertificate, Secret
from devices.models.secret import label_of
from mdmportal.protocol import ProtocolError, cms, mobileconfig

from .. import availability, orders, queue
from . import pending

SEALED = "FDE_PersonalRecoveryKeyCMS"
"""The key of SecurityInfo with the recovery key, which is never stored as it is."""
PROFILE = "com.apple.security.FDERecoveryKeyEscrow"
KEY_SIZE = 2048
LONGEST = 255
"""Characters of a recovery key; Apple's have 29."""
LIFE = dt.timedelta(days=30 * 365)
NOTE = "Escrow of the FileVault key"
KEY = Secret.Kind.FILEVAULT_KEY


# --- Certificate and profile


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, KEY_SIZE)


def certificates(device: Device) -> QuerySet[EscrowCertificate]:
    """Return the device's certificates, the newest first.

    Also those of when its row was another one: the Mac may still encrypt to them.
    """
    gone = Q(device=None, device_label=label_of(device))
    return EscrowCertificate.objects.filter(Q(device=device) | gone).order_by("-pk")


@transaction.atomic
def certificate_of(device: Device) -> EscrowCertificate:
    """Return the certificate to encrypt to, made if there is none."""
    Device.objects.select_for_update().get(pk=device.pk)
    return certificates(device).first() or _make(device)


def _make(device: Device) -> EscrowCertificate:
    key = new_key()
    return EscrowCertificate.objects.create(
        device=device,
        device_label=label_of(device),
        certificate=_self_signed(key, device).public_bytes(Encoding.DER),
        private_key=key.private_bytes(
            Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
        ),
    )


def _self_signed(key: rsa.RSAPrivateKey, device: Device) -> x509.Certificate:
    names = (
        (NameOID.ORGANIZATION_NAME, settings.ORGANIZATION[:64]),
        (NameOID.COMMON_NAME, f"FileVault escrow {label_of(device)}"[:64]),
    )
    name = x509.Name([x509.NameAttribute(oid, value) for oid, value in names])
    now = timezone.now()
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=True,
        data_encipherment=True,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + LIFE)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )


def profile(device: Device) -> bytes:
    """Return the profile by which this Mac hands over its key; the same every time."""
    kept = certificate_of(device)
    seed = uuid.uuid5(uuid.NAMESPACE_URL, f"{settings.PUBLIC_URL}/{device.device_id}")
    made = mobileconfig.RecoveryKeyEscrow(
        seed=seed,
        identifier=f"mdm-portal.filevault.{seed}",
        organization=settings.ORGANIZATION,
        location=f"{settings.ORGANIZATION}, {settings.PUBLIC_URL}",
        device_key=device.serial_number,
        certificate=x509.load_der_x509_certificate(bytes(kept.certificate)),
    )
    return made.to_plist()


@transaction.atomic
def install(channel: Channel, *, by: Any = None) -> str:
    """Order the profile, then what shows its effect; return why not, in words."""
    device = channel.enrollment.device
    reason = refusal(channel)
    if reason:
        return reason
    keys = {"Payload": profile(device)}
    placed = orders.place([channel], "InstallProfile", keys, by=by, note=NOTE)
    if placed.refused:
        return placed.refused[0][1]
    queue.enqueue([channel.pk], "SecurityInfo", ordered_by=by, note=NOTE)
    return ""


def refusal(channel: Channel) -> str:
    """Return why this device cannot hand over a FileVault key; '' if it can."""
    enrollment = channel.enrollment
    if enrollment.device.platform != Device.Platform.MACOS:
        return "only a Mac has a FileVault key"
    if enrollment.mode == Enrollment.Mode.USER:
        return "not on a person's own Mac: Apple keeps its key out of management"
    return availability.refusal(channel, "InstallProfile")


def install_again(channel: Channel) -> None:
    """After a Mac enrolled anew: its profile went with the stay before."""
    device = channel.enrollment.device
    if device.platform == Device.Platform.MACOS and certificates(device).exists():
        install(channel)


# --- What comes


def take_security_info(
    enrollment: Enrollment, said: Mapping[str, Any], at: dt.datetime
) -> None:
    """Keep the recovery key that came with SecurityInfo, or that it is no more."""
    device_id = enrollment.device_id
    sealed = said.get(SEALED)
    pending.take_status(device_id, said, at)
    is_off = said.get("FDE_Enabled") is False
    if is_off or said.get("FDE_HasPersonalRecoveryKey") is False:
        pending.no_longer(Secret.current_of_device(device_id, KEY), at)
    elif isinstance(sealed, bytes) and sealed:
        take(enrollment, sealed, at)


def take_rotation(
    enrollment: Enrollment, answer: Mapping[str, Any], at: dt.datetime
) -> None:
    """Keep the key that RotateFileVaultKey made."""
    said = answer.get("RotateResult")
    sealed = said.get("EncryptedNewRecoveryKey") if isinstance(said, Mapping) else None
    if isinstance(sealed, bytes) and sealed and take(enrollment, sealed, at):
        return
    # There is a new key, and it was not told to us: SecurityInfo may have it.
    pending.no_longer(Secret.current_of_device(enrollment.device_id, KEY), at)
    channels = enrollment.channels.filter(user_id="").values_list("pk", flat=True)
    queue.enqueue(channels, "SecurityInfo", note=NOTE)


@transaction.atomic
def take(enrollment: Enrollment, sealed: bytes, at: dt.datetime) -> bool:
    """Decrypt a key and keep it; keep it as it came if none of ours opens it.

    Return whether it could be read.
    """
    Device.objects.select_for_update().get(pk=enrollment.device_id)
    key = opened(enrollment.device, sealed)
    if key:
        Secret.keep(enrollment, Secret.Kind.SEALED_KEY, b"")
        _keep(enrollment, key, at)
    else:
        Secret.keep(enrollment, Secret.Kind.SEALED_KEY, sealed)
    return bool(key)


def opened(device: Device, sealed: bytes) -> bytes:
    """Return the key in this envelope, b"" if none of the device's keys opens it."""
    for each in certificates(device):
        certificate = x509.load_der_x509_certificate(bytes(each.certificate))
        private_key = load_der_private_key(
            bytes(each.private_key), None, unsafe_skip_rsa_key_validation=True
        )  # it is our own
        assert isinstance(private_key, rsa.RSAPrivateKey)
        try:
            content = cms.decrypt(sealed, certificate, private_key).content
        except ProtocolError:
            continue
        key = content.strip(b"\0\r\n ")
        return key if _is_key(key) else b""
    return b""


def _is_key(key: bytes) -> bool:
    """Whether it can be one: what no person can type opens nothing, and no order could
    be made with it."""
    return len(key) <= LONGEST and key.isascii() and key.decode().isprintable()


def _keep(enrollment: Enrollment, key: bytes, at: dt.datetime) -> None:
    """The same key again only shows that it holds; an older answer replaces nothing."""
    rows = Secret.objects.filter(device_id=enrollment.device_id, kind=KEY)
    current = rows.filter(replaced_at=None).order_by("-pk").first()
    if current and hmac.compare_digest(bytes(current.value), key):
        if current.valid_at is None or current.valid_at < at:
            current.valid_at, current.invalid_at = at, None
            current.enrollment = enrollment  # it came along into this stay
            current.save(update_fields=["valid_at", "invalid_at", "enrollment"])
        return
    shown_at = current.valid_at or current.created_at if current else None
    is_late = shown_at is not None and shown_at > at
    if is_late and any(bytes(row.value) == key for row in rows):
        return
    if current and not is_late:
        current.replaced_at, current.rotate_at = at, None
        current.save(update_fields=["replaced_at", "rotate_at"])
    replaced_at = shown_at if is_late else None
    Secret.of_stay(enrollment, KEY, key, valid_at=at, replaced_at=replaced_at).save()
