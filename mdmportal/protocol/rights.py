"""Rights: AccessRights, what a server may do on a device that enrolls with it.

https://developer.apple.com/documentation/devicemanagement/mdm
"""

from collections.abc import Mapping
from enum import IntFlag
from types import MappingProxyType


class AccessRights(IntFlag):
    """The bits of AccessRights in the payload com.apple.mdm, named as in the schema.

    The schema also says ``None``, ``n/a`` and ``Special Case``: no bit is known to
    count.
    """

    AllowInspection = 1
    AllowInstallationRemoval = 2
    AllowPasscodeRemovalAndLock = 4
    DeviceLockAndRemovePasscode = 4
    AllowDeviceErase = 8
    AllowQueryDeviceInformation = 16
    AllowQueryNetworkInformation = 32
    AllowProvisioningInspection = 64
    AllowProvisioningInstallationRemoval = 128
    AllowQueryApplications = 256
    QueryInstalledApps = 256
    AllowQueryRestrictions = 512
    AllowQuerySecurity = 1024
    AllowSettings = 2048
    AllowAppInstallation = 4096


ALL = sum(AccessRights)

WORDS: Mapping[AccessRights, str] = MappingProxyType(
    {
        AccessRights.AllowInspection: "inspect profiles",
        AccessRights.AllowInstallationRemoval: "install and remove profiles",
        AccessRights.AllowPasscodeRemovalAndLock: "lock the device and remove its "
        "passcode",
        AccessRights.AllowDeviceErase: "erase the device",
        AccessRights.AllowQueryDeviceInformation: "query device information",
        AccessRights.AllowQueryNetworkInformation: "query network information",
        AccessRights.AllowProvisioningInspection: "inspect provisioning profiles",
        AccessRights.AllowProvisioningInstallationRemoval: "install and remove "
        "provisioning profiles",
        AccessRights.AllowQueryApplications: "inspect applications",
        AccessRights.AllowQueryRestrictions: "query restrictions",
        AccessRights.AllowQuerySecurity: "query security information",
        AccessRights.AllowSettings: "change settings",
        AccessRights.AllowAppInstallation: "manage applications",
    }
)
"""What each is the right to."""

NEEDS: Mapping[AccessRights, AccessRights] = MappingProxyType(
    {
        AccessRights.AllowInstallationRemoval: AccessRights.AllowInspection,
        AccessRights.AllowProvisioningInstallationRemoval: (
            AccessRights.AllowProvisioningInspection
        ),
    }
)
"""The rights that devices refuse without another."""


def check(rights: int) -> None:
    """Raise ValueError, in words, where ``rights`` is a mask that devices refuse."""
    if not 0 < rights <= ALL:
        raise ValueError(f"AccessRights must be between 1 and {ALL}.")
    for needing, needed in NEEDS.items():
        if rights & needing and not rights & needed:
            wants, wanted = WORDS[needing].capitalize(), WORDS[needed].capitalize()
            raise ValueError(f"“{wants}” needs “{wanted}” too.")
