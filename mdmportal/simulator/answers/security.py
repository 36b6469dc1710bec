"""Security: what protects the device: Activation Lock, FileVault, passwords.

https://developer.apple.com/documentation/devicemanagement/security-info-command
"""

import random
import secrets
from typing import TYPE_CHECKING, Any

from cryptography import x509

from mdmportal.protocol import ProtocolError, cms
from mdmportal.protocol.mobileconfig import (
    BOOTSTRAP_TOKEN,
    PKCS1,
    RECOVERY_KEY_ESCROW,
)

from ..errors import Error, FormatError, mdm_error
from ..profile import read
from .locking import passcode
from .table import Answer, Request, Table

if TYPE_CHECKING:
    from ..channel import Channel
    from ..device import SimulatedDevice

BLOCK_AND_FILE_LEVEL = 3
OF_ANYONE = ("HardwareEncryptionCaps", "PasscodeCompliant")
"""What a device under User Enrollment tells, too."""
CODE_ALPHABET = "0123456789ACDEFGHJKLMNPQRTUVWXY"
CODE_GROUPS = (5, 5, 4, 4, 4, 4)
WRONG_PASSWORD, NOT_THIS_MAC, NO_CODE = range(12072, 12075)


def security_info(channel: "Channel", request: Request) -> Answer:
    device = channel.device
    particular = _of_mac(device) if device.is_mac else _of_others(device)
    return {"SecurityInfo": {**particular, "ManagementStatus": _management(device)}}


def _of_others(device: "SimulatedDevice") -> dict[str, Any]:
    told = passcode(device)
    info = {"HardwareEncryptionCaps": BLOCK_AND_FILE_LEVEL, **told}
    if device.mode == "user":
        info = {name: info[name] for name in OF_ANYONE}
    if device.hardware.shared:
        info |= {
            "PasscodeLockGracePeriod": 0,
            "PasscodeLockGracePeriodEnforced": 0,
            "AutoLockTime": 120,
        }
    return info


def _of_mac(device: "SimulatedDevice") -> dict[str, Any]:
    silicon, escrowed = device.hardware.apple_silicon, device.state.bootstrap_token
    wants_token = bool(device.stay.has_capability(BOOTSTRAP_TOKEN) and escrowed)
    info: dict[str, Any] = {
        "AuthenticatedRootVolumeEnabled": True,
        "BootstrapTokenAllowedForAuthentication": (
            "allowed" if wants_token else "disallowed" if silicon else "not supported"
        ),
        "BootstrapTokenRequiredForKernelExtensionApproval": silicon,
        "BootstrapTokenRequiredForSoftwareUpdate": silicon,
        **_filevault(device),
        "FirewallSettings": _firewall(),
        "RemoteDesktopEnabled": device.state.remote_desktop,
        "SecureBoot": {
            "ExternalBootLevel": "allowed" if silicon else "disallowed",
            "SecureBootLevel": "full",
        },
        "SystemIntegrityProtectionEnabled": True,
    }
    if silicon:
        info["IsRecoveryLockEnabled"] = "recovery" in device.state.passwords
    else:
        info["FirmwarePasswordStatus"] = {
            "AllowOroms": device.state.allow_oroms,
            "ChangePending": device.state.firmware_pending,
            "PasswordExists": "firmware" in device.state.passwords,
        }
    return info


def _filevault(device: "SimulatedDevice") -> dict[str, Any]:
    """With an escrow profile, the key too: encrypted to the certificate in it."""
    enabled = device.state.filevault
    info: dict[str, Any] = {
        "FDE_Enabled": enabled,
        "FDE_HasInstitutionalRecoveryKey": False,
        "FDE_HasPersonalRecoveryKey": enabled,
    }
    escrow = _escrow(device)
    if enabled and escrow:
        payload, certificate = escrow
        if not device.state.sealed_key:
            device.state.sealed_key = _sealed(recovery_key(device), certificate)
        info["FDE_PersonalRecoveryKeyCMS"] = device.state.sealed_key
        info["FDE_PersonalRecoveryKeyDeviceKey"] = payload.get(
            "DeviceKey", device.unit.serial_number
        )
    return info


def _escrow(device: "SimulatedDevice") -> tuple[Request, x509.Certificate] | None:
    """Return the payload that asks for the recovery key, and whom it is for."""
    for raw in device.state.profiles.values():
        profile = read(raw, *device.stay.identities)
        for payload in profile.of_type(RECOVERY_KEY_ESCROW):
            wanted = payload["EncryptCertPayloadUUID"]
            for one in profile.of_type(PKCS1):
                if one["PayloadUUID"] == wanted:
                    return payload, x509.load_der_x509_certificate(
                        one["PayloadContent"]
                    )
    return None


def recovery_key(device: "SimulatedDevice") -> str:
    """Return the personal recovery key, made when it is first needed."""
    if not device.state.recovery_key:
        device.state.recovery_key = _new_key()
    return device.state.recovery_key


def _new_key() -> str:
    source = random.SystemRandom()
    return "-".join("".join(source.choices(CODE_ALPHABET, k=4)) for _ in range(6))


def _sealed(key: str, recipient: x509.Certificate) -> bytes:
    return cms.encrypt(key.encode(), recipient)


def _firewall() -> dict[str, Any]:
    return {
        "Applications": [],
        "BlockAllIncoming": False,
        "FirewallEnabled": True,
        "LoggingEnabled": True,
        "LoggingOption": "throttled",
        "StealthMode": False,
    }


def _management(device: "SimulatedDevice") -> dict[str, bool]:
    status = {
        "EnrolledViaDEP": device.automated,
        "IsUserEnrollment": device.mode == "user",
    }
    if device.is_mac:
        status["UserApprovedEnrollment"] = True
        status["IsActivationLockManageable"] = device.supervised
    return status


# Activation Lock


def activation_lock_bypass_code(channel: "Channel", request: Request) -> Answer:
    state = channel.device.state
    if not state.bypass_code:
        state.bypass_code = "-".join(
            "".join(secrets.choice(CODE_ALPHABET) for _ in range(length))
            for length in CODE_GROUPS
        )
    return {"ActivationLockBypassCode": state.bypass_code}


def clear_bypass_code(channel: "Channel", request: Request) -> Answer:
    state = channel.device.state
    if not state.bypass_code:
        raise mdm_error(NO_CODE, "There is no activation lock bypass code.")
    state.bypass_code = ""
    return {}


# A Mac's FileVault, firmware and recovery


def rotate_filevault_key(channel: "Channel", request: Request) -> Answer:
    """Make a new personal recovery key, told only to who has the certificate's key."""
    device = channel.device
    if request["KeyType"] != "personal":
        return {}
    encoded = request.get("ReplyEncryptionCertificate")
    if encoded is None:
        raise FormatError
    if request["FileVaultUnlock"].get("Password") != recovery_key(device):
        raise mdm_error(WRONG_PASSWORD, "FileVault does not unlock with this password.")
    key = _new_key()
    try:
        sealed = _sealed(key, x509.load_der_x509_certificate(encoded))
    except (ValueError, ProtocolError) as error:
        raise Error(97, "MDMClientError", f"No valid certificate: {error}") from error
    device.state.recovery_key = key
    escrow = _escrow(device)
    device.state.sealed_key = _sealed(key, escrow[1]) if escrow else b""
    return {"RotateResult": {"EncryptedNewRecoveryKey": sealed}}


def set_firmware_password(channel: "Channel", request: Request) -> Answer:
    _only_with_silicon(channel, wanted=False)
    _set_password(channel, "firmware", request)
    state = channel.device.state
    state.firmware_pending = True  # until the Mac restarts
    state.allow_oroms = bool(request.get("AllowOroms"))
    return {"SetFirmwarePassword": {"PasswordChanged": True}}


def verify_firmware_password(channel: "Channel", request: Request) -> Answer:
    _only_with_silicon(channel, wanted=False)
    verified = _is_password(channel, "firmware", request["Password"])
    return {"VerifyFirmwarePassword": {"PasswordVerified": verified}}


def set_recovery_lock(channel: "Channel", request: Request) -> Answer:
    _only_with_silicon(channel, wanted=True)
    _set_password(channel, "recovery", request)
    return {}


def verify_recovery_lock(channel: "Channel", request: Request) -> Answer:
    _only_with_silicon(channel, wanted=True)
    return {"PasswordVerified": _is_password(channel, "recovery", request["Password"])}


def _only_with_silicon(channel: "Channel", *, wanted: bool) -> None:
    if channel.device.hardware.apple_silicon is not wanted:
        raise mdm_error(NOT_THIS_MAC, "This is not supported on this Mac.")


def _set_password(channel: "Channel", which: str, request: Request) -> None:
    passwords = channel.device.state.passwords
    current = request.get("CurrentPassword", "")
    if which in passwords and not _is_password(channel, which, current):
        raise mdm_error(WRONG_PASSWORD, "The current password is wrong.")
    passwords.pop(which, None)
    if request["NewPassword"]:
        passwords[which] = request["NewPassword"]


def _is_password(channel: "Channel", which: str, password: str) -> bool:
    return channel.device.state.passwords.get(which, "") == password


def remote_desktop(channel: "Channel", request: Request) -> Answer:
    enabled = request["RequestType"] == "EnableRemoteDesktop"
    channel.device.state.remote_desktop = enabled
    return {}


ANSWERS: Table = {
    "ActivationLockBypassCode": activation_lock_bypass_code,
    "ClearActivationLockBypassCode": clear_bypass_code,
    "DisableRemoteDesktop": remote_desktop,
    "EnableRemoteDesktop": remote_desktop,
    "RotateFileVaultKey": rotate_filevault_key,
    "SecurityInfo": security_info,
    "SetFirmwarePassword": set_firmware_password,
    "SetRecoveryLock": set_recovery_lock,
    "VerifyFirmwarePassword": verify_firmware_password,
    "VerifyRecoveryLock": verify_recovery_lock,
}
