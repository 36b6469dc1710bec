"""Absence: why an enrolled device does not come, and what brings it back.

Pushes that come meanwhile are kept by APNs, the last of them for each channel.
"""

import math
import threading
import time
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .device import SimulatedDevice


class Absence(StrEnum):
    NONE = ""
    RESTARTING = "restarting"
    """It is back for the next session."""
    OFF = "off"
    """Until somebody switches it on."""
    LOCKED = "locked"
    """A Mac, until somebody enters the PIN."""
    OBLITERATED = "obliterated"
    """A Mac without a system, until somebody installs one."""


AFTER: Mapping[str, float] = {
    Absence.RESTARTING: 10.0,
    Absence.OFF: 60.0,
    Absence.LOCKED: 120.0,
}


def begin(device: "SimulatedDevice", absence: Absence) -> None:
    with device.lock:
        device.state.away = absence


def end(device: "SimulatedDevice") -> None:
    """Be there again, and hear what was missed."""
    with device.lock:
        device.state.away = Absence.NONE
        device.state.firmware_pending = False
    for channel in device.channels:
        channel.hear_missed()


def switch_on(device: "SimulatedDevice") -> None:
    if device.state.away in (Absence.OFF, Absence.RESTARTING):
        end(device)


def unlock(device: "SimulatedDevice", pin: str) -> None:
    """Open a Mac that was locked; ValueError if it was not, or the PIN is wrong."""
    if device.state.away != Absence.LOCKED:
        raise ValueError(f"{device} is not locked.")
    if device.state.locked_with.get("PIN", "") != pin:
        raise ValueError("The PIN is wrong.")
    device.state.locked_with = {}
    end(device)


def come_back(device: "SimulatedDevice") -> None:
    """Let whoever has the device bring it back, if anybody can."""
    if device.state.away == Absence.LOCKED:
        unlock(device, device.state.locked_with.get("PIN", ""))
    else:
        switch_on(device)


class Returns:
    """When the devices of a fleet are back: somebody is there who looks after them.

    ``after`` is the seconds for each absence; who is not in it does not come back.
    """

    def __init__(self, after: Mapping[str, float] = AFTER) -> None:
        self.after = after
        self._due: dict[SimulatedDevice, float] = {}
        self._lock = threading.Lock()

    def wait(self, device: "SimulatedDevice") -> float:
        """Return in how many seconds the device is there; 0: it is there now."""
        if not device.is_away:
            return 0
        now, life = time.monotonic(), self.after.get(device.state.away, math.inf)
        with self._lock:
            left = self._due.setdefault(device, now + life) - now
            if left <= 0:
                del self._due[device]
        if left <= 0:
            come_back(device)
        return max(left, 0)
