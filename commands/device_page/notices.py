"""Notices: what was done to a device and goes on, which everybody is to see at once.

That it is locked with a PIN, erases itself, has no passcode for an hour, or is lost.
All of it is of the present stay: a device that enrolls anew begins anew.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from django.contrib.humanize.templatetags.humanize import naturaltime
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localtime

from devices import reveal
from devices.models import Channel, Device, Enrollment, Inventory, Secret

from ..models import OPEN, Delivery, State
from ..terms import moment
from . import location
from .look import Look

SHOWN = 50
"""Orders of these kinds in one stay that are looked at, the newest."""
ANEW_WITHIN = dt.timedelta(minutes=60)
"""How long Apple leaves to set another passcode where one is required."""
GRACE = dt.timedelta(minutes=3)
"""Who speaks so soon after being locked has not been unlocked yet."""


@dataclass(frozen=True)
class Notice:
    """``url`` leads to what ``action`` says."""

    words: str
    tone: str = "warn"
    url: str = ""
    action: str = ""


def notices(look: Look) -> list[Notice]:
    if look.user or look.stay is None:
        return []
    newest = _newest(look.stay)
    return [
        notice
        for request_type, say in SAY.items()
        if request_type in newest
        for notice in say(look, newest[request_type])
    ]


def _newest(stay: Enrollment) -> Mapping[str, Delivery]:
    """Return the last order of each kind that counts: what was withdrawn does not."""
    rows = Delivery.objects.filter(
        channel__enrollment=stay, channel__user_id="", command__request_type__in=SAY
    ).exclude(state__in=(State.CANCELLED, State.EXPIRED, State.REFUSED))
    found: dict[str, Delivery] = {}
    joined = rows.select_related("command__ordered_by").defer("command__keys_plist")
    for row in joined.order_by("-pk")[:SHOWN]:
        found.setdefault(row.command.request_type, row)
    return found


# --- Erased


def _erasing(look: Look, order: Delivery) -> Iterator[Notice]:
    by = order.command.ordered_by or "the portal"
    page = {"url": _order(order), "action": "The order"}
    if order.state in (State.QUEUED, State.POSTPONED):
        words = (
            f"To be erased, ordered {naturaltime(order.queued_at)} by {by}: it happens "
            "when the device next connects. Until then the order can be cancelled."
        )
        yield Notice(words, "bad", **page)
    elif order.state == State.SENT:
        words = (
            f"The device has been told to erase itself {_ago(order.sent_at)}, by {by}, "
            "and has not answered. It may be erased already."
        )
        yield Notice(words, "bad", **page)
    elif order.state == State.FAILED:
        why = order.error or "it did not say why"
        yield Notice(f"It refused to be erased and stays managed: {why}", **page)
    elif look.stay and look.stay.state == Enrollment.State.ENDED:
        words = f"It erases itself, or is erased: it said so {_ago(order.settled_at)}."
        yield Notice(words, "bad", **page)
    else:
        words = (
            f"It said {_ago(order.settled_at)} that it erases itself, and has spoken "
            "since: it was not erased. Order it again if it is to be."
        )
        yield Notice(words, "bad", **page)


# --- Locked


def _locked(look: Look, order: Delivery) -> Iterator[Notice]:
    """Only a Mac is locked with a PIN; others have their passcode."""
    if look.device.platform != Device.Platform.MACOS:
        return
    if order.state != State.ACKNOWLEDGED or order.settled_at is None:
        return
    pin = Secret.objects.filter(delivery_uuid=order.uuid, is_confirmed=True)
    pin = pin.filter(kind=Secret.Kind.LOCK_PIN).defer("value")
    found = pin.first()
    if found is None:
        return
    if _spoke_after(look.channel, order.settled_at + GRACE):
        return  # it has been unlocked: a locked Mac has no network
    words = f"Locked with a PIN since {moment(order.settled_at)}."
    if look.viewer.has_perms((reveal.PERMISSION, "devices.view_secret")):
        page = reverse("admin:devices_secret_reveal", args=[found.pk])
        yield Notice(words, "warn", page, "Reveal the PIN…")
    else:
        yield Notice(words)


def _spoke_after(channel: Channel | None, at: dt.datetime) -> bool:
    return bool(channel and channel.last_seen_at and channel.last_seen_at > at)


# --- Without a passcode


def _without_passcode(look: Look, order: Delivery) -> Iterator[Notice]:
    if order.state != State.ACKNOWLEDGED or order.settled_at is None:
        return
    if look.device.passcode_present:
        return
    until = order.settled_at + ANEW_WITHIN
    told = Inventory.objects.filter(
        device=look.device, user_id="", request_type="SecurityInfo"
    )
    told_at = told.values_list("received_at", flat=True).first()
    if timezone.now() < until:
        words = (
            f"Its passcode was cleared at {moment(order.settled_at)}. Where one is "
            f"required, its user has until {_time(until)} to set another."
        )
    elif told_at and told_at > until:
        words = (
            f"Its passcode was cleared at {moment(order.settled_at)}, and it has had "
            f"none since: it said so at {moment(told_at)}."
        )
    else:
        words = (
            f"Its passcode was cleared at {moment(order.settled_at)}. Whether its user "
            "has set another is not known yet: ask for its security."
        )
    yield Notice(words, "warn", "?tab=security", "Security")


# --- Lost


def _lost(look: Look, order: Delivery) -> Iterator[Notice]:
    if order.state in OPEN:
        words = (
            f"Lost Mode was ordered {naturaltime(order.queued_at)}: it begins when the "
            "device next connects."
        )
        yield Notice(words, "warn", _order(order), "The order")
    elif look.device.in_lost_mode and order.state == State.ACKNOWLEDGED:
        since = moment(order.settled_at or order.queued_at)
        may_see = look.viewer.has_perm(location.PERMISSION)
        url, action = ("?tab=location", "Where it is") if may_see else ("", "")
        yield Notice(f"In Lost Mode since {since}.", "bad", url, action)


SAY: Mapping[str, Callable[[Look, Delivery], Iterator[Notice]]] = {
    "EraseDevice": _erasing,
    "DeviceLock": _locked,
    "EnableLostMode": _lost,
    "ClearPasscode": _without_passcode,
}
"""RequestType -> what its last order says of the device, the gravest first."""


def _order(order: Delivery) -> str:
    return reverse("admin:commands_delivery_change", args=[order.pk])


def _ago(at: dt.datetime | None) -> str:
    return str(naturaltime(at)) if at else "a while ago"


def _time(at: dt.datetime) -> str:
    return date_format(localtime(at), "H:i")
