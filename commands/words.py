"""Words: what commands do, said to people.

Whatever the catalogue has and these tables have not is offered all the same, under
OTHER and without a summary: a new release of Apple's schema needs no change here.
"""

from collections.abc import Mapping

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
    "InstallProfile": "Install a profile",
    "DeviceLock": "Lock",
    "RestartDevice": "Restart",
    "ShutDownDevice": "Shut down",
    "ClearPasscode": "Clear passcode",
    "EnableLostMode": "Lost Mode",
    "DisableLostMode": "End Lost Mode",
    "DeviceLocation": "Locate",
    "EraseDevice": "Erase",
}

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


def group_of(request_type: str) -> str:
    """Return the heading under which a command is offered."""
    return next((name for name, each in GROUPS.items() if request_type in each), OTHER)


def summary(request_type: str) -> str:
    """Return one line on what the command does; '' for one without words."""
    return GROUPS.get(group_of(request_type), {}).get(request_type, "")


def consequence(request_type: str) -> str:
    """Return what to know before confirming a destructive command."""
    return CONSEQUENCES.get(request_type, UNTOLD)


def title(request_type: str) -> str:
    return TITLES.get(request_type, request_type)
