"""Reach: how a device, or a user of it, can be reached, and what stands in the way."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils import timezone

from apns.models import PushCertificate
from devices.models import Channel, Enrollment, Identity, Secret

from .. import queue
from ..models import OPEN, Delivery
from .look import Look

SOON = dt.timedelta(days=30)


@dataclass(frozen=True)
class Reach:
    """What the channel, Apple and the identity say."""

    channel: Channel | None
    trouble: str
    push_certificate: PushCertificate | None
    identity: Identity | None
    """The newest."""
    renewal: Delivery | None
    """What is to renew it, if that is ordered."""
    secrets: Mapping[str, dt.datetime]

    @property
    def unlock_token(self) -> dt.datetime | None:
        return self.secrets.get(Secret.Kind.UNLOCK_TOKEN)

    @property
    def bootstrap_token(self) -> dt.datetime | None:
        return self.secrets.get(Secret.Kind.BOOTSTRAP_TOKEN)

    @property
    def identity_state(self) -> str:
        """The colour of the identity's expiry."""
        return expiry_tone(self.identity.not_after if self.identity else None)


def expiry_tone(moment: dt.datetime | None) -> str:
    """Return the colour of an expiry: bad once it is over, warn for its last month."""
    if moment is None:
        return "mute"
    left = moment - timezone.now()
    if left <= dt.timedelta():
        return "bad"
    return "warn" if left <= SOON else "ok"


def reach(look: Look) -> Reach:
    stay, channel = look.stay, look.channel
    topic = stay.topic if stay else ""
    identities = Identity.objects.filter(enrollment=stay, revoked_at__isnull=True)
    certificates = PushCertificate.objects.defer("private_key", "certificate")
    return Reach(
        channel=channel,
        trouble=trouble(stay, channel),
        push_certificate=certificates.filter(topic=topic).first() if topic else None,
        identity=identities.defer("certificate").first() if stay else None,
        renewal=_renewal(channel),
        secrets=kept_secrets(stay) if stay else {},
    )


def kept_secrets(stay: Enrollment) -> dict[str, dt.datetime]:
    """Return since when each kind of secret is kept that is in force."""
    kept = Secret.objects.filter(
        enrollment=stay, replaced_at__isnull=True, is_confirmed=True
    )
    return dict(kept.order_by("pk").values_list("kind", "created_at"))


def _renewal(channel: Channel | None) -> Delivery | None:
    waiting = Delivery.objects.filter(channel=channel, state__in=OPEN)
    return waiting.filter(priority=queue.RENEWAL).first() if channel else None


def trouble(stay: Enrollment | None, channel: Channel | None) -> str:
    """Return why nothing can be sent, or not soon; '' if it can."""
    if stay is None or stay.state == Enrollment.State.ENDED:
        return "It left management: nothing can be sent to it."
    if channel is None:
        return "It has begun to enroll and not finished: it sent no push token yet."
    return push_trouble(channel)


def push_trouble(channel: Channel) -> str:
    """Return why Apple cannot be asked to wake the channel; '' if it can."""
    if not channel.push_token:
        return "It has sent no push token yet, so it cannot be woken."
    if channel.push_dead:
        return (
            "Apple says its push token is dead: it was erased, left, or is long "
            "offline. If it comes back by itself, it sends another."
        )
    return ""
