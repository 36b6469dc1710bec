"""Words: what commands do, said to people.

Whatever the catalogue has and these tables have not is offered all the same, under
OTHER and without a summary: a new release of Apple's schema needs no change here.
"""

import re
from collections.abc import Mapping
from typing import Any

from mdmportal import catalogue

from . import destructive

OTHER = "Other"

GROUPS: Mapping[str, Mapping[str, str]] = {
    "Ask": {
        "DeviceInformation": "Name, model, OS, storage, network addresses and more.",
        "SecurityInfo": "Passcode, encryption, firewall and firmware protection.",
        "InstalledApplicationList": "The apps on the device.",
        "ProfileList": "The configuration profiles on the device.",
        "CertificateList": "The certificates on the device.",
        "ProvisioningProfileList": "Provisioning profiles of in-house apps.",
        "Restrictions": "The restrictions in force.",
        "UserList": "The accounts of a Mac or a Shared iPad.",
        "AvailableOSUpdates": "Which OS updates the device could install.",
        "OSUpdateStatus": "How far OS updates have come.",
        "ContentCachingInformation": "What a Mac's content cache is doing.",
        "ActiveNSExtensions": "Active extensions of a user on a Mac.",
        "NSExtensionMappings": "Which extensions a Mac has.",
    },
    "Profiles": {
        "InstallProfile": "Upload a .mobileconfig; one with the same identifier is "
        "replaced.",
        "RemoveProfile": "Remove a profile by its identifier.",
        "InstallProvisioningProfile": "Let in-house apps run.",
        "RemoveProvisioningProfile": "Remove one by its UUID.",
    },
    "Apps and books": {
        "InstallApplication": "From the App Store, a licence or a manifest.",
        "InstallEnterpriseApplication": "A package for Macs, by manifest.",
        "RemoveApplication": "Remove a managed app with its data.",
        "ManagedApplicationList": "Managed apps and how their installation stands.",
        "ManagedApplicationConfiguration": "How managed apps are configured.",
        "ManagedApplicationAttributes": "Attributes of managed apps, such as VPN.",
        "ManagedApplicationFeedback": "What managed apps report back.",
        "ValidateApplications": "Check again that in-house apps may run.",
        "ApplyRedemptionCode": "Redeem a code for an app.",
        "InviteToProgram": "Invite a user to managed distribution.",
        "InstallMedia": "Install a book.",
        "RemoveMedia": "Remove a managed book.",
        "ManagedMediaList": "Managed books and how they stand.",
    },
    "Lock, restart, erase": {
        "DeviceLock": "Lock the screen; a Mac also with a PIN.",
        "ClearPasscode": "Remove the passcode; the user is asked for a new one.",
        "RestartDevice": "Restart it.",
        "ShutDownDevice": "Switch it off.",
        "EraseDevice": "Erase everything on it.",
        "RequestUnlockToken": "Ask for the token that can remove the passcode.",
        "ClearRestrictionsPassword": "Forget the Screen Time passcode.",
    },
    "Lost device": {
        "EnableLostMode": "Lock it and show a message to whoever finds it.",
        "DeviceLocation": "Ask where it is, in Lost Mode only.",
        "PlayLostModeSound": "Let it ring, in Lost Mode only.",
        "DisableLostMode": "Give it back to its user.",
        "ActivationLockBypassCode": "Ask for the code that opens Activation Lock.",
        "ClearActivationLockBypassCode": "Have the device forget that code.",
    },
    "OS updates": {
        "ScheduleOSUpdate": "Download or install OS updates.",
        "ScheduleOSUpdateScan": "Have a Mac look for updates.",
    },
    "Users": {
        "LogOutUser": "Log out the user of a Shared iPad.",
        "DeleteUser": "Delete an account of a Mac or a Shared iPad.",
        "UnlockUserAccount": "Unlock a Mac's account after wrong passwords.",
        "SetAutoAdminPassword": "Change the password of a Mac's managed administrator.",
        "AccountConfiguration": "Accounts to make in Setup Assistant.",
        "UserConfigured": "Let Setup Assistant of a user go on.",
    },
    "Settings and network": {
        "Settings": "Name, wallpaper, roaming, Bluetooth, time zone and more.",
        "EnableRemoteDesktop": "Allow Apple Remote Desktop.",
        "DisableRemoteDesktop": "Forbid Apple Remote Desktop.",
        "RefreshCellularPlans": "Fetch a new eSIM plan.",
        "RequestMirroring": "Start AirPlay to a screen.",
        "StopMirroring": "End AirPlay.",
        "LOMDeviceRequest": "Lights-out management of other Macs.",
        "LOMSetupRequest": "Prepare a Mac for lights-out management.",
    },
    "Protection of Macs": {
        "RotateFileVaultKey": "Replace the FileVault recovery key.",
        "SetRecoveryLock": "Password for macOS Recovery, on Apple silicon.",
        "VerifyRecoveryLock": "Check that password.",
        "SetFirmwarePassword": "Firmware password, on Intel.",
        "VerifyFirmwarePassword": "Check that password.",
    },
    "Management": {
        "DeviceConfigured": "Let Setup Assistant go on after automated enrollment.",
        "DeclarativeManagement": "Begin or synchronise declarative management.",
        "TriggerEnhancedLogCollection": "Have the device collect logs for Apple.",
        "CancelEnhancedLogCollection": "Have it stop collecting logs.",
    },
}

CONSEQUENCES: Mapping[str, str] = {
    "EraseDevice": "Everything on the device is erased, it leaves management, and "
    "nothing brings the data back.",
    "DeviceLock": "The screen is locked at once. A Mac restarts and opens only with "
    "its PIN, which the portal keeps under Secrets.",
    "ClearPasscode": "The passcode is removed: whoever holds the device can use it "
    "until a new one is set.",
    "EnableLostMode": "The device is locked to a message. Its user cannot use it until "
    "Lost Mode is disabled here.",
    "RemoveProfile": "The profile's settings go, and with them what depends on them: "
    "Wi-Fi, VPN, mail, certificates. Removing the enrollment's own profile ends "
    "management, and the device must enroll again by hand.",
    "RemoveProvisioningProfile": "In-house apps that depend on it no longer open.",
    "RemoveApplication": "The app and its data are removed from the device.",
    "RemoveMedia": "The book is removed from the device.",
    "RestartDevice": "The device restarts now. Unsaved work may be lost.",
    "ShutDownDevice": "The device switches off and cannot be reached until somebody "
    "switches it on by hand.",
    "DeleteUser": "The account and all of its files are deleted from the device.",
    "LogOutUser": "The user is logged out at once. Unsaved work may be lost.",
    "ClearActivationLockBypassCode": "The device forgets its bypass code; the one kept "
    "here no longer opens it.",
    "SetRecoveryLock": "macOS Recovery opens only with this password. If it is lost, "
    "the Mac cannot be repaired without Apple.",
    "SetFirmwarePassword": "The Mac's firmware opens only with this password. If it is "
    "lost, only Apple can remove it.",
    "RotateFileVaultKey": "The recovery key in use stops working.",
    "SetAutoAdminPassword": "The managed administrator's password changes; the old one "
    "stops working.",
    "ScheduleOSUpdate": "The device may download, install and restart. An update "
    "cannot be taken back.",
    "ClearRestrictionsPassword": "The Screen Time passcode is removed.",
    "LOMDeviceRequest": "Other Macs may be switched off or restarted.",
}
"""What destructive commands do."""

ENDS_MANAGEMENT = (
    "This is the profile by which devices are enrolled. They leave management, lose "
    "all that came by it, and only their people can enroll them again."
)

AS_WRITTEN = "It is sent as it is written, and each device does what it makes of it."

UNTOLD = (
    "The portal does not know what this command does. Read Apple's description first."
)

FREQUENT: tuple[str, ...] = (
    "InstallProfile",
    "DeviceLock",
    "RestartDevice",
    "ShutDownDevice",
    "ClearPasscode",
    "EnableLostMode",
    "DisableLostMode",
    "DeviceLocation",
    "EraseDevice",
)
"""Offered as buttons on a device's page."""

TITLES: Mapping[str, str] = {
    "AccountConfiguration": "Make accounts in Setup Assistant",
    "ActivationLockBypassCode": "Ask for the Activation Lock bypass code",
    "ActiveNSExtensions": "Ask for active extensions",
    "ApplyRedemptionCode": "Redeem a code for an app",
    "AvailableOSUpdates": "Ask for OS updates",
    "CancelEnhancedLogCollection": "Stop collecting logs",
    "CertificateList": "Ask for certificates",
    "ClearActivationLockBypassCode": "Forget the Activation Lock bypass code",
    "ClearPasscode": "Clear passcode",
    "ClearRestrictionsPassword": "Clear the Screen Time passcode",
    "ContentCachingInformation": "Ask about content caching",
    "DeclarativeManagement": "Synchronise declarative management",
    "DeleteUser": "Delete an account",
    "DeviceConfigured": "Let Setup Assistant go on",
    "DeviceInformation": "Ask for information",
    "DeviceLocation": "Locate",
    "DeviceLock": "Lock",
    "DisableLostMode": "End Lost Mode",
    "DisableRemoteDesktop": "Turn Remote Desktop off",
    "EnableLostMode": "Lost Mode",
    "EnableRemoteDesktop": "Turn Remote Desktop on",
    "EraseDevice": "Erase",
    "InstallApplication": "Install an app",
    "InstallEnterpriseApplication": "Install a package",
    "InstallMedia": "Install a book",
    "InstallProfile": "Install a profile",
    "InstallProvisioningProfile": "Install a provisioning profile",
    "InstalledApplicationList": "Ask for apps",
    "InviteToProgram": "Invite to managed distribution",
    "LOMDeviceRequest": "Switch other Macs on or off",
    "LOMSetupRequest": "Prepare lights-out management",
    "LogOutUser": "Log the user out",
    "ManagedApplicationAttributes": "Ask for attributes of managed apps",
    "ManagedApplicationConfiguration": "Ask how managed apps are configured",
    "ManagedApplicationFeedback": "Ask for feedback of managed apps",
    "ManagedApplicationList": "Ask for managed apps",
    "ManagedMediaList": "Ask for managed books",
    "NSExtensionMappings": "Ask for extensions",
    "OSUpdateStatus": "Ask how OS updates stand",
    "PlayLostModeSound": "Play a sound",
    "ProfileList": "Ask for profiles",
    "ProvisioningProfileList": "Ask for provisioning profiles",
    "RefreshCellularPlans": "Fetch an eSIM plan",
    "RemoveApplication": "Remove an app",
    "RemoveMedia": "Remove a book",
    "RemoveProfile": "Remove a profile",
    "RemoveProvisioningProfile": "Remove a provisioning profile",
    "RequestMirroring": "Start AirPlay",
    "RequestUnlockToken": "Ask for the unlock token",
    "RestartDevice": "Restart",
    "Restrictions": "Ask for restrictions",
    "RotateFileVaultKey": "Replace the FileVault key",
    "ScheduleOSUpdate": "Update the OS",
    "ScheduleOSUpdateScan": "Look for OS updates",
    "SecurityInfo": "Ask about security",
    "SetAutoAdminPassword": "Set the administrator's password",
    "SetFirmwarePassword": "Set the firmware password",
    "SetRecoveryLock": "Set the recovery lock",
    "Settings": "Change settings",
    "ShutDownDevice": "Shut down",
    "StopMirroring": "End AirPlay",
    "TriggerEnhancedLogCollection": "Collect logs",
    "UnlockUserAccount": "Unlock an account",
    "UserConfigured": "Let a user's Setup Assistant go on",
    "UserList": "Ask for accounts",
    "ValidateApplications": "Check in-house apps",
    "VerifyFirmwarePassword": "Check the firmware password",
    "VerifyRecoveryLock": "Check the recovery lock",
}
"""What people call each command; shown beside Apple's RequestType."""

EXPLAINED: Mapping[str, str] = {
    "PIN": "Six digits, for Macs. Left empty: a random one for each. It is kept under "
    "Secrets.",
    "NewPassword": "Left empty: a random one for each Mac. It is kept under Secrets.",
    "CurrentPassword": "Left empty: the one in force that the portal keeps.",
    "Password": "Left empty: the one in force that the portal keeps.",
    "passwordHash": "The new password; the Mac is told a hash of it. Left empty: a "
    "random one for each Mac. It is kept under Secrets.",
    "GUID": "Left empty: of the administrator that Setup Assistant made.",
    "AutoSetupAdminAccounts": "The first is made. Without a passwordHash it gets a "
    "random password, kept under Secrets.",
    "Identifier": "As the device lists it.",
    "ManifestURL": "An https address of the app's manifest.",
    "iTunesStoreID": "The number in the app's App Store address.",
    "Payload": "A .mobileconfig file, signed or not.",
}
"""What to know about a key, by its name."""


ASKS = re.compile("^Ask (for |about )?")


def group_of(request_type: str) -> str:
    """Return the heading under which a command is offered."""
    return next((name for name, each in GROUPS.items() if request_type in each), OTHER)


def summary(request_type: str) -> str:
    """Return what the command does: a line of ours, or else the catalogue's; '' for
    none."""
    known = GROUPS.get(group_of(request_type), {}).get(request_type)
    return known or catalogue.words(request_type).description


def consequence(request_type: str, keys: Mapping[str, Any] | None = None) -> str:
    """Return what to know before confirming a destructive command."""
    if destructive.ends_management(request_type, keys or {}):
        return ENDS_MANAGEMENT
    if not destructive.is_destructive(request_type):
        return AS_WRITTEN
    return CONSEQUENCES.get(request_type, UNTOLD)


def title(request_type: str) -> str:
    """Return what people call the command; Apple's own title for one without words."""
    known = TITLES.get(request_type)
    return known or catalogue.words(request_type).title or request_type


def asked_for(request_type: str) -> str:
    """Return what a query asks for: “apps”."""
    return ASKS.sub("", title(request_type))
