"""States: how those of a delivery and of an order are shown, the same everywhere."""

from collections.abc import Mapping

from .models import Delivery, Order, State

BADGES: Mapping[str, str] = {
    State.QUEUED: "info",
    State.SENT: "info",
    State.POSTPONED: "warn",
    State.ACKNOWLEDGED: "ok",
    State.FAILED: "bad",
    State.CANCELLED: "mute",
    State.EXPIRED: "warn",
    State.REFUSED: "warn",
}
"""The tone of its badge."""

REPEATED = (State.FAILED, State.EXPIRED, State.REFUSED, State.CANCELLED)
"""What did not come to pass, and can be ordered again."""

MEANINGS: Mapping[str, str] = {
    State.QUEUED: "waits for the device to connect",
    State.SENT: "on its way, not answered yet",
    State.POSTPONED: "the device was busy or locked",
    State.EXPIRED: "the device did not come in time",
    State.REFUSED: "it could not take it any more",
}
"""What a state means, where its name does not say it."""


def badge(delivery: Delivery) -> str:
    """Return the tone of a delivery: what was not all done is not well."""
    return "warn" if delivery.is_partial else BADGES[delivery.state]


def label(delivery: Delivery) -> str:
    return "not all done" if delivery.is_partial else delivery.get_state_display()


ORDERS: Mapping[str, str] = {
    Order.State.DRAFT: "mute",
    Order.State.AWAITING: "warn",
    Order.State.RUNNING: "info",
    Order.State.PAUSED: "bad",
    Order.State.DONE: "ok",
    Order.State.CANCELLED: "mute",
    Order.State.REJECTED: "mute",
}
"""The tone of an order's badge."""
