"""Apps: installing and removing them, and the lists of them.

https://developer.apple.com/documentation/devicemanagement/install-application-command
"""

import plistlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .. import software
from ..errors import malformed, mdm_error
from ..transport import Unreachable
from .table import Answer, Request, Table

if TYPE_CHECKING:
    from ..channel import Channel
    from ..device import SimulatedDevice
    from ..state import State

INSTALL_FAILED, NO_MANIFEST, NOT_MANAGED, BAD_URL = range(12023, 12027)
SOURCES = ("iTunesStoreID", "Identifier", "ManifestURL")
MAC_KEYS = (
    "Identifier",
    "Name",
    "Version",
    "ShortVersion",
    "BundleSize",
    "Installing",
    "HasUpdateAvailable",
    "ExternalVersionIdentifier",
)
NEVER_ASKS = ("macOS", "tvOS", "visionOS")


def install_application(channel: "Channel", request: Request) -> Answer:
    """Install at once; a person at an unsupervised iPhone is taken to agree."""
    device = channel.device
    app = _wanted(device, request)
    _check_takeover(device, app["Identifier"], request)
    _install(device, app, request)
    asks = not device.supervised and device.hardware.platform not in NEVER_ASKS
    state = "Prompting" if asks else "Installing"
    return {"Identifier": app["Identifier"], "State": state}


def install_enterprise_application(channel: "Channel", request: Request) -> Answer:
    manifest = request.get("Manifest")
    if manifest is None:
        if "ManifestURL" not in request:
            raise malformed("InstallEnterpriseApplication: there is no manifest")
        manifest = _manifest(channel.device, request["ManifestURL"])
    _install(channel.device, _described(manifest), request)
    return {}


def _wanted(device: "SimulatedDevice", request: Request) -> dict[str, Any]:
    given = [name for name in SOURCES if name in request]
    if len(given) != 1:
        text = "there must be exactly one of " + ", ".join(SOURCES)
        raise malformed(f"InstallApplication: {text}")
    if "iTunesStoreID" in request:
        return software.in_store(request["iTunesStoreID"])
    if "ManifestURL" in request:
        return _described(_manifest(device, request["ManifestURL"]))
    identifier = request["Identifier"]
    there = device.state.apps.get(identifier)
    return there or software.app(identifier, identifier.split(".")[-1], "1.0", 80)


def _manifest(device: "SimulatedDevice", url: str) -> Mapping[str, Any]:
    """Fetch a manifest as the device does: without its identity."""
    try:
        response = device.transport.send("GET", url, {}, b"")
        if not response.ok:
            raise mdm_error(NO_MANIFEST, f"{url} answered {response.status}.")
        manifest: Mapping[str, Any] = plistlib.loads(response.body)
    except (Unreachable, ValueError) as error:
        raise mdm_error(NO_MANIFEST, f"No manifest: {error}") from error
    return manifest


def _described(manifest: Mapping[str, Any]) -> dict[str, Any]:
    try:
        metadata = manifest["items"][0]["metadata"]
        identifier = metadata["bundle-identifier"]
        title = metadata.get("title", identifier)
        version = metadata.get("bundle-version", "1.0")
    except (LookupError, TypeError, AttributeError) as error:
        raise mdm_error(NO_MANIFEST, "The manifest describes no app.") from error
    return software.app(identifier, title, version, 40, AppStoreVendable=False)


def _check_takeover(
    device: "SimulatedDevice", identifier: str, request: Request
) -> None:
    """An app that its user installed is managed only if the server asks for that."""
    state = device.state
    theirs = identifier in state.apps and identifier not in state.managed_apps
    if theirs and not device.is_mac and "ChangeManagementState" not in request:
        reason = "AppAlreadyInstalled"
        text = "The app is already installed."
        raise mdm_error(INSTALL_FAILED, text, RejectionReason=reason)


def _install(device: "SimulatedDevice", app: dict[str, Any], request: Request) -> None:
    state, identifier = device.state, app["Identifier"]
    state.apps[identifier] = app
    if device.is_mac and not request.get("InstallAsManaged"):
        return
    state.managed_apps[identifier] = {
        "Status": "Managed",
        "ManagementFlags": request.get("ManagementFlags", 0),
        "HasConfiguration": False,
        "HasFeedback": False,
        "IsValidated": True,
        "ExternalVersionIdentifier": app["ExternalVersionIdentifier"],
    }
    configure(state, identifier, request.get("Configuration"))
    if request.get("Attributes"):
        state.app_attributes[identifier] = request["Attributes"]


def configure(
    state: "State", identifier: str, configuration: dict[str, Any] | None
) -> None:
    """Give a managed app its configuration; None takes it away."""
    state.managed_apps[identifier]["HasConfiguration"] = configuration is not None
    state.app_configurations.pop(identifier, None)
    if configuration is not None:
        state.app_configurations[identifier] = configuration


def check_managed(state: "State", identifier: str) -> None:
    """Raise Error where this is not an app that the server has installed."""
    if identifier not in state.managed_apps:
        raise mdm_error(NOT_MANAGED, f"The app “{identifier}” is not managed.")


def remove_application(channel: "Channel", request: Request) -> Answer:
    state, identifier = channel.device.state, request["Identifier"]
    check_managed(state, identifier)
    del state.managed_apps[identifier]
    for kept in (state.apps, state.app_configurations, state.app_attributes):
        kept.pop(identifier, None)
    return {}


# Lists


def installed_application_list(channel: "Channel", request: Request) -> Answer:
    device = channel.device
    managed = request.get("ManagedAppsOnly") or device.mode == "user"
    apps = [
        app
        for identifier, app in device.state.apps.items()
        if _is_asked_for(identifier, request)
        and (not managed or identifier in device.state.managed_apps)
    ]
    items = request.get("Items") or (MAC_KEYS if device.is_mac else None)
    return {"InstalledApplicationList": [_only(app, items) for app in apps]}


def _only(app: dict[str, Any], items: Any) -> dict[str, Any]:
    return app if items is None else {name: app[name] for name in items if name in app}


def _is_asked_for(identifier: str, request: Request) -> bool:
    identifiers = request.get("Identifiers")
    return not identifiers or identifier in identifiers


def managed_application_list(channel: "Channel", request: Request) -> Answer:
    managed = channel.device.state.managed_apps
    listed = {
        name: item for name, item in managed.items() if _is_asked_for(name, request)
    }
    return {"ManagedApplicationList": listed}


def managed_application_configuration(channel: "Channel", request: Request) -> Answer:
    kept = channel.device.state.app_configurations
    return {"ApplicationConfigurations": _each(kept, "Configuration", request)}


def managed_application_attributes(channel: "Channel", request: Request) -> Answer:
    kept = channel.device.state.app_attributes
    return {"ApplicationAttributes": _each(kept, "Attributes", request)}


def managed_application_feedback(channel: "Channel", request: Request) -> Answer:
    """No app here gives feedback."""
    return {"ManagedApplicationFeedback": _each({}, "Feedback", request)}


def _each(
    kept: Mapping[str, dict[str, Any]], key: str, request: Request
) -> list[dict[str, Any]]:
    return [
        {"Identifier": name, **({key: kept[name]} if name in kept else {})}
        for name in request["Identifiers"]
    ]


def validate_applications(channel: "Channel", request: Request) -> Answer:
    for identifier in request.get("Identifiers", []):
        check_managed(channel.device.state, identifier)
    return {}


def apply_redemption_code(channel: "Channel", request: Request) -> Answer:
    """Pay for an app that waits to be paid for; here none does, so it must be there."""
    check_managed(channel.device.state, request["Identifier"])
    return {}


def invite_to_program(channel: "Channel", request: Request) -> Answer:
    valid = request["InvitationURL"].startswith("https://")
    return {"InvitationResult": "Acknowledged" if valid else "InvalidInvitationURL"}


ANSWERS: Table = {
    "ApplyRedemptionCode": apply_redemption_code,
    "InstallApplication": install_application,
    "InstallEnterpriseApplication": install_enterprise_application,
    "InstalledApplicationList": installed_application_list,
    "InviteToProgram": invite_to_program,
    "ManagedApplicationAttributes": managed_application_attributes,
    "ManagedApplicationConfiguration": managed_application_configuration,
    "ManagedApplicationFeedback": managed_application_feedback,
    "ManagedApplicationList": managed_application_list,
    "RemoveApplication": remove_application,
    "ValidateApplications": validate_applications,
}
