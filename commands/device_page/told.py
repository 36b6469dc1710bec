"""Told: the newest answer to a query; or why there is none, and what one can do."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.contrib.humanize.templatetags.humanize import naturaltime

from devices.models import Enrollment, Inventory

from .. import availability
from ..models import Delivery, State
from .look import Look

ASKABLE = frozenset(
    (
        "AvailableOSUpdates",
        "CertificateList",
        "DeviceInformation",
        "DeviceLocation",
        "InstalledApplicationList",
        "ManagedApplicationList",
        "OSUpdateStatus",
        "ProfileList",
        "ProvisioningProfileList",
        "Restrictions",
        "SecurityInfo",
        "UserList",
    )
)
"""What the tabs' own buttons ask for."""


@dataclass(frozen=True)
class Told:
    request_type: str
    answer: Any = None
    at: dt.datetime | None = None
    why: str = ""
    """Why there is no answer, in words."""
    can_ask: bool = False

    @property
    def is_there(self) -> bool:
        return self.at is not None


def told(look: Look, request_type: str) -> Told:
    """Return what was answered, or why nothing was."""
    found = answer_of(look, request_type)
    if found:
        can_ask = not _refusal(look, request_type)
        return Told(request_type, found.answer, found.received_at, "", can_ask)
    refusal = _refusal(look, request_type)
    if refusal:
        return Told(request_type, why=refusal)
    return Told(request_type, why=_since_asked(look, request_type), can_ask=True)


def answer_of(look: Look, request_type: str) -> Inventory | None:
    rows = Inventory.objects.filter(device=look.device, user_id=look.user_id)
    return rows.filter(request_type=request_type).first()


def _refusal(look: Look, request_type: str) -> str:
    """Return why it cannot be asked now; '' if it can."""
    if look.stay is None or look.stay.state == Enrollment.State.ENDED:
        return "It left management and did not say before."
    if look.channel is None or look.stay.state != Enrollment.State.ACTIVE:
        return "It has not finished enrolling. It is asked as soon as it has."
    reason = availability.refusal(look.channel, request_type)
    return f"It cannot be asked: {reason}." if reason else ""


def _since_asked(look: Look, request_type: str) -> str:
    rows = Delivery.objects.filter(
        channel=look.channel, command__request_type=request_type
    )
    last = rows.order_by("-pk").first()
    if last is None:
        return "It was not asked yet."
    asked = f"Asked {naturaltime(last.queued_at)}"
    return SINCE[State(last.state)].format(asked=asked, error=last.error or "no reason")


SINCE = {
    State.QUEUED: "{asked}. The answer comes when the device next connects.",
    State.SENT: "{asked}. The device has the question and has not answered yet.",
    State.POSTPONED: "{asked}. The device was busy or locked and will answer later.",
    State.ACKNOWLEDGED: "{asked} and answered; the answer is being read, or could not "
    "be: see its raw answer under Commands.",
    State.FAILED: "{asked}. It answered with an error: {error}",
    State.CANCELLED: "{asked}, but that was cancelled before the device got it.",
    State.EXPIRED: "{asked}, but the device did not come in time.",
    State.REFUSED: "{asked}, but the device could not take it any more: {error}",
}
"""What became of the last question."""
