"""Privacy: what IT can see and do on a device, said before a person agrees."""

from collections.abc import Mapping
from dataclasses import dataclass

from mdmportal.protocol.rights import AccessRights

from ..models import EnrollmentProfile

SIGHT: Mapping[AccessRights, str] = {
    AccessRights.AllowQueryDeviceInformation: "its name, model, serial number, system "
    "version and storage",
    AccessRights.AllowQueryNetworkInformation: "its network addresses and phone "
    "numbers",
    AccessRights.AllowQueryApplications: "which apps are installed",
    AccessRights.AllowInspection: "which settings (profiles) and certificates are "
    "installed",
    AccessRights.AllowProvisioningInspection: "which in-house apps it is allowed to "
    "run",
    AccessRights.AllowQuerySecurity: "whether it is encrypted and has a passcode, "
    "never the passcode itself",
    AccessRights.AllowQueryRestrictions: "which restrictions are in force",
}
CONTROL: Mapping[AccessRights, str] = {
    AccessRights.AllowDeviceErase: "erase the whole device",
    AccessRights.AllowPasscodeRemovalAndLock: "lock it and remove its passcode",
    AccessRights.AllowInstallationRemoval: "install and remove settings (profiles)",
    AccessRights.AllowAppInstallation: "install and remove apps it manages",
    AccessRights.AllowSettings: "change some settings, such as the device's name",
    AccessRights.AllowProvisioningInstallationRemoval: "install what lets in-house "
    "apps run",
}
"""Most drastic first."""

HIDDEN = (
    "your messages, mail and calls",
    "your photos, documents and notes",
    "the history of your browser",
    "your passwords and passcode",
    "your screen",
    "where you are; only an organisation's own supervised device can be located, and "
    "only once it is put into Lost Mode, which it shows",
)

OWN_SIGHT = (
    "its name, model, system version, storage and battery",
    "the apps and accounts that came from work",
    "the settings (profiles) that came from work",
    "whether a passcode is set, never the passcode itself",
)
OWN_CONTROL = (
    "install and remove work apps, with their data",
    "set up work accounts, Wi-Fi and VPN for work apps",
    "ask for a passcode of at least six digits, and lock the screen",
    "remove everything from work, and nothing else",
)
OWN_HIDDEN = (
    "its serial number, UDID, phone number and other identifiers",
    "your own apps, and what is in them",
    "your messages, mail, calls, photos and documents",
    "your own Apple Account and iCloud",
    "your passwords, passcode and browser history",
)
OWN_BEYOND = (
    "erase the device or remove your passcode",
    "locate it",
    "take over, change or remove apps of your own",
)
"""User Enrollment: Apple keeps work on a volume of its own, and the rest out of reach.
https://support.apple.com/guide/deployment/user-enrollment-and-mdm-dep23db2037d/web"""


@dataclass(frozen=True)
class Panel:
    sees: tuple[str, ...]
    can: tuple[str, ...]
    hidden: tuple[str, ...]
    cannot: tuple[str, ...] = ()
    leaving: str = ""


LEAVE_PROFILE = (
    "You can leave at any time: remove the profile where you installed it. The "
    "settings and apps that came with it go too."
)
LEAVE_ACCOUNT = (
    "You can leave at any time: sign out of the work account where you signed in. The "
    "apps, accounts and data from work are deleted from the device; what is yours "
    "stays."
)


def panel(way: EnrollmentProfile) -> Panel:
    """Return what the person is told of this way in."""
    if way.kind == EnrollmentProfile.Kind.BYOD:
        return Panel(OWN_SIGHT, OWN_CONTROL, OWN_HIDDEN, OWN_BEYOND, LEAVE_ACCOUNT)
    rights = way.access_rights
    return Panel(
        sees=tuple(words for right, words in SIGHT.items() if rights & right),
        can=tuple(words for right, words in CONTROL.items() if rights & right),
        hidden=HIDDEN,
        leaving=LEAVE_ACCOUNT if way.is_account_driven else LEAVE_PROFILE,
    )
