"""Policy: what becomes of a device whose person does not sign in again.

First it is asked, by every 401. After a time that the way in sets, the profiles that
came over the air are removed; after another it leaves management. Both are commands,
delivered although nobody signed in: 401 alone never takes anything away.
"""

import datetime as dt
import logging

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from commands import queue
from commands.models import OPEN, Command, Delivery
from devices.models import AuditEntry, Enrollment, Inventory, SessionToken
from mdmportal.protocol import plist

from ..models import Challenge, EnrollmentProfile, OTASession, SignIn

logger = logging.getLogger(__name__)

REMOVE = "RemoveProfile"
LOSES, LEAVES = "removed its profiles", "ended its management"
AT_ONCE = 500
"""Devices of one way in that are expelled by one run: the rest waits for the next."""
AT_MOST = 200
"""Profiles of one device that are looked at: each is a command of its own."""
AGAIN_AFTER = dt.timedelta(days=1)
"""When what a device refused is ordered once more."""
KEPT_FOR = dt.timedelta(days=30)
"""How long what has ended is kept, to tell why something was refused."""


def enforce() -> int:
    """Have devices lose what their person's silence costs them; return how many."""
    ways = EnrollmentProfile.objects.filter(
        kind__in=(EnrollmentProfile.Kind.BYOD, EnrollmentProfile.Kind.ADDE)
    )
    return sum(_enforce(way) for way in ways)


def _enforce(way: EnrollmentProfile) -> int:
    done = 0
    now = timezone.now()
    if way.remove_after_days is not None:
        since = now - dt.timedelta(days=way.remove_after_days)
        for stay in _signed_out(way, since).filter(is_expelled=False)[:AT_ONCE]:
            done += _expel(stay, _managed_profiles(stay), LOSES)
    if way.unenroll_after_days is not None:
        since = now - dt.timedelta(days=way.unenroll_after_days)
        for stay in _signed_out(way, since).filter(~Exists(_told()))[:AT_ONCE]:
            done += _expel(stay, [stay.profile_identifier], LEAVES)
    return done


def _signed_out(way: EnrollmentProfile, since: dt.datetime) -> QuerySet[Enrollment]:
    return (
        Enrollment.objects.filter(
            state=Enrollment.State.ACTIVE,
            signed_out_at__lte=since,
            profile_identifier=way.profile_identifier,
        )
        .select_related("device")
        .order_by("signed_out_at", "pk")
    )


def _managed_profiles(stay: Enrollment) -> list[str]:
    """Return the identifiers of the profiles that we installed, by its last list.

    The list is the device's: each of its entries may be anything, and they may be many.
    """
    kept = Inventory.objects.filter(device=stay.device, request_type="ProfileList")
    found = kept.first()
    listed = found.answer if found and isinstance(found.answer, list) else []
    entries = [item for item in listed[:AT_MOST] if isinstance(item, dict)]
    managed = [item for item in entries if item.get("IsManaged", True)]
    named = [item.get("PayloadIdentifier") for item in managed]
    return [
        name
        for name in named
        if isinstance(name, str) and name not in ("", stay.profile_identifier)
    ]


def _told() -> QuerySet[Delivery]:
    """Return what tells a stay to leave: within a day, or still waiting for it."""
    return Delivery.objects.filter(
        Q(state__in=OPEN) | Q(queued_at__gt=timezone.now() - AGAIN_AFTER),
        channel__enrollment=OuterRef("pk"),
        priority=queue.REMOVAL,
        command__note=_note(LEAVES),
    )


@transaction.atomic
def _expel(stay: Enrollment, identifiers: list[str], what: str) -> int:
    """Order these profiles to be removed, unless the person is back; return 1 or 0."""
    rows = Enrollment.objects.select_for_update(of=("self",))
    current = rows.filter(pk=stay.pk, signed_out_at__isnull=False).first()
    if current is None or current.state != Enrollment.State.ACTIVE:
        return 0
    current.is_expelled = True
    current.save(update_fields=["is_expelled"])
    channels = stay.channels.filter(user_id="").values_list("pk", flat=True)
    commands = [_removal(identifier, what) for identifier in identifiers]
    queue.enqueue_all(channels, commands)
    logger.warning("enrollment %d, nobody signed in again: %s", stay.pk, what)
    AuditEntry.write(None, f"nobody signed in again: {what}", stay.device)
    return 1


def _removal(identifier: str, what: str) -> Command:
    return Command(
        request_type=REMOVE,
        keys_plist=plist.dumps({"Identifier": identifier}),
        priority=queue.REMOVAL,
        note=_note(what),
    )


def _note(what: str) -> str:
    return f"Nobody signed in again: {what}"


def forget() -> int:
    """Delete sign-ins, tokens and sessions that ended long ago; return how many."""
    past = timezone.now() - KEPT_FOR
    unused = SessionToken.objects.filter(enrollment=None, bind_by__lt=past)
    ended = SessionToken.objects.filter(expires_at__lt=past, sign_in=None)
    # Of what a stay came by its challenge goes along, and is needed to the stay's end.
    came_by = Challenge.objects.filter(identity__enrollment__isnull=False)
    came = came_by.filter(sign_in=OuterRef("pk"))
    over = SignIn.objects.filter(~Exists(came), created_at__lt=past, token=None)
    came = came_by.filter(ota=OuterRef("pk"))
    begun = OTASession.objects.filter(~Exists(came), expires_at__lt=past)
    return sum(rows.delete()[0] for rows in (unused, ended, over, begun))
