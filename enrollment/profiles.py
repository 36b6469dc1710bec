"""Enrollment profiles: a way in, made into what a device installs."""

import hashlib

from django.conf import settings
from django.urls import reverse

from apns.models import PushCertificate
from mdmportal.protocol import cms, mobileconfig

from . import authority
from .models import Challenge, EnrollmentProfile


class NotReady(Exception):
    """No profile can be made yet; the message says what is missing."""


def make(way: EnrollmentProfile) -> bytes:
    """Return a signed profile with a fresh one-time challenge, for one device."""
    push_certificate = PushCertificate.in_use()
    if push_certificate is None:
        raise NotReady("Devices cannot enroll before a push certificate is uploaded.")
    ours = authority.current()
    challenge, value = Challenge.issue(way)
    profile = mobileconfig.EnrollmentProfile(
        seed=way.seed,
        identifier=f"org.mdmportal.enroll.{way.seed}",
        name=f"{settings.ORGANIZATION}: {way.name}",
        organization=settings.ORGANIZATION,
        description=way.description,
        topic=push_certificate.topic,
        server_url=settings.PUBLIC_URL + reverse("mdm-connect"),
        checkin_url=settings.PUBLIC_URL + reverse("mdm-checkin"),
        scep_url=settings.PUBLIC_URL + reverse("scep"),
        challenge=value,
        subject=challenge.subject,
        ca_fingerprint=_fingerprint(bytes(ours.certificate)),
        access_rights=way.access_rights,
    )
    return cms.sign(profile.to_plist(), ours.x509, ours.key)


def _fingerprint(der: bytes) -> bytes:
    """Return what the SCEP payload calls CAFingerprint: SHA-1, by Apple's guide."""
    return hashlib.sha1(der, usedforsecurity=False).digest()
