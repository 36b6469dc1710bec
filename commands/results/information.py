"""Information: answers to DeviceInformation, and the columns of Device they fill.

https://developer.apple.com/documentation/devicemanagement/deviceinformationresponse
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from devices.models import Device, Secret
from devices.models.device import version_key
from mdmportal.protocol.platforms import platform_of

from .. import availability, inventory, queue
from ..models import Delivery
from . import facts, lost_mode
from .said import Said

Answer = Mapping[str, Any]

COLUMNS: Mapping[str, str] = {
    "serial_number": "SerialNumber",
    "name": "DeviceName",
    "product_name": "ProductName",
    "model": "Model",
    "model_name": "ModelName",
    "os_version": "OSVersion",
    "build_version": "BuildVersion",
    "imei": "IMEI",
    "meid": "MEID",
    "wifi_mac": "WiFiMAC",
    "bluetooth_mac": "BluetoothMAC",
    "ethernet_mac": "EthernetMAC",
    "iccid": "ICCID",
    "phone_number": "PhoneNumber",
    "carrier": "CurrentCarrierNetwork",
    "is_roaming": "IsRoaming",
    "capacity": "DeviceCapacity",
    "available_capacity": "AvailableDeviceCapacity",
    "battery_level": "BatteryLevel",
    "is_supervised": "IsSupervised",
    "is_activation_locked": "IsActivationLockEnabled",
    "in_lost_mode": "IsMDMLostModeEnabled",
    "is_apple_silicon": "IsAppleSilicon",
    "needs_pin_to_lock": "PINRequiredForDeviceLock",
    "needs_pin_to_erase": "PINRequiredForEraseDevice",
    "time_zone": "TimeZone",
}
"""Column of Device: query."""

OF_SUBSCRIPTION: Mapping[str, str] = {
    "imei": "IMEI",
    "meid": "MEID",
    "iccid": "ICCID",
    "phone_number": "PhoneNumber",
    "carrier": "CurrentCarrierNetwork",
    "is_roaming": "IsRoaming",
}
"""Column of Device: key of ServiceSubscriptions, which iOS 16 has instead."""

PREFERRED = ("IsDataPreferred", "IsVoicePreferred")
"""What makes one SIM of several the one that the columns tell of."""

ANONYMOUS: frozenset[str] = frozenset(
    (
        *("UDID", "ProvisioningUDID", "SerialNumber", "IMEI", "MEID", "ICCID"),
        *("PhoneNumber", "WiFiMAC", "BluetoothMAC", "EthernetMAC", "EthernetMACs"),
        *("ServiceSubscriptions", "EASDeviceIdentifier", "iTunesStoreAccountHash"),
        *("DeviceID", "LastCloudBackupDate"),
    )
)
"""Never kept of a device whose user enrolled it as their own, should it say them."""

UNKNOWN_BATTERY = -1


def read(said: Said) -> None:
    answer = said.answer["QueryResponses"]
    if not isinstance(answer, Mapping):
        raise TypeError("QueryResponses is not a dictionary")
    if said.is_anonymous:
        answer = {
            name: value for name, value in answer.items() if name not in ANONYMOUS
        }
    if facts.keep(said, answer) and said.is_of_device:
        platform = platform_of(
            str(answer.get("ProductName", "")), str(answer.get("Model", ""))
        )
        lost_mode.note(said, answer.get("IsMDMLostModeEnabled"))
        changed = said.device.learn(platform=platform, **columns(answer))
        if "os_version" in changed:
            _forget_installed_update(said.device)
        if "is_supervised" in changed and said.device.is_supervised:
            inventory.ask_supervised(said.channel)
        if said.device.is_supervised:
            _ask_for_bypass_code(said)


def columns(answer: Answer) -> dict[str, Any]:
    """Return what the answer tells of the columns; None where it does not."""
    found = {column: answer.get(name) for column, name in COLUMNS.items()}
    sim = _preferred(answer.get("ServiceSubscriptions"))
    for column, name in OF_SUBSCRIPTION.items():
        if found[column] in (None, ""):
            found[column] = sim.get(name)
    macs = answer.get("EthernetMACs")
    if not found["ethernet_mac"] and isinstance(macs, list) and macs:
        found["ethernet_mac"] = macs[0]
    if found["battery_level"] == UNKNOWN_BATTERY:
        found["battery_level"] = None
    if not _is_zone(str(found["time_zone"] or "")):
        found["time_zone"] = None
    return found


@lru_cache(maxsize=1000)
def _is_zone(name: str) -> bool:
    """Whether it is one that our clock knows, so that nobody reckons with another."""
    try:
        return bool(name and ZoneInfo(name))
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return False


def _preferred(subscriptions: Any) -> Answer:
    """Return the SIM that counts; {} if there is none.

    A slot without a SIM is listed too, with its IMEI alone.
    """
    if not isinstance(subscriptions, list):
        return {}
    sims = [one for one in subscriptions if isinstance(one, Mapping)]
    ranked = sorted(
        sims,
        key=lambda one: (
            *(not one.get(name) for name in PREFERRED),
            not one.get("PhoneNumber"),
            not one.get("ICCID"),
        ),
    )
    return ranked[0] if ranked else {}


def _forget_installed_update(device: Device) -> None:
    """What a device could install is no news once it has that system or a later one."""
    offered = version_key(device.update_available)
    if offered and offered <= device.os_version_key:
        device.update_available = ""
        device.save(update_fields=["update_available"])
        device.regroup([device.pk])


def _ask_for_bypass_code(said: Said) -> None:
    """Ask once in a stay for the code that opens an activation lock.

    A supervised device makes it, and tells it only while it is new.
    https://developer.apple.com/documentation/devicemanagement/activation-lock-bypass-code-command
    """
    request_type = "ActivationLockBypassCode"
    kept = Secret.objects.filter(
        enrollment=said.enrollment, kind=Secret.Kind.BYPASS_CODE
    )
    asked = Delivery.objects.filter(
        channel=said.channel, command__request_type=request_type
    )
    if (
        availability.refusal(said.channel, request_type)
        or kept.exists()
        or asked.exists()
    ):
        return
    queue.enqueue([said.channel.pk], request_type)


def refused(said: Said) -> None:
    """Ask once more for less: some systems refuse all for one query they dislike."""
    command = said.delivery.command
    if command.ordered_by_id is not None:
        return  # who ordered it sees what was wrong
    asked = set(command.keys.get("Queries", ()))
    target = availability.target_of(said.channel)
    safe = [
        name for name in inventory.information_queries(target) if name in inventory.SAFE
    ]
    if safe and asked - set(safe):
        queue.enqueue(
            [said.channel.pk],
            "DeviceInformation",
            {"Queries": safe},
            priority=command.priority,
            expires_at=command.expires_at,
        )
