"""Over the air: enrollment in three phases, tied together by one session.

A person is let in on the page and gets a Profile Service profile; the device answers it
signed by its maker, and gets an identity; it answers again signed by that, and gets the
enrollment profile, encrypted to it alone.
https://developer.apple.com/library/archive/documentation/NetworkingInternet/Conceptual/iPhoneOTAConfiguration/
"""

import datetime as dt
import logging

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from devices.models import Identity, User
from mdmportal.protocol import ProtocolError, machineinfo
from mdmportal.protocol.machineinfo import SignedMachineInfo

from . import apple_ca, profiles
from .models import EnrollmentProfile, Invitation, OTASession, digest, new_token

logger = logging.getLogger(__name__)

REPEAT_WITHIN = dt.timedelta(minutes=10)
"""How long an answer may be repeated: ours may have been lost."""


def begin(
    way: EnrollmentProfile,
    *,
    user: User | None = None,
    invitation: Invitation | None = None,
) -> tuple[bytes, OTASession]:
    """Return the signed profile of the first phase and its new session.

    Raises profiles.NotReady.
    """
    challenge = new_token()
    url = settings.PUBLIC_URL + reverse("enroll-ota", args=[way.code])
    service = profiles.make_service(way, url, challenge)
    life = dt.timedelta(seconds=settings.SCEP_CHALLENGE_LIFE)
    session = OTASession.objects.create(
        digest=digest(challenge),
        way=way,
        user=user,
        invitation=invitation,
        expires_at=timezone.now() + life,
    )
    return service, session


def answer(way: EnrollmentProfile, message: bytes) -> bytes:
    """Return the profile for a device that answers, in whichever phase it is.

    The signer tells the phases apart: the device's maker issued it, or we did.
    ProtocolError where it is refused; profiles.NotReady.
    """
    signed = machineinfo.read(message)
    identity = Identity.objects.filter(fingerprint=signed.fingerprint).first()
    if identity:
        return _configure(way, signed, identity)
    if apple_ca.is_apples(signed):
        return _identify(way, signed)
    raise ProtocolError("signed neither by a device of Apple's nor by one of ours")


# --- The second phase


@transaction.atomic
def _identify(way: EnrollmentProfile, signed: SignedMachineInfo) -> bytes:
    """Write down which device it is, and let it get an identity."""
    info = signed.info
    session = _session(way, info.challenge)
    if not info.udid:
        raise ProtocolError("the device did not say its UDID")
    if session.identified_at is None:
        session.identified_at = timezone.now()
        session.udid, session.serial_number = info.udid, info.serial
        session.product, session.signer = info.product, signed.fingerprint
        session.save()
    else:
        _check_repeat(session, signed)
    return profiles.make_identity(
        way, user=session.user, ota=session, invitation=session.invitation
    )


def _session(way: EnrollmentProfile, challenge: str) -> OTASession:
    """Return the session of this challenge, locked; it must be in time."""
    rows = OTASession.objects.select_for_update(of=("self",))
    session = rows.filter(way=way, digest=digest(challenge)).first()
    if session is None:
        raise ProtocolError("the challenge is unknown")
    if session.expires_at <= timezone.now():
        raise ProtocolError("the challenge has expired: begin again on the page")
    return session


def _check_repeat(session: OTASession, signed: SignedMachineInfo) -> None:
    """A challenge is good for one device; it may ask again until it has its profile."""
    same = (session.udid, session.signer) == (signed.info.udid, signed.fingerprint)
    at = session.identified_at
    late = at is None or timezone.now() - at > REPEAT_WITHIN
    if not same or late or session.configured_at:
        raise ProtocolError("the challenge was used before")


# --- The third phase


@transaction.atomic
def _configure(
    way: EnrollmentProfile, signed: SignedMachineInfo, identity: Identity
) -> bytes:
    """Hand the enrollment profile to the device that the session knows."""
    rows = OTASession.objects.select_for_update(of=("self",)).select_related(
        "user", "invitation"
    )
    session = rows.filter(way=way, challenges__identity=identity).first()
    if session is None or identity.revoked_at or identity.enrollment_id:
        raise ProtocolError("the identity belongs to no session of this way in")
    if signed.info.udid != session.udid:
        raise ProtocolError("the UDID is not the one of the session")
    if signed.info.serial and signed.info.serial != session.serial_number:
        raise ProtocolError("the serial number is not the one of the session")
    now, before = timezone.now(), session.configured_at
    if session.expires_at <= now or (before and now - before > REPEAT_WITHIN):
        raise ProtocolError("the session is over: begin again on the page")
    session.configured_at = before or now
    session.save(update_fields=["configured_at"])
    return profiles.make_encrypted(
        way,
        signed.signer,
        user=session.user,
        ota=session,
        invitation=session.invitation,
    )
