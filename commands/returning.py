"""Returning: profiles by which erased devices come back by themselves.

Only the ways in know how to make them, and they stand above: they say so here.
https://developer.apple.com/documentation/devicemanagement/erase-device-command
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from devices.models import Channel

KEY, PROFILE, TOKEN = "ReturnToService", "MDMProfileData", "BootstrapToken"

Maker = Callable[[Sequence[Channel]], Mapping[int, bytes | str]]
"""Returns by channel the profile that its device is to install, b"" where it fetches
one by itself, or why there is none, in words."""

_makers: list[Maker] = []


def made_by(maker: Maker) -> None:
    """Have profiles made by this; the last one counts."""
    _makers[:] = [maker]


def is_wanted(keys: Mapping[str, Any]) -> bool:
    """Whether an order to erase asks for it and leaves the profile to us."""
    wanted = keys.get(KEY)
    if not isinstance(wanted, Mapping) or PROFILE in wanted:
        return False
    return bool(wanted.get("Enabled"))


def profiles(channels: Sequence[Channel]) -> Mapping[int, bytes | str]:
    return _makers[0](channels) if _makers else {}
