"""Migration: devices of another MDM server go on here without enrolling again.

The other server's tool replays the Check-in messages that its devices once sent; of
them stays are made here. When the server's name leads here, a device comes with the
identity that the other server gave it, and it is bound to its stay the first time.
https://github.com/micromdm/nanomdm/blob/main/docs/operations-guide.md
"""

import logging
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from cryptography import x509
from django.db import transaction
from django.utils import timezone

from apns.models import PushCertificate
from apns.tasks import ask_for_push
from commands import inventory, queue
from devices.models import Channel, Device, Enrollment, Identity, Secret
from mdmportal.protocol import ProtocolError, checkin, cms, plist
from mdmportal.protocol.identity import Speaker

from .. import arrivals
from ..models import Challenge, MigrationSource, Move, digest, new_token
from . import foreign

logger = logging.getLogger(__name__)

MOVED, HERE = "moved in", "here already, nothing was changed"


# --- What the tool replays


def source_of(key: str) -> MigrationSource | None:
    """Return the open source whose key this is."""
    sources = MigrationSource.objects.select_related("way__device_group")
    return sources.filter(digest=digest(key), is_enabled=True).first()


@transaction.atomic
def take(source: MigrationSource, message: checkin.Message) -> str:
    """Take one message over, as often as it comes; return what became of it.

    A device that has come here itself is left as it is, also after it left. Raises
    ProtocolError, in words for who runs the tool.
    """
    handler = HANDLERS.get(type(message))
    if handler is None:
        names = ", ".join(cls.__name__ for cls in HANDLERS)
        raise ProtocolError(f"only {names} can be taken over")
    if not message.udid:
        raise ProtocolError("a User Enrollment has no UDID and cannot move")
    rows = Device.objects.select_for_update()
    device, _ = rows.get_or_create(udid=message.udid)
    if _is_here(device):
        return HERE
    stay = _moving(device) or _open(source, device, message)
    Move.objects.filter(enrollment=stay).exclude(source=source).update(source=source)
    handler(source, stay, message)
    return MOVED


def _is_here(device: Device) -> bool:
    """Whether the device was seen here: as enrolled, or moved in and gone since."""
    enrolled = device.enrollments.exclude(identities=None).filter(
        state__in=(Enrollment.State.ACTIVE, Enrollment.State.HELD)
    )
    gone = device.enrollments.exclude(move=None).filter(state=Enrollment.State.ENDED)
    return enrolled.exists() or gone.exists()


def _moving(device: Device) -> Enrollment | None:
    """Return the stay whose device has not come yet, None if there is none."""
    moving = device.enrollments.filter(move__seen_at=None).exclude(move=None)
    stay = moving.exclude(state=Enrollment.State.ENDED).first()
    if stay:
        stay.device = device
    return stay


def _open(
    source: MigrationSource, device: Device, message: checkin.Message
) -> Enrollment:
    stay = Enrollment.objects.create(
        device=device, topic=_topic(message), way=source.way.name, **_terms(source)
    )
    Move.objects.create(source=source, enrollment=stay)
    return stay


def _topic(message: checkin.Message) -> str:
    topic = getattr(message, "topic", "")
    if not topic:
        raise ProtocolError("Authenticate or TokenUpdate comes first for a device")
    if not PushCertificate.objects.filter(topic=topic).exists():
        raise ProtocolError(
            f"upload the other server's push certificate first, with the topic {topic}"
        )
    return str(topic)


def _terms(source: MigrationSource) -> dict[str, Any]:
    """What the devices enrolled with: their profile says, else the way in stands in."""
    if not source.profile:
        return {"access_rights": source.way.access_rights, "profile_identifier": ""}
    profile = foreign.read(bytes(source.profile))
    return {
        "access_rights": profile.access_rights or source.way.access_rights,
        "profile_identifier": profile.identifier,
    }


def apply_profile(source: MigrationSource) -> None:
    """Have the stays that moved in already know what the uploaded profile says."""
    Enrollment.objects.filter(move__source=source).update(**_terms(source))


def _authenticate(
    source: MigrationSource, stay: Enrollment, message: checkin.Authenticate
) -> None:
    if stay.topic != message.topic:  # it enrolled there once more
        stay.topic = _topic(message)
        stay.save(update_fields=["topic"])
    arrivals.learn(stay.device, message, stay.mode)


def _token_update(
    source: MigrationSource, stay: Enrollment, message: checkin.TokenUpdate
) -> None:
    # Nobody knows since when the token holds.
    arrivals.open_channel(stay, message, token_updated_at=None)
    if message.unlock_token:
        Secret.keep(stay, Secret.Kind.UNLOCK_TOKEN, message.unlock_token)
    if not message.user_id and stay.state == Enrollment.State.PENDING:
        _complete(source, stay)


def _complete(source: MigrationSource, stay: Enrollment) -> None:
    """It is enrolled. Nothing is asked of it before it comes: it is still elsewhere."""
    stay.state, stay.enrolled_at = Enrollment.State.ACTIVE, timezone.now()
    stay.save(update_fields=["state", "enrolled_at"])
    if source.way.device_group:
        source.way.device_group.devices.add(stay.device)
    Device.regroup([stay.device_id])


def _set_bootstrap_token(
    source: MigrationSource, stay: Enrollment, message: checkin.SetBootstrapToken
) -> None:
    Secret.keep(stay, Secret.Kind.BOOTSTRAP_TOKEN, message.bootstrap_token)


HANDLERS: dict[
    type[checkin.Message], Callable[[MigrationSource, Enrollment, Any], None]
] = {
    checkin.Authenticate: _authenticate,
    checkin.TokenUpdate: _token_update,
    checkin.SetBootstrapToken: _set_bootstrap_token,
}


def wake(source: MigrationSource) -> int:
    """Have those that have not come yet pushed, until they do; return how many."""
    missing = Channel.objects.filter(
        enrollment__move__source=source,
        enrollment__move__seen_at=None,
        enrollment__state=Enrollment.State.ACTIVE,
        user_id="",
    )
    ids = list(missing.values_list("pk", flat=True))
    queue.waken(ids)
    ask_for_push()
    return len(ids)


# --- The device comes itself


def introduce(certificate: x509.Certificate, body: bytes) -> bool:
    """Bind a certificate of another server to the stay that ``body`` names.

    Returns False for a stranger, of whom nothing is read. Once bound, a stay takes no
    second one: ProtocolError.
    """
    sources = [each for each in _open_sources() if _issued(each, certificate)]
    if not sources:
        return False
    speaker = plist.read(Speaker, plist.loads(body))
    with transaction.atomic():
        locked = Move.objects.select_for_update(of=("self",)).select_related(
            "source__way", "enrollment__device"
        )
        living = locked.exclude(enrollment__state=Enrollment.State.ENDED)
        move = living.filter(
            source__in=sources, enrollment__device__udid=speaker.udid
        ).first()
        if move is None or not speaker.udid:
            return False
        if move.seen_at:
            return _was_bound(move, certificate)
        _bind(move, certificate)
    return True


def _open_sources() -> list[MigrationSource]:
    return list(MigrationSource.objects.filter(is_enabled=True).defer("profile"))


def _was_bound(move: Move, certificate: x509.Certificate) -> bool:
    """A request beside this one may have been first; another certificate never is."""
    fingerprint = Identity.fingerprint_of(certificate)
    if move.enrollment.identities.filter(fingerprint=fingerprint).exists():
        return True
    raise ProtocolError("the device that moved in is known by another identity")


def _bind(move: Move, certificate: x509.Certificate) -> None:
    """From now on the device is known. Its challenge tells by which way it came."""
    now, stay = timezone.now(), move.enrollment
    identity = Identity.keep(certificate)
    identity.enrollment = stay
    identity.save(update_fields=["enrollment"])
    Challenge.objects.create(
        digest=digest(new_token()),
        way=move.source.way,
        subject=identity.subject[:64],
        identity=identity,
        expires_at=now,
    )
    move.seen_at = now
    move.save(update_fields=["seen_at"])
    logger.info("enrollment %d has moved in from %s", stay.pk, move.source)
    for channel in stay.channels.filter(user_id=""):
        channel.enrollment = stay
        inventory.ask(channel)


@lru_cache(maxsize=16)
def authorities(pem: str) -> tuple[x509.Certificate, ...]:
    """Return the certificates in ``pem``; ValueError where there are none."""
    return tuple(x509.load_pem_x509_certificates(pem.encode()))


def _issued(source: MigrationSource, certificate: x509.Certificate) -> bool:
    """Whether a key of the source's authorities signed it; dates do not count."""
    keys = map(cms.public_key, authorities(source.authorities))
    return any(cms.is_issued_by(certificate, key) for key in keys if key)
