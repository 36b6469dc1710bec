"""DeviceInformation: what a device tells of itself, one value for each query.

https://developer.apple.com/documentation/devicemanagement/device-information-command
"""

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mdmportal.catalogue import commands
from mdmportal.protocol.schema import Key

from .. import places
from .table import Answer, Request, Table

if TYPE_CHECKING:
    from ..channel import Channel
    from ..device import SimulatedDevice

Query = Callable[["SimulatedDevice"], Any]
"""Returns a value, or None where this device has none: the key is left out."""

SYSTEM_GB = 14.2
CARRIER = "Carrier"
CELLULAR_GSM_CDMA = 3


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0)


def always(value: Any) -> Query:
    return lambda device: value


def setting(item: str, key: str, default: Any = None) -> Query:
    """What the Settings command set, else what a device comes with."""
    return lambda device: device.state.settings.get(item, {}).get(key, default)


def cellular(query: Query) -> Query:
    return lambda device: query(device) if device.hardware.cellular else None


def shared(query: Query) -> Query:
    return lambda device: query(device) if device.hardware.shared else None


def with_battery(query: Query) -> Query:
    return lambda device: query(device) if device.hardware.has_battery else None


def _free(device: "SimulatedDevice") -> float:
    used = sum(app.get("BundleSize", 0) for app in device.state.apps.values())
    free = device.hardware.capacity * 0.7 - SYSTEM_GB - float(used) / 10**9
    return round(free, 2)


def _battery(device: "SimulatedDevice") -> float:
    return 0.35 + device.unit.seed * 7 % 64 / 100


def _host_name(device: "SimulatedDevice") -> str:
    name = "".join(c if c.isascii() and c.isalnum() else "-" for c in device.state.name)
    return "-".join(part for part in name.split("-") if part)


def _managed_users(device: "SimulatedDevice") -> list[str]:
    return [user.account.guid for user in device.users.values() if user.is_open]


def _setup_administrators(device: "SimulatedDevice") -> list[dict[str, Any]]:
    return [
        {"GUID": account.guid, "shortName": account.short_name}
        for account in device.state.accounts.values()
        if account.made_by_setup
    ]


def _subscriptions(device: "SimulatedDevice") -> list[dict[str, Any]]:
    unit = device.unit
    return [
        {
            "CarrierSettingsVersion": "62.0",
            "CurrentCarrierNetwork": CARRIER,
            "CurrentMCC": "310",
            "CurrentMNC": "410",
            "ICCID": unit.iccid,
            "IMEI": unit.imei,
            "MEID": unit.meid,
            "IsDataPreferred": True,
            "IsRoaming": False,
            "IsVoicePreferred": True,
            "Label": "Primary",
            "LabelID": "00000000-0000-0000-0000-000000000001",
            "PhoneNumber": unit.phone_number,
            "EID": f"8904903200{unit.iccid}0",
            "Slot": "CTSubscriptionSlotOne",
        }
    ]


def _update_settings(device: "SimulatedDevice") -> dict[str, Any]:
    return {
        "AutoCheckEnabled": True,
        "AutomaticAppInstallationEnabled": False,
        "AutomaticOSInstallationEnabled": False,
        "AutomaticSecurityUpdatesEnabled": True,
        "BackgroundDownloadEnabled": True,
        "CatalogURL": "",
        "IsDefaultCatalog": True,
        "PerformPeriodicCheck": True,
        "PreviousScanDate": _now(),
        "PreviousScanResult": 2,
    }


QUERIES: dict[str, Query] = {
    "AccessibilitySettings": lambda device: {
        "BoldTextEnabled": False,
        "IncreaseContrastEnabled": False,
        "ReduceMotionEnabled": False,
        "ReduceTransparencyEnabled": False,
        "TextSize": 3,
        "TouchAccommodationsEnabled": False,
        "VoiceOverEnabled": False,
        "ZoomEnabled": False,
        **{
            name: value
            for name, value in device.state.settings.get(
                "AccessibilitySettings", {}
            ).items()
            if name != "Item"
        },
    },
    "ActiveManagedUsers": _managed_users,
    "AppAnalyticsEnabled": setting("AppAnalytics", "Enabled", False),
    "AutoSetupAdminAccounts": _setup_administrators,
    "AvailableDeviceCapacity": _free,
    "AwaitingConfiguration": lambda device: device.state.awaiting,
    "BatteryLevel": with_battery(_battery),
    "BluetoothMAC": lambda device: device.unit.bluetooth_mac,
    "BuildVersion": lambda device: device.state.build_version,
    "CarrierSettingsVersion": cellular(always("62.0")),
    "CellularTechnology": cellular(always(CELLULAR_GSM_CDMA)),
    "CurrentCarrierNetwork": cellular(always(CARRIER)),
    "CurrentMCC": cellular(always("310")),
    "CurrentMNC": cellular(always("410")),
    "DataRoamingEnabled": cellular(setting("DataRoaming", "Enabled", False)),
    "DeviceCapacity": lambda device: device.hardware.capacity,
    "DeviceID": lambda device: device.unit.wifi_mac.replace(":", "").upper(),
    "DeviceName": lambda device: device.state.name,
    "DiagnosticSubmissionEnabled": setting("DiagnosticSubmission", "Enabled", False),
    "EACSPreflight": lambda device: (
        "success" if device.hardware.apple_silicon else "not supported"
    ),
    "EASDeviceIdentifier": lambda device: (
        f"{device.unit.serial_number}{device.unit.wifi_mac.replace(':', '').upper()}"
    ),
    "EstimatedResidentUsers": shared(always(4)),
    "EthernetMAC": lambda device: device.unit.ethernet_mac,
    "HasBattery": lambda device: device.hardware.has_battery,
    "HostName": lambda device: device.state.settings.get("HostName", {}).get(
        "HostName", f"{_host_name(device)}.local"
    ),
    "ICCID": cellular(lambda device: device.unit.iccid),
    "IMEI": cellular(lambda device: device.unit.imei),
    "IsActivationLockEnabled": lambda device: bool(device.state.bypass_code),
    "IsActivationLockSupported": always(True),
    "IsAppleSilicon": lambda device: device.hardware.apple_silicon,
    "IsCloudBackupEnabled": always(True),
    "IsDeviceLocatorServiceEnabled": always(True),
    "IsDoNotDisturbInEffect": always(False),
    "IsMDMLostModeEnabled": lambda device: bool(device.state.lost_mode),
    "IsMultiUser": lambda device: device.hardware.shared,
    "IsNetworkTethered": always(False),
    "IsRoaming": cellular(always(False)),
    "IsSupervised": lambda device: device.supervised,
    "LastCloudBackupDate": lambda device: _now() - dt.timedelta(hours=9),
    "LocalHostName": _host_name,
    "MDMOptions": setting("MDMOptions", "MDMOptions", {}),
    "MEID": cellular(lambda device: device.unit.meid),
    "ManagedAppleIDDefaultDomains": shared(
        setting("SharedDeviceConfiguration", "ManagedAppleIDDefaultDomains", [])
    ),
    "MaximumResidentUsers": shared(always(8)),
    "Model": lambda device: device.hardware.model,
    "ModelName": lambda device: device.hardware.model_name,
    "ModelNumber": lambda device: device.hardware.model_number,
    "ModemFirmwareVersion": cellular(always("1.11.00")),
    "OSUpdateSettings": _update_settings,
    "OSVersion": lambda device: device.state.os_version,
    "OnlineAuthenticationGracePeriod": shared(
        setting("SharedDeviceConfiguration", "OnlineAuthenticationGracePeriod", 0)
    ),
    "OrganizationInfo": setting("OrganizationInfo", "OrganizationInfo"),
    "PINRequiredForDeviceLock": lambda device: not device.hardware.apple_silicon,
    "PINRequiredForEraseDevice": lambda device: not device.hardware.apple_silicon,
    "PersonalHotspotEnabled": cellular(setting("PersonalHotspot", "Enabled", False)),
    "PhoneNumber": cellular(lambda device: device.unit.phone_number),
    "ProductName": lambda device: device.hardware.product_name,
    "ProvisioningUDID": lambda device: device.unit.provisioning_udid,
    "PushToken": lambda device: device.state.token,
    "QuotaSize": shared(setting("SharedDeviceConfiguration", "QuotaSize", 4096)),
    "ResidentUsers": shared(setting("SharedDeviceConfiguration", "ResidentUsers", 8)),
    "SIMCarrierNetwork": cellular(always(CARRIER)),
    "SerialNumber": lambda device: device.unit.serial_number,
    "ServiceSubscriptions": cellular(_subscriptions),
    "SkipLanguageAndLocaleSetupForNewUsers": shared(always(False)),
    "SoftwareUpdateDeviceID": lambda device: f"{device.hardware.product_name}AP",
    "SoftwareUpdateSettings": lambda device: {
        "RecommendationsCadence": device.state.settings.get(
            "SoftwareUpdateSettings", {}
        ).get("RecommendationCadence", 0)
    },
    "SubscriberCarrierNetwork": cellular(always(CARRIER)),
    "SubscriberMCC": cellular(always("310")),
    "SubscriberMNC": cellular(always("410")),
    "SupplementalBuildVersion": lambda device: device.state.build_version,
    "SupportsLOMDevice": always(False),
    "SupportsiOSAppInstalls": lambda device: device.hardware.apple_silicon,
    "SystemIntegrityProtectionEnabled": always(True),
    "TemporarySessionOnly": shared(always(False)),
    "TemporarySessionTimeout": shared(always(0)),
    "TimeZone": lambda device: (
        device.state.settings.get("TimeZone", {}).get("TimeZone")
        or places.of(device.unit.seed).time_zone
    ),
    "UDID": lambda device: device.unit.udid,
    "UserSessionTimeout": shared(always(0)),
    "VoiceRoamingEnabled": cellular(setting("VoiceRoaming", "Enabled", False)),
    "WiFiMAC": lambda device: device.unit.wifi_mac,
    "iTunesStoreAccountHash": lambda device: f"{device.unit.seed:032x}",
    "iTunesStoreAccountIsActive": always(True),
}
"""Not here, and never answered: an attestation, which takes Apple, and the extra of a
Rapid Security Response, since none is installed."""


def device_information(channel: "Channel", request: Request) -> Answer:
    """Answer what is asked, as far as it is known here; the rest is left out."""
    known = _choices()
    responses = {}
    for name in request["Queries"]:
        if name in known and name in QUERIES and not channel.lacks(known[name]):
            value = QUERIES[name](channel.device)
            if name == "PushToken":
                value = channel.kept.token
            if value is not None:
                responses[name] = value
    return {"QueryResponses": responses}


def _choices() -> dict[str, Key]:
    """The queries in Apple's schema, each with where it can be asked."""
    return dict(commands()["DeviceInformation"].keys["Queries"].items[0].choices)


ANSWERS: Table = {"DeviceInformation": device_information}
