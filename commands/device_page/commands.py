"""Commands and enrollments: what the device was told, and its stays."""

from typing import Any

from django.db.models import QuerySet

from devices.admin.enrollment import state_badge

from .. import live
from ..models import Delivery
from .look import Look

SHOWN = 50


def deliveries(look: Look) -> QuerySet[Delivery]:
    """Return what was sent to the device and its users, or to this user; newest first.

    The keys may be secret and are left where they are.
    """
    rows = Delivery.objects.filter(channel__enrollment__device=look.device)
    if look.user:
        rows = rows.filter(channel__user_id=look.user_id)
    joined = rows.select_related("command__ordered_by", "channel").order_by("-pk")
    return joined.defer("command__keys_plist")


def gather(look: Look) -> dict[str, Any]:
    rows = deliveries(look)[:SHOWN]
    return {"rows": [(row, live.state_cell(row)) for row in rows]}


def gather_enrollments(look: Look) -> dict[str, Any]:
    return {"enrollments": [(stay, state_badge(stay)) for stay in look.stays]}
