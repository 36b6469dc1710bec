"""Destructive: what a command may do to a device, and who may order it.

``refusal`` is the one question, asked on every road by which something is ordered.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from devices.models import Enrollment

PERMISSION = "commands.order_destructive"
ERASE = "commands.erase_device"
CUSTOM = "commands.order_custom"
NOT_ALLOWED = "your account may not order this"


class Level(IntEnum):
    """What a command may do at worst."""

    HARMLESS = 0
    DISRUPTIVE = 1
    """It locks, interrupts, removes, or is not known to do less."""
    ERASING = 2
    """It takes data or a whole device away for good."""


RIGHTS: Mapping[Level, tuple[str, ...]] = {
    Level.HARMLESS: (),
    Level.DISRUPTIVE: (PERMISSION,),
    Level.ERASING: (PERMISSION, ERASE),
}
"""What it takes beside the right to order at all."""

HARMLESS: frozenset[str] = frozenset(
    (
        "AccountConfiguration",
        "ActivationLockBypassCode",
        "ActiveNSExtensions",
        "ApplyRedemptionCode",
        "AvailableOSUpdates",
        "CancelEnhancedLogCollection",
        "CertificateList",
        "ContentCachingInformation",
        "DeclarativeManagement",
        "DeviceConfigured",
        "DeviceInformation",
        "DeviceLocation",
        "DisableLostMode",
        "DisableRemoteDesktop",
        "EnableRemoteDesktop",
        "InstallApplication",
        "InstallEnterpriseApplication",
        "InstallMedia",
        "InstallProfile",
        "InstallProvisioningProfile",
        "InstalledApplicationList",
        "InviteToProgram",
        "LOMSetupRequest",
        "ManagedApplicationAttributes",
        "ManagedApplicationConfiguration",
        "ManagedApplicationFeedback",
        "ManagedApplicationList",
        "ManagedMediaList",
        "NSExtensionMappings",
        "OSUpdateStatus",
        "PlayLostModeSound",
        "ProfileList",
        "ProvisioningProfileList",
        "RefreshCellularPlans",
        "RequestMirroring",
        "RequestUnlockToken",
        "Restrictions",
        "ScheduleOSUpdateScan",
        "SecurityInfo",
        "Settings",
        "StopMirroring",
        "TriggerEnhancedLogCollection",
        "UnlockUserAccount",
        "UserConfigured",
        "UserList",
        "ValidateApplications",
        "VerifyFirmwarePassword",
        "VerifyRecoveryLock",
    )
)
"""All others destroy, lock or interrupt something, or are not known to do less."""

ERASING: frozenset[str] = frozenset(("DeleteUser", "EraseDevice"))


def level(request_type: str, keys: Mapping[str, Any] | None = None) -> Level:
    """Return what the command may do at worst, with these keys if they are known.

    One statement for RemoveProfile with its keys, else none.
    """
    if request_type in ERASING or ends_management(request_type, keys or {}):
        return Level.ERASING
    return Level.HARMLESS if request_type in HARMLESS else Level.DISRUPTIVE


def ends_management(request_type: str, keys: Mapping[str, Any]) -> bool:
    """Whether it removes the profile by which some device is enrolled: its management
    and all that came by it go, and only its person can enroll it again."""
    identifier = keys.get("Identifier")
    if request_type != "RemoveProfile" or not isinstance(identifier, str):
        return False
    living = Enrollment.objects.exclude(state=Enrollment.State.ENDED)
    return bool(identifier) and living.filter(profile_identifier=identifier).exists()


def is_destructive(request_type: str) -> bool:
    """Whether the order is to be confirmed, and needs a right of its own."""
    return level(request_type) > Level.HARMLESS


def rights(
    request_type: str,
    keys: Mapping[str, Any] | None = None,
    *,
    is_custom: bool = False,
) -> tuple[str, ...]:
    """Return the permissions it takes, beside the one to order at all."""
    custom = (CUSTOM,) if is_custom else ()
    return (*RIGHTS[level(request_type, keys)], *custom)


def refusal(
    user: Any,
    request_type: str,
    keys: Mapping[str, Any] | None = None,
    *,
    is_custom: bool = False,
) -> str:
    """Return why this account may not order the command; '' if it may.

    Without ``keys`` it is whether it may be offered at all: with some, more can be
    asked for.
    """
    may = user.has_perms(rights(request_type, keys, is_custom=is_custom))
    return "" if may else NOT_ALLOWED
