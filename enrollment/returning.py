"""Returning: the profile by which an erased device enrolls again, without anybody.

It is of the way in that the device came by, for the same person, with a challenge that
is good for as long as the order may wait.
"""

import datetime as dt
from collections.abc import Mapping, Sequence

from devices.models import Channel, Enrollment

from . import profiles
from .models import Challenge

LIFE = dt.timedelta(days=30)
"""For how long the erased device may take the profile."""

AUTOMATED = (Enrollment.Mode.AUTOMATED, Enrollment.Mode.SHARED_IPAD)
"""Whose profile comes from where it is assigned to us."""


def made_for(channels: Sequence[Channel]) -> Mapping[int, bytes | str]:
    """Return a profile for each device, b"" where none is needed, or why there is none.

    Each has a challenge of its own, so that it costs some statements.
    """
    came_by = _intents(channels)
    return {
        channel.pk: _profile(channel.enrollment, came_by.get(channel.enrollment_id))
        for channel in channels
    }


def _intents(channels: Sequence[Channel]) -> dict[int, Challenge]:
    """Return by what each stay came, the newest: an identity may have been renewed."""
    stays = [channel.enrollment_id for channel in channels]
    rows = Challenge.objects.filter(identity__enrollment__in=stays)
    joined = rows.select_related("way", "user", "identity").order_by("pk")
    return {
        row.identity.enrollment_id: row
        for row in joined
        if row.identity and row.identity.enrollment_id
    }


def _profile(stay: Enrollment, intent: Challenge | None) -> bytes | str:
    if stay.mode in AUTOMATED:
        return b""
    if intent is None:
        return "its way in was deleted, so no profile can be made to come back by"
    if not intent.way.is_enabled:
        return f"its way in “{intent.way}” is switched off, so it could not come back"
    if intent.way.is_account_driven:
        return f"its way in “{intent.way}” asks its person to sign in"
    try:
        return profiles.make(intent.way, user=stay.owner, life=LIFE)
    except profiles.NotReady as error:
        return f"no profile can be made to come back by: {error}"
