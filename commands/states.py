"""States: how each state of a delivery is shown, the same on every page."""

from collections.abc import Mapping

from .models import State

BADGES: Mapping[str, str] = {
    State.QUEUED: "info",
    State.SENT: "info",
    State.POSTPONED: "warn",
    State.ACKNOWLEDGED: "ok",
    State.FAILED: "bad",
    State.CANCELLED: "mute",
    State.EXPIRED: "warn",
}
"""The tone of its badge."""

MEANINGS: Mapping[str, str] = {
    State.QUEUED: "waits for the device to connect",
    State.SENT: "on its way, not answered yet",
    State.POSTPONED: "the device was busy or locked",
    State.EXPIRED: "the device did not come in time",
}
"""What a state means, where its name does not say it."""
