"""Updates of the operating system, and the end of setting the device up.

https://developer.apple.com/documentation/devicemanagement/schedule-os-update-command
"""

from typing import TYPE_CHECKING, Any

from .. import absence
from ..absence import Absence
from ..errors import mdm_error
from .table import Answer, Request, Table
from .users import check_awaiting

if TYPE_CHECKING:
    from ..channel import Channel
    from ..device import SimulatedDevice

NO_UPDATE = 12080
GIGABYTE = 1_000_000_000
NAMES = {"iOS": "iOS", "macOS": "macOS Sequoia", "tvOS": "tvOS", "visionOS": "visionOS"}
INSTALLS = ("Default", "InstallASAP", "InstallForceRestart")


def available(device: "SimulatedDevice") -> dict[str, Any] | None:
    """Return the update there is for this device, an item of AvailableOSUpdates."""
    version, build = device.hardware.newest
    if build == device.state.build_version:
        return None
    name = NAMES[device.hardware.platform]
    update = {
        "ProductKey": f"{name.split()[0]}-{version}-{build}",
        "ProductName": name,
        "HumanReadableName": f"{name} {version}",
        "Version": version,
        "Build": build,
        "DownloadSize": 2 * GIGABYTE,
        "InstallSize": 4 * GIGABYTE,
        "IsCritical": False,
        "IsSecurityResponse": False,
        "RestartRequired": True,
        "AllowsInstallLater": True,
    }
    return {**update, **_of_mac(device)} if device.is_mac else update


def _of_mac(device: "SimulatedDevice") -> dict[str, Any]:
    version, _ = device.hardware.newest
    return {
        "HumanReadableNameLocale": "en-US",
        "MetadataURL": "",
        "AppIdentifiersToClose": [],
        "IsConfigDataUpdate": False,
        "IsFirmwareUpdate": False,
        "IsMajorOSUpdate": version.split(".")[0]
        != device.state.os_version.split(".")[0],
        "RequiresBootstrapToken": device.hardware.apple_silicon,
    }


def available_os_updates(channel: "Channel", request: Request) -> Answer:
    update = available(channel.device)
    return {"AvailableOSUpdates": [update] if update else []}


def schedule_os_update_scan(channel: "Channel", request: Request) -> Answer:
    return {"ScanInitiated": True}


def schedule_os_update(channel: "Channel", request: Request) -> Answer:
    return {"UpdateResults": [_schedule(channel, one) for one in request["Updates"]]}


def _schedule(channel: "Channel", wanted: dict[str, Any]) -> dict[str, Any]:
    """Install after the report, or only keep that it was downloaded."""
    device, action = channel.device, wanted["InstallAction"]
    update = available(device)
    named = (wanted.get("ProductKey"), wanted.get("ProductVersion"))
    if update is None or (
        any(named)
        and update["ProductKey"] not in named
        and update["Version"] not in named
    ):
        error = mdm_error(NO_UPDATE, "The update is not available.")
        return {
            "ProductKey": named[0] or "",
            "InstallAction": "Error",
            "Status": "Idle",
            "ErrorChain": error.chain(),
        }
    device.state.update = {"ProductKey": update["ProductKey"], "Action": action}
    if action in INSTALLS:
        channel.afterwards(lambda: _update(device))
    installs = action in INSTALLS
    return {
        "ProductKey": update["ProductKey"],
        "InstallAction": "InstallASAP" if action == "Default" else action,
        "Status": "Installing" if installs else "Downloading",
    }


def _update(device: "SimulatedDevice") -> None:
    with device.lock:
        device.state.os_version, device.state.build_version = device.hardware.newest
        device.state.update = {}
    absence.begin(device, Absence.RESTARTING)


def os_update_status(channel: "Channel", request: Request) -> Answer:
    update = channel.device.state.update
    if not update:
        return {"OSUpdateStatus": []}
    status = {
        "ProductKey": update["ProductKey"],
        "IsDownloaded": True,
        "DownloadPercentComplete": 1.0,
        "Status": "Idle",
    }
    return {"OSUpdateStatus": [status]}


def device_configured(channel: "Channel", request: Request) -> Answer:
    """End what the channel waits for, be it the device or a user of it."""
    check_awaiting(channel)
    channel.is_configured()
    return {}


ANSWERS: Table = {
    "AvailableOSUpdates": available_os_updates,
    "DeviceConfigured": device_configured,
    "OSUpdateStatus": os_update_status,
    "ScheduleOSUpdate": schedule_os_update,
    "ScheduleOSUpdateScan": schedule_os_update_scan,
    "UserConfigured": device_configured,
}
