"""Enrollment profiles: a way in, made into what a device installs."""

import datetime as dt
import hashlib
from typing import Any

from cryptography import x509
from django.conf import settings
from django.urls import reverse

from apns.models import PushCertificate
from devices.models import Enrollment
from mdmportal.protocol import cms, mobileconfig, rights
from mdmportal.protocol.machineinfo import ATTRIBUTES
from mdmportal.protocol.mobileconfig import EnrollmentMode

from . import authority
from .models import BusinessKey, Challenge, EnrollmentProfile, Move
from .moving_in import foreign

MODES = {
    EnrollmentProfile.Kind.BYOD: EnrollmentMode.BYOD,
    EnrollmentProfile.Kind.ADDE: EnrollmentMode.ADDE,
}
MODES_OF_STAYS = {
    Enrollment.Mode.USER: EnrollmentMode.BYOD,
    Enrollment.Mode.ACCOUNT: EnrollmentMode.ADDE,
}


class NotReady(Exception):
    """No profile can be made yet; the message says what is missing."""


def make(
    way: EnrollmentProfile, *, managed_apple_account: str = "", **intent: Any
) -> bytes:
    """Return a signed profile with a fresh one-time challenge, for one device.

    ``managed_apple_account`` is for account-driven ways, ``intent`` what
    Challenge.issue takes. Raises NotReady.
    """
    profile = _profile(way, managed_apple_account, intent)
    return _signed(profile.to_plist())


def make_identity(way: EnrollmentProfile, **intent: Any) -> bytes:
    """Return a signed profile that gets a device its identity, and nothing more."""
    return _signed(_profile(way, "", intent).identity_only())


def make_encrypted(
    way: EnrollmentProfile, recipient: x509.Certificate, **intent: Any
) -> bytes:
    """Return a signed profile that only the holder of ``recipient`` can read."""
    return _signed(_profile(way, "", intent).encrypted(recipient))


def make_service(way: EnrollmentProfile, url: str, challenge: str) -> bytes:
    """Return the signed profile that begins an over-the-air enrollment."""
    _topic()  # rather say now than in the third phase that nothing can be made
    service = mobileconfig.ProfileService(
        seed=way.seed,
        identifier=way.profile_identifier,
        name=f"{settings.ORGANIZATION}: {way.name}",
        organization=settings.ORGANIZATION,
        description=way.description,
        url=url,
        challenge=challenge,
        attributes=ATTRIBUTES,
    )
    return _signed(service.to_plist())


def make_renewal(stay: Enrollment, *, life: dt.timedelta) -> bytes:
    """Return the signed profile that ``stay`` has, with a challenge that renews it.

    The device refuses an update in which anything but the identity is another, and more
    rights. ``life`` is for how long it can be used. Raises NotReady.
    """
    way = EnrollmentProfile.objects.filter(
        challenges__identity__enrollment=stay
    ).first()
    if way is None:
        raise NotReady("The way in was deleted.")
    profile = _fill(
        way,
        {"renews": stay, "life": life},
        topic=stay.topic,
        access_rights=stay.access_rights or rights.ALL,
        mode=MODES_OF_STAYS.get(Enrollment.Mode(stay.mode)),
        assigned_managed_apple_id=stay.managed_apple_account,
    )
    move = Move.objects.filter(enrollment=stay).select_related("source").first()
    if move is None:
        return _signed(profile.to_plist())
    return _signed(foreign.renewed(bytes(move.source.profile), profile.identity_only()))


def _profile(
    way: EnrollmentProfile, managed_apple_account: str, intent: dict[str, Any]
) -> mobileconfig.EnrollmentProfile:
    return _fill(
        way,
        intent,
        topic=_topic(),
        access_rights=way.access_rights,
        mode=MODES.get(EnrollmentProfile.Kind(way.kind)),
        assigned_managed_apple_id=managed_apple_account,
    )


def _fill(
    way: EnrollmentProfile, intent: dict[str, Any], **terms: Any
) -> mobileconfig.EnrollmentProfile:
    """Return a profile with a fresh challenge for ``intent``.

    ``terms`` are the keys of its MDM payload that are not the same for everybody.
    """
    ours = authority.current()
    challenge, value = Challenge.issue(way, **intent)
    return mobileconfig.EnrollmentProfile(
        seed=way.seed,
        identifier=way.profile_identifier,
        name=f"{settings.ORGANIZATION}: {way.name}",
        organization=settings.ORGANIZATION,
        description=way.description,
        server_url=settings.PUBLIC_URL + reverse("mdm-connect"),
        checkin_url=settings.PUBLIC_URL + reverse("mdm-checkin"),
        scep_url=settings.PUBLIC_URL + reverse("scep"),
        challenge=value,
        subject=challenge.subject,
        ca_fingerprint=_fingerprint(bytes(ours.certificate)),
        ca_name=ours.fingerprint,
        gives_tokens=BusinessKey.in_use() is not None,
        **terms,
    )


def _topic() -> str:
    push_certificate = PushCertificate.in_use()
    if push_certificate is None:
        raise NotReady("Devices cannot enroll before a push certificate is uploaded.")
    return push_certificate.topic


def _signed(profile: bytes) -> bytes:
    ours = authority.current()
    return cms.sign(profile, ours.x509, ours.key)


def _fingerprint(der: bytes) -> bytes:
    """Return what the SCEP payload calls CAFingerprint: SHA-1, by Apple's guide."""
    return hashlib.sha1(der, usedforsecurity=False).digest()
