"""Refusals: who is not sent an order and why, by reason."""

from django.db.models import Count

from .models import Order, Recipient
from .targets import NAMED, Refused

MOST_REASONS = 10
"""How many reasons are told with names; there are seldom more than three."""


def of(order: Order) -> list[Refused]:
    """Return why some do not get the order, most frequent first, with first names."""
    refused = order.recipients.filter(state=Recipient.State.REFUSED).order_by()
    counts = refused.values_list("reason").annotate(n=Count("pk"))
    found = list(counts.order_by("-n", "reason")[:MOST_REASONS])
    return [Refused(why, count, _names(order, why)) for why, count in found]


def _names(order: Order, reason: str) -> tuple[str, ...]:
    rows = order.recipients.filter(state=Recipient.State.REFUSED, reason=reason)
    named = rows.select_related("device").order_by("device__name", "pk")[:NAMED]
    return tuple(str(row.device) for row in named)
