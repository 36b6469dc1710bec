"""Renewal: a device gets another identity in time, and its stay goes on.

The portal sends the enrollment profile that the device has once more, with a fresh SCEP
challenge. The device makes a key, asks for a certificate, and comes with Authenticate
and TokenUpdate as if it were new. The challenge tells that it is not. Until then, and
if the profile fails, it goes on with the identity that it has.
https://developer.apple.com/documentation/devicemanagement/mdm
"""

import dataclasses
import datetime as dt
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from commands import queue
from commands.models import OPEN, Delivery
from devices import sessions
from devices.authentication import Caller
from devices.models import AuditEntry, Enrollment, Identity
from mdmportal.protocol import ProtocolError, checkin
from mdmportal.protocol.rights import AccessRights

from . import profiles
from .models import Challenge

logger = logging.getLogger(__name__)

LIFE = dt.timedelta(days=30)
"""For how long the device may take the profile, and its challenge is good."""
AGAIN_AFTER = dt.timedelta(days=7)
"""So long after one order that came to nothing there is another."""
AT_MOST = 2000
"""Devices in one run: those that enrolled in a day are not all renewed in an hour."""
NOTE = "renewal"

ORDERED = Delivery.objects.filter(
    channel__enrollment=OuterRef("pk"), state__in=OPEN, priority=queue.RENEWAL
)
WAY = Challenge.objects.filter(identity__enrollment=OuterRef("pk"))
RULES: Sequence[tuple[Q, str]] = (
    (Q(state=Enrollment.State.ACTIVE), "it is not enrolled"),
    (
        Q(mode=Enrollment.Mode.USER) | Q(may_install__gt=0),
        "it enrolled without the right to install profiles",
    ),
    (Q(Exists(WAY)), "its way in was deleted"),
    (
        Q(move=None) | ~Q(move__source__profile=b""),
        "it moved in, and the other server's enrollment profile was not uploaded",
    ),
    (~Q(Exists(ORDERED)), "its renewal is ordered already"),
)
"""What must hold for a stay to be renewed, and what is said where it does not."""


@dataclass(frozen=True)
class Outcome:
    """What became of an order to renew."""

    ordered: int
    refused: Sequence[tuple[str, str]]
    """Devices, as text, each with the reason."""


# --- Who


def due() -> QuerySet[Enrollment]:
    """Return the stays to renew now, the most urgent first, at most AT_MOST."""
    now = timezone.now()
    # Gathered once. Looked up for each, SQLite goes through all challenges each time.
    recently = Challenge.objects.filter(
        renews__isnull=False, created_at__gt=now - AGAIN_AFTER
    )
    possible = _renewable().filter(pk=OuterRef("enrollment"))
    ending = Identity.in_use().filter(not_after__lt=now + _before())
    chosen = ending.filter(Exists(possible)).exclude(
        enrollment__in=recently.values("renews")
    )
    ids = chosen.order_by("not_after", "pk").values_list("enrollment", flat=True)
    return Enrollment.objects.filter(pk__in=list(ids[:AT_MOST])).select_related(
        "device"
    )


def _before() -> dt.timedelta:
    """How long before its end an identity is renewed; never as soon as it is issued."""
    return dt.timedelta(seconds=min(settings.RENEW_BEFORE, settings.IDENTITY_LIFE // 2))


def _stays() -> QuerySet[Enrollment]:
    install = F("access_rights").bitand(AccessRights.AllowInstallationRemoval.value)
    return Enrollment.objects.annotate(may_install=install)


def _renewable() -> QuerySet[Enrollment]:
    return _stays().filter(*(rule for rule, _ in RULES))


def why_not(stay: Enrollment) -> str:
    """Return why this stay cannot be renewed, in words; '' if it can."""
    if _renewable().filter(pk=stay.pk).exists():
        return ""
    this = _stays().filter(pk=stay.pk)
    return next((words for rule, words in RULES if not this.filter(rule).exists()), "")


# --- Ordering


def renew(stays: Iterable[Enrollment], *, by: Any = None) -> Outcome:
    """Order the renewal of each stay that can be renewed; they come with their device.

    Each order is a transaction of its own: one that fails stops no other.
    """
    ordered = 0
    refused: list[tuple[str, str]] = []
    for stay in stays:
        reason = why_not(stay)
        try:
            if not reason:
                _order(stay, by)
        except (profiles.NotReady, ValueError) as problem:
            logger.warning("enrollment %d cannot be renewed: %s", stay.pk, problem)
            reason = str(problem)
        if reason:
            refused.append((str(stay.device), reason))
        else:
            ordered += 1
    return Outcome(ordered, refused)


@transaction.atomic
def _order(stay: Enrollment, by: Any) -> None:
    """Send the profile to this device alone: its challenge is for nobody else."""
    channels = stay.channels.filter(user_id="").values_list("pk", flat=True)
    queue.enqueue(
        list(channels),
        "InstallProfile",
        {"Payload": profiles.make_renewal(stay, life=LIFE)},
        ordered_by=by,
        expires_at=timezone.now() + LIFE,
        priority=queue.RENEWAL,
        note=NOTE,
    )
    if by is not None:
        AuditEntry.write(by, "ordered a renewal", stay.device)


# --- The device comes with its new identity


def bind(caller: Caller, identity: Identity, intent: Challenge) -> Enrollment:
    """Bind a new identity to the stay that it was issued to renew; change nothing else.

    To be called in a transaction. Raises ProtocolError where that stay has ended, and
    sessions.SignInRequired as for any request of an account-driven stay. Another device
    is for the caller of this to refuse.
    """
    rows = Enrollment.objects.select_for_update(of=("self",)).select_related("device")
    stay = rows.get(renewals=intent)
    if stay.state == Enrollment.State.ENDED and not stay.erasure_failed():
        raise ProtocolError("the enrollment to renew has ended")
    if stay.is_account_driven:
        sessions.require(_as_member(caller, stay))
    identity.enrollment = stay
    identity.save(update_fields=["enrollment"])
    return stay


def _as_member(caller: Caller, stay: Enrollment) -> Caller:
    return dataclasses.replace(
        caller,
        enrollment_id=stay.pk,
        state=stay.state,
        mode=stay.mode,
        is_signed_out=stay.signed_out_at is not None,
        is_expelled=stay.is_expelled,
    )


def stay_of(
    caller: Caller, stay: Enrollment, message: checkin.TokenUpdate
) -> Enrollment:
    """Return the stay that ``message`` is about: ``stay``, or one opened for it.

    A device that waits to be configured, in a stay that does not, was erased and came
    back by a profile that was to renew: it starts over, and is configured like any new
    one. To be called in a transaction.
    """
    waits = message.awaiting_configuration and not stay.awaiting_configuration
    if not waits or message.user_id:
        return stay
    renewal = Challenge.objects.filter(identity=caller.identity_id, renews=stay)
    return _start_over(stay, caller) if renewal.exists() else stay


def _start_over(stay: Enrollment, caller: Caller) -> Enrollment:
    fresh = Enrollment.objects.create(
        device=stay.device,
        mode=stay.mode,
        owner=stay.owner,
        managed_apple_account=stay.managed_apple_account,
        topic=stay.topic,
        way=stay.way,
        profile_identifier=stay.profile_identifier,
        access_rights=stay.access_rights,
    )
    Identity.objects.filter(pk=caller.identity_id).update(enrollment=fresh)
    stay.session_tokens.update(enrollment=fresh)
    return fresh
