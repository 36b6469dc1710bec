"""Settings: a list of items, each of which succeeds or fails by itself.

https://developer.apple.com/documentation/devicemanagement/settings-command
"""

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
    if not reason and name in CELLULAR and not device.hardware.cellular:
        reason = "the device is not cellular"
    if reason:
        raise mdm_error(NOT_SETTABLE, f"“{name}” cannot be set: {reason}.")
    if name in BY_ITEM:
        BY_ITEM[name](device, item)
    else:
        kept = {key: value for key, value in item.items() if key != "Item"}
        device.state.settings[name] = kept


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


CELLULAR = ("DataRoaming", "PersonalHotspot", "VoiceRoaming")
BY_ITEM: dict[str, Callable[["SimulatedDevice", Item], None]] = {
    "ApplicationAttributes": _app_attributes,
    "ApplicationConfiguration": _app_configuration,
    "DeviceName": _device_name,
    "MDMOptions": _options,
}
"""Items that do more than be kept, for DeviceInformation to tell."""

ANSWERS: Table = {"Settings": settings}
