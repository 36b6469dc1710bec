"""The timeline's tab: what waits, then what happened."""

from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet

from .. import live, timeline
from ..models import OPEN, Delivery
from . import location
from .commands import deliveries
from .look import Look

WAITING = 25


def gather(look: Look) -> dict[str, Any]:
    kind = look.query.get("kind", "")
    kind = kind if kind in timeline.KINDS else ""
    before = timeline.Cursor.read(look.query.get("before", ""))
    shown = timeline.page(
        look.device,
        look.user,
        kind=kind,
        before=before,
        audited=look.viewer.has_perm("devices.view_auditentry"),
        located=look.viewer.has_perm(location.PERMISSION),
    )
    return {
        "kinds": _kinds(look),
        "kind": kind,
        "is_first": before is None,
        "open": [] if before or kind else _open(look),
        "days": shown.days,
        "older_url": _older(shown.older, kind),
    }


def _kinds(look: Look) -> dict[str, str]:
    """Return what can be seen alone, of what there is for whom."""
    may_locate = look.user is None and look.viewer.has_perm(location.PERMISSION)
    return {
        name: title
        for name, title in timeline.KINDS.items()
        if name != "located" or may_locate
    }


def _open(look: Look) -> list[tuple[Delivery, Any]]:
    """Return what waits, in the order in which it is sent."""
    rows: QuerySet[Delivery] = deliveries(look).filter(state__in=OPEN)
    waiting = rows.order_by("-priority", "pk")[:WAITING]
    return [(row, live.state_cell(row)) for row in waiting]


def _older(place: timeline.Cursor | None, kind: str) -> str:
    if place is None:
        return ""
    query = {"tab": "timeline", "kind": kind, "before": str(place)}
    return "?" + urlencode({name: value for name, value in query.items() if value})
