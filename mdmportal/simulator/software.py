"""Software: the apps that devices come with, and those of the App Store by number."""

from typing import Any

MEGABYTE = 1_000_000

PREINSTALLED: dict[str, tuple[tuple[str, str, str, int], ...]] = {
    "iOS": (
        ("com.apple.Keynote", "Keynote", "14.2", 580),
        ("com.apple.Numbers", "Numbers", "14.2", 540),
        ("com.apple.clips", "Clips", "3.1.3", 120),
    ),
    "macOS": (
        ("com.apple.Safari", "Safari", "18.1", 12),
        ("com.apple.mail", "Mail", "16.0", 28),
        ("com.apple.Maps", "Maps", "3.0", 62),
        ("com.apple.Notes", "Notes", "4.11", 38),
        ("com.apple.dt.Xcode", "Xcode", "16.1", 11_500),
    ),
    "tvOS": (("com.apple.TVSettings", "Settings", "1.0", 4),),
    "visionOS": (("com.apple.freeform", "Freeform", "3.1", 90),),
}
"""By platform: identifier, name, version, size in megabytes."""

STORE = {
    361285480: ("com.apple.Keynote", "Keynote"),
    361304891: ("com.apple.Numbers", "Numbers"),
    361309726: ("com.apple.Pages", "Pages"),
    409183694: ("com.apple.iWork.Keynote", "Keynote"),
    409203825: ("com.apple.iWork.Numbers", "Numbers"),
    409201541: ("com.apple.iWork.Pages", "Pages"),
    618783545: ("com.tinyspeck.chatlyio", "Slack"),
    803453959: ("com.tinyspeck.slackmacgap", "Slack"),
    497799835: ("com.apple.dt.Xcode", "Xcode"),
}
"""By iTunesStoreID: identifier and name."""


def app(
    identifier: str, name: str, version: str, megabytes: int, **keys: Any
) -> dict[str, Any]:
    """Return an item of an InstalledApplicationList."""
    return {
        "Identifier": identifier,
        "Name": name,
        "Version": version,
        "ShortVersion": version,
        "BundleSize": megabytes * MEGABYTE,
        "DynamicSize": 0,
        "Installing": False,
        "IsValidated": True,
        "AppStoreVendable": True,
        "AdHocCodeSigned": False,
        "BetaApp": False,
        "DeviceBasedVPP": False,
        "HasUpdateAvailable": False,
        "ExternalVersionIdentifier": 800_000_000 + sum(name.encode()),
        **keys,
    }


def preinstalled(platform: str) -> dict[str, dict[str, Any]]:
    """Return the apps of a new device by identifier."""
    return {row[0]: app(*row) for row in PREINSTALLED.get(platform, ())}


def in_store(number: int) -> dict[str, Any]:
    """Return the app of this iTunesStoreID; unknown ones are called by their number."""
    unknown = (f"com.example.store.{number}", f"App {number}")
    identifier, name = STORE.get(number, unknown)
    return app(identifier, name, "1.0", 80, DeviceBasedVPP=True)
