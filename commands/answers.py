"""Answers: what a device answered, for people to read, without its secrets."""

import json
from collections.abc import Mapping
from typing import Any

from devices.models.inventory import to_json
from mdmportal.protocol import ProtocolError, plist

from .models import Delivery, Result, State
from .words import SECRET_KEYS

HIDDEN = "••••••"
LONG = 400
"""Longer text, such as a certificate's base64, is cut."""

Error = Mapping[str, str]


def hide(value: Any) -> Any:
    """Return ``value`` with the values of secret keys replaced, at any depth."""
    if isinstance(value, Mapping):
        return {
            name: HIDDEN if str(name).lower() in SECRET_KEYS else hide(item)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [hide(item) for item in value]
    if isinstance(value, str) and len(value) > LONG:
        return f"{value[:LONG]}… ({len(value):,} characters)"
    return value


def pretty(value: Any) -> str:
    """Return a property list's value as indented text without secrets."""
    return json.dumps(hide(to_json(value)), indent=2, ensure_ascii=False)


def text(result: Result) -> str:
    """Return the raw answer as text, or why it cannot be shown."""
    try:
        return pretty(plist.loads(bytes(result.body)))
    except ProtocolError as error:
        return f"The answer cannot be read: {error}"


def errors(delivery: Delivery) -> list[Error]:
    """Return the ErrorChain in words: what the device said, and its code."""
    chain = (link for link in delivery.error_chain if isinstance(link, Mapping))
    return [
        {
            "words": str(
                link.get("LocalizedDescription")
                or link.get("USEnglishDescription")
                or "no words"
            ),
            "english": str(link.get("USEnglishDescription") or ""),
            "code": " ".join(
                str(link[key]) for key in ("ErrorDomain", "ErrorCode") if key in link
            ),
        }
        for link in chain
    ]


BADGES: Mapping[str, str] = {
    State.QUEUED: "info",
    State.SENT: "info",
    State.POSTPONED: "warn",
    State.ACKNOWLEDGED: "ok",
    State.FAILED: "bad",
    State.CANCELLED: "mute",
    State.EXPIRED: "warn",
}
"""The colour of each state, the same on every page."""

WORDS: Mapping[str, str] = {
    State.QUEUED: "waits for the device to connect",
    State.SENT: "on its way, not answered yet",
    State.POSTPONED: "the device was busy or locked",
    State.EXPIRED: "the device did not come in time",
}
"""What a state means, where its name does not say it."""
