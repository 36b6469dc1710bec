"""Settings: a list of items, each of which succeeds or fails by itself.

https://developer.apple.com/documentation/devicemanagement/settings-command
"""

import zoneinfo
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mdmportal.catalogue import commands
from mdmportal.protocol.schema import shape_of

from ..errors import Error, mdm_error
from . import apps
from .table import Answer, Request, Table

if TYPE_CHECKING:
    from ..channel import Channel
    from ..device import SimulatedDevice

NOT_SETTABLE = 12008
Item = Mapping[str, Any]


def settings(channel: "Channel", request: Request) -> Answer:
    """Apply each item and answer in the same order, acknowledging the whole."""
    return {"Settings": [_outcome(channel, item) for item in request["Settings"]]}


def _outcome(channel: "Channel", item: Item) -> dict[str, Any]:
    about = {"Identifier": item["Identifier"]} if "Identifier" in item else {}
    try:
        _apply(channel, item)
    except Error as error:
        return {"Status": "Error", "ErrorChain": error.chain(), **about}
    return {"Status": "Acknowledged", **about}


def _apply(channel: "Channel", item: Item) -> None:
    name, device = str(item.get("Item")), channel.device
    shape = shape_of(commands()["Settings"].keys["Settings"].items, item)
    reason = channel.lacks(shape) if shape else "there is no such setting"
    reason = reason or _why_not(device, name, item)
    if reason:
        raise mdm_error(NOT_SETTABLE, f"“{name}” cannot be set: {reason}.")
    if name in BY_ITEM:
        BY_ITEM[name](device, item)
    else:
        kept = {key: value for key, value in item.items() if key != "Item"}
        device.state.settings[name] = kept


def _why_not(device: "SimulatedDevice", name: str, item: Item) -> str:
    """Return why it cannot be set here or now, '' if it can."""
    if name in CELLULAR and not device.hardware.cellular:
        return "the device is not cellular"
    if SIZES & item.keys() and not device.state.awaiting:
        return "the device is configured already"
    if len(SIZES & item.keys()) > 1:
        return "there is more than one size"
    return ""


def _device_name(device: "SimulatedDevice", item: Item) -> None:
    device.state.name = item["DeviceName"]


def _app_configuration(device: "SimulatedDevice", item: Item) -> None:
    apps.check_managed(device.state, item["Identifier"])
    apps.configure(device.state, item["Identifier"], item.get("Configuration"))


def _app_attributes(device: "SimulatedDevice", item: Item) -> None:
    state, identifier = device.state, item["Identifier"]
    apps.check_managed(state, identifier)
    state.app_attributes.pop(identifier, None)
    if item.get("Attributes"):
        state.app_attributes[identifier] = item["Attributes"]


def _options(device: "SimulatedDevice", item: Item) -> None:
    kept = device.state.settings.setdefault("MDMOptions", {"MDMOptions": {}})
    kept["MDMOptions"].update(item["MDMOptions"])


def _wallpaper(device: "SimulatedDevice", item: Item) -> None:
    image = item["Image"]
    if not image.startswith(IMAGES):
        raise mdm_error(NOT_SETTABLE, "The wallpaper is neither PNG nor JPEG.")
    for screen in SCREENS[item["Where"]]:
        device.state.wallpaper[screen] = image


def _time_zone(device: "SimulatedDevice", item: Item) -> None:
    name = item["TimeZone"]
    if name not in zoneinfo.available_timezones():
        raise mdm_error(NOT_SETTABLE, f"There is no time zone “{name}”.")
    device.state.settings["TimeZone"] = {"TimeZone": name}


def _merged(device: "SimulatedDevice", item: Item) -> None:
    """What is left out stays as it is."""
    kept = device.state.settings.setdefault(item["Item"], {})
    kept.update({name: value for name, value in item.items() if name != "Item"})


def _organization(device: "SimulatedDevice", item: Item) -> None:
    """Left out, the organization is forgotten."""
    device.state.settings.pop("OrganizationInfo", None)
    if "OrganizationInfo" in item:
        _merged(device, item)


def _default_applications(device: "SimulatedDevice", item: Item) -> None:
    for identifier in [value for name, value in item.items() if name != "Item"]:
        if identifier not in device.state.apps and not _is_of_apple(identifier):
            raise mdm_error(NOT_SETTABLE, f"“{identifier}” is not installed.")
    _merged(device, item)


def _is_of_apple(identifier: str) -> bool:
    return str(identifier).startswith("com.apple.")


IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
"""How a PNG and a JPEG begin."""
SCREENS = {1: ("lock",), 2: ("home",), 3: ("lock", "home")}
SIZES = {"QuotaSize", "ResidentUsers", "MaximumResidentUsers"}
"""What divides a Shared iPad among its users, before it has any."""
CELLULAR = ("DataRoaming", "PersonalHotspot", "VoiceRoaming")
BY_ITEM: dict[str, Callable[["SimulatedDevice", Item], None]] = {
    "AccessibilitySettings": _merged,
    "ApplicationAttributes": _app_attributes,
    "ApplicationConfiguration": _app_configuration,
    "DefaultApplications": _default_applications,
    "DeviceName": _device_name,
    "MDMOptions": _options,
    "OrganizationInfo": _organization,
    "SharedDeviceConfiguration": _merged,
    "TimeZone": _time_zone,
    "Wallpaper": _wallpaper,
}
"""Items that do more than be kept, for DeviceInformation to tell."""

ANSWERS: Table = {"Settings": settings}
