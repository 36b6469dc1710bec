"""Filled: commands with a key that each device entrusted to us, one by one."""

from collections.abc import Iterable, Mapping
from typing import Any

from devices.models import Channel, Secret

from . import orders
from .models import Command

KEYS: Mapping[str, Mapping[str, str]] = {
    "ClearPasscode": {"UnlockToken": Secret.Kind.UNLOCK_TOKEN},
}
"""RequestType -> its keys that the portal fills -> the secret they are filled with."""


def names(request_type: str) -> Iterable[str]:
    """Return the keys of a command that nobody is asked for."""
    return KEYS.get(request_type, {}).keys()


def missing(channel: Channel, request_type: str) -> str:
    """Return what the device has not entrusted to us, in words; '' if nothing."""
    for kind in KEYS.get(request_type, {}).values():
        if Secret.current(channel.enrollment_id, kind) is None:
            return f"the device handed over no {Secret.Kind(kind).label}"
    return ""


def place(
    channels: Iterable[Channel],
    request_type: str,
    keys: Mapping[str, Any],
    *,
    by: Any,
    note: str,
) -> tuple[list[Command], dict[str, str]]:
    """Order the command and return the orders made, and who was refused and why.

    It is one order, but one for each device where the portal fills keys.
    Raises orders.Invalid for wrong keys.
    """
    if request_type not in KEYS:
        order = orders.place(channels, request_type, keys, by=by, note=note)
        return ([order.command] if order.command else []), dict(order.refused)
    made: list[Command] = []
    refused: dict[str, str] = {}
    for channel in channels:
        own = _own(channel, request_type)
        if own is None:
            device = str(channel.enrollment.device)
            refused[device] = missing(channel, request_type)
            continue
        order = orders.place([channel], request_type, {**keys, **own}, by=by, note=note)
        made += [order.command] if order.command else []
        refused |= order.refused
    return made, refused


def _own(channel: Channel, request_type: str) -> dict[str, bytes] | None:
    """Return the keys filled for this device, None if it lacks one."""
    filled: dict[str, bytes] = {}
    for name, kind in KEYS[request_type].items():
        secret = Secret.current(channel.enrollment_id, kind)
        if secret is None:
            return None
        filled[name] = bytes(secret.value)
    return filled
