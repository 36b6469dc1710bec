"""Updates: which versions of its system the device could install, and how far it is.

https://developer.apple.com/documentation/devicemanagement/available-os-updates-command
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .facts import Fact, dictionaries, dictionary, fact, flag, known, read_moment, text
from .look import Look
from .told import answer_of, told

STATUS: Mapping[str, str] = {
    "Idle": "nothing is going on",
    "Downloading": "downloading",
    "Installing": "installing",
    "DownloadFailed": "the download failed",
    "DownloadInsufficientSpace": "too little storage to download it",
    "DownloadInsufficientPower": "too little power to download it",
    "DownloadInsufficientNetwork": "no network to download it by",
    "DownloadRequiresComputer": "needs a computer",
    "InstallInsufficientSpace": "too little storage to install it",
    "InstallInsufficientPower": "too little power to install it",
    "InstallPhoneCallInProgress": "waits for a call to end",
    "InstallFailed": "installing failed",
}


CADENCE = {"0": "both systems", "1": "the older system", "2": "the newer system"}


@dataclass(frozen=True)
class Update:
    facts: Mapping[str, Any]
    progress: Mapping[str, Any]

    @property
    def name(self) -> str:
        names = ("HumanReadableName", "ProductName", "ProductKey")
        return next((text(self.facts[key]) for key in names if self.facts.get(key)), "")

    @property
    def state(self) -> str:
        """How far it is, '' if the device did not say."""
        status = text(self.progress.get("Status"))
        words = STATUS.get(status, status)
        percent = self.progress.get("DownloadPercentComplete")
        if status == "Downloading" and isinstance(percent, int | float):
            share = percent * 100 if 0 <= percent <= 1 else percent
            return f"{words}, {share:.0f} %"
        if self.progress.get("IsDownloaded"):
            return f"{words}, downloaded" if words else "downloaded"
        return words

    @property
    def deferred_until(self) -> Any:
        return read_moment(self.facts.get("DeferredUntil"))


def gather(look: Look) -> dict[str, Any]:
    found = told(look, "AvailableOSUpdates")
    status = answer_of(look, "OSUpdateStatus")
    progress = {
        text(one.get("ProductKey")): one
        for one in dictionaries(status.answer if status else None)
    }
    rows = [
        Update(one, progress.pop(text(one.get("ProductKey")), {}))
        for one in dictionaries(found.answer)
    ]
    rows += [Update(one, one) for one in progress.values()]
    return {
        "told": found,
        "status_at": status.received_at if status else None,
        "updates": rows,
        "settings": _settings(look),
    }


def _settings(look: Look) -> list[Fact]:
    """Return how the device updates by itself, as DeviceInformation tells it."""
    information = answer_of(look, "DeviceInformation")
    said = dictionary(information.answer if information else None)
    mac = dictionary(said.get("OSUpdateSettings"))
    settings = dictionary(said.get("SoftwareUpdateSettings"))
    cadence = settings.get("RecommendationCadence")
    return known(
        [
            flag("Looks for updates by itself", mac.get("AutoCheckEnabled")),
            flag("Downloads them", mac.get("BackgroundDownloadEnabled")),
            flag("Installs the system", mac.get("AutomaticOSInstallationEnabled")),
            flag("Installs apps", mac.get("AutomaticAppInstallationEnabled")),
            flag(
                "Installs security updates",
                mac.get("AutomaticSecurityUpdatesEnabled"),
            ),
            fact("Looked last", mac.get("PreviousScanDate")),
            flag("Asks Apple's own catalogue", mac.get("IsDefaultCatalog")),
            fact("Offered to its user", CADENCE.get(text(cadence))),
            fact("Known to Apple as", said.get("SoftwareUpdateDeviceID"), is_code=True),
        ]
    )
