"""Destructive: which commands are to be confirmed, and who may order them."""

from typing import Any

PERMISSION = "commands.order_destructive"
NOT_ALLOWED = "your account may not order this"

HARMLESS: frozenset[str] = frozenset(
    (
        "AccountConfiguration",
        "ActivationLockBypassCode",
        "ActiveNSExtensions",
        "ApplyRedemptionCode",
        "AvailableOSUpdates",
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
        "UnlockUserAccount",
        "UserConfigured",
        "UserList",
        "ValidateApplications",
        "VerifyFirmwarePassword",
        "VerifyRecoveryLock",
    )
)
"""All others destroy, lock or interrupt something, or are not known to do less."""


def is_destructive(request_type: str) -> bool:
    """Whether the order is to be confirmed, and needs a right of its own."""
    return request_type not in HARMLESS


def refusal(user: Any, request_type: str) -> str:
    """Return why this account may not order the command; '' if it may."""
    may = not is_destructive(request_type) or user.has_perm(PERMISSION)
    return "" if may else NOT_ALLOWED
