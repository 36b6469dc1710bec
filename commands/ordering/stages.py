"""Stages: an order's first recipients, and the rest once those did well."""

import datetime as dt

from django.db.models import Count

from ..models import OPEN, Order, State

LOOK_EVERY = dt.timedelta(seconds=10)
LOOK_RARELY = dt.timedelta(minutes=1)
"""How often the first are looked at, once they had PATIENCE."""
PATIENCE = dt.timedelta(days=1)
"""After so long it is said which of the first have not answered."""

BAD = (State.FAILED, State.EXPIRED, State.REFUSED)


def most(order: Order, batch: int) -> int:
    """Return how many can be written now: no more than the first before the rest."""
    if order.first is None or order.rest_at:
        return batch
    return min(batch, max(order.first - order.queued, 0))


def note(order: Order, now: dt.datetime) -> None:
    """Write down that the first are queued, if they are, and when to look at them."""
    if order.first is None or order.first_at or order.queued < order.first:
        return
    if order.queued + order.refused < order.total:
        order.first_at = now
        order.next_at = now + LOOK_EVERY


def look(order: Order, now: dt.datetime) -> None:
    """Let the rest go, pause the order, or look again later.

    The rest goes as soon as no more can fail than may: what has not answered yet counts
    as if it failed. A device that never comes holds it up until somebody decides.
    """
    rows = order.recipients.filter(delivery__isnull=False).order_by()
    counts = {
        row["delivery__state"]: row["n"]
        for row in rows.values("delivery__state").annotate(n=Count("pk"))
    }
    failed = sum(counts.get(state, 0) for state in BAD)
    waiting = sum(counts.get(state, 0) for state in OPEN)
    if failed > order.most_failed:
        order.state, order.next_at = Order.State.PAUSED, order.expires_at
        order.why = (
            f"{failed} of the first {order.queued} failed, "
            f"at most {order.most_failed} may: look at them, then go on or cancel it."
        )
    elif not waiting or failed + waiting <= order.most_failed:
        let_go(order, now)
    elif order.first_at and now - order.first_at >= PATIENCE:
        order.next_at = now + LOOK_RARELY
        order.why = (
            f"{waiting} of the first {order.queued} have not answered for a day: "
            "go on without them, wait, or cancel it."
        )
    else:
        order.next_at = now + LOOK_EVERY


def let_go(order: Order, now: dt.datetime) -> None:
    """Have the rest written."""
    order.rest_at, order.why = now, ""
