"""Updates: answers to AvailableOSUpdates, and the newest system among them.

https://developer.apple.com/documentation/devicemanagement/availableosupdatesresponse
"""

from collections.abc import Mapping
from typing import Any

from devices.models import Device
from devices.models.device import version_key

from . import lists
from .said import Said

LIST = "AvailableOSUpdates"
SYSTEMS = ("macOS", "OS X", "Mac OS X")
"""How the names of a Mac's system begin: it is offered Safari and tools beside it."""
NO_SYSTEM = ("IsConfigDataUpdate", "IsFirmwareUpdate")


def read(said: Said) -> None:
    updates = said.answer[LIST]
    if not isinstance(updates, list):
        raise TypeError(f"{LIST} is not an array")
    named = lists.by("HumanReadableName", "ProductKey")
    if lists.keep(said, updates, named) and said.is_of_device:
        _offer(said.device, newest(said.device.platform, updates))


def newest(platform: str, updates: list[Any]) -> str:
    """Return the newest version of its system that is offered, '' for none."""
    systems = [
        str(one["Version"])
        for one in updates
        if isinstance(one, Mapping) and one.get("Version") and _is_system(platform, one)
    ]
    return max(systems, key=version_key, default="")


def _is_system(platform: str, update: Mapping[str, Any]) -> bool:
    if any(update.get(name) for name in NO_SYSTEM):
        return False
    name = str(update.get("HumanReadableName") or update.get("ProductName") or "")
    return platform != Device.Platform.MACOS or not name or name.startswith(SYSTEMS)


def _offer(device: Device, version: str) -> None:
    """Take over the version. None is news too: the device is up to date."""
    version = version[:64]
    if device.update_available != version:
        device.update_available = version
        device.save(update_fields=["update_available"])
        device.regroup([device.pk])
