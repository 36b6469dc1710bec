"""Lost mode: that it is on or off, by commands that were done and by DeviceInformation.

The column is right as soon as a device says so; that it changed is in the history.
https://developer.apple.com/documentation/devicemanagement/enable-lost-mode-command
"""

from typing import Any

from devices.models import Change

from . import history
from .history import Difference
from .said import Reader, Said

NAME = "Lost Mode"


def note(said: Said, is_on: Any) -> None:
    """Take over whether it is on; None says nothing.

    Of a device that never told before, only that it is on is news.
    """
    if is_on is None or not said.is_of_device:
        return
    now, was = bool(is_on), said.device.in_lost_mode
    if now == was:
        return
    said.device.learn(in_lost_mode=now)
    if now or was is not None:
        kind = Change.Kind.CHANGED
        history.write(said, [Difference(kind, NAME, _words(bool(was)), _words(now))])


def _words(is_on: bool) -> str:
    return "on" if is_on else "off"


def turned(*, on: bool) -> Reader:
    """Return what reads that a command turned it on or off."""

    def read(said: Said) -> None:
        note(said, on)

    return read
