"""Security: SecurityInfo in words, with what is kept for the day it is needed.

https://developer.apple.com/documentation/devicemanagement/securityinforesponse
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.formats import date_format
from django.utils.timezone import localtime

from devices.models import Device, Secret

from .. import answers
from .facts import (
    UNKNOWN,
    Fact,
    Section,
    dictionaries,
    dictionary,
    fact,
    flag,
    flat,
    known,
    text,
)
from .look import Look
from .reach import kept_secrets
from .told import answer_of, told

Said = Mapping[str, Any]

ENCRYPTION = {
    0: "none",
    1: "block by block",
    2: "file by file",
    3: "block by block and file by file",
}
SECURE_BOOT = {
    "full": ("full security", "ok"),
    "medium": ("reduced security", "warn"),
    "off": ("off", "bad"),
    "not supported": ("not on this Mac", ""),
}
BOOT_LEVELS = {
    "allowed": "allowed",
    "disallowed": "not allowed",
    "not supported": "not on this Mac",
}
REDUCED = {
    "AllowsAnyAppleSignedOS": "any version that Apple signed",
    "AllowsUserKextApproval": "users approve kernel extensions",
    "AllowsMDM": "management approves kernel extensions",
}
APPS_OF_FIREWALL = 20


def gather(look: Look) -> dict[str, Any]:
    found = told(look, "SecurityInfo")
    said = dictionary(found.answer)
    is_mac = look.device.platform == Device.Platform.MACOS or "FDE_Enabled" in said
    kept = kept_secrets(look.stay) if look.stay else {}
    information = answer_of(look, "DeviceInformation")
    told_of_itself = dictionary(information.answer if information else None)
    sections = _mac(said, kept) if is_mac else _mobile(said, kept)
    sections.append(_activation_lock(look.device, told_of_itself, said, kept))
    sections.append(_management(said))
    return {
        "told": found,
        "sections": [(title, facts) for title, facts in sections if facts],
        "all_facts": flat(answers.hide(said)),
    }


def _mobile(said: Said, kept: Mapping[str, Any]) -> list[Section]:
    return [
        (
            "Passcode",
            [*_passcode(said), *_kept("Unlock token", Secret.Kind.UNLOCK_TOKEN, kept)],
        ),
        ("Encryption", [_hardware_encryption(said)]),
    ]


def _mac(said: Said, kept: Mapping[str, Any]) -> list[Section]:
    return [
        ("Passcode", known(_passcode(said))),
        ("FileVault", _filevault(said, kept)),
        ("Firewall", _firewall(dictionary(said.get("FirewallSettings")))),
        ("Starting up", _starting(said)),
        ("Bootstrap token", _bootstrap(said, kept)),
        ("Remote access", [flag("Remote Desktop", said.get("RemoteDesktopEnabled"))]),
    ]


def _passcode(said: Said) -> Sequence[Fact]:
    grace = said.get("PasscodeLockGracePeriodEnforced")
    extra = [
        _seconds("Asked for after", said.get("PasscodeLockGracePeriod")),
        _seconds("Asked for at the latest after", grace),
        _minutes("Locks by itself after", said.get("AutoLockTime")),
    ]
    return [
        flag("Passcode", said.get("PasscodePresent"), "set", "not set", good=True),
        flag("As all profiles want it", said.get("PasscodeCompliant"), good=True),
        flag(
            "As the managed profiles want it",
            said.get("PasscodeCompliantWithProfiles"),
            good=True,
        ),
        *known(extra),
    ]


def _seconds(label: str, value: Any) -> Fact:
    if not isinstance(value, int):
        return Fact(label, UNKNOWN)
    if value == 0:
        return Fact(label, "at once")
    if value % 60 == 0:
        return Fact(label, f"{value // 60} min")
    return Fact(label, f"{value} s")


def _minutes(label: str, value: Any) -> Fact:
    return _seconds(label, value * 60 if isinstance(value, int) else None)


def _hardware_encryption(said: Said) -> Fact:
    caps = said.get("HardwareEncryptionCaps")
    if not isinstance(caps, int):
        return Fact("Encryption", UNKNOWN)
    words = ENCRYPTION.get(caps, str(caps))
    if caps and said.get("PasscodePresent") is False:
        return Fact("Encryption", f"{words}, but in force only with a passcode", "bad")
    return Fact("Encryption", words, "ok" if caps == 3 else "bad")


def _filevault(said: Said, kept: Mapping[str, Any]) -> list[Fact]:
    return [
        flag("FileVault", said.get("FDE_Enabled"), "on", "off", good=True),
        flag("Personal recovery key", said.get("FDE_HasPersonalRecoveryKey")),
        flag("Institutional recovery key", said.get("FDE_HasInstitutionalRecoveryKey")),
        *_kept("Recovery key kept here", Secret.Kind.FILEVAULT_KEY, kept),
        *known([fact("Key of this Mac", said.get("FDE_PersonalRecoveryKeyDeviceKey"))]),
    ]


def _kept(label: str, kind: str, kept: Mapping[str, Any]) -> list[Fact]:
    since = kept.get(kind)
    day = date_format(localtime(since), "j F Y") if since else ""
    words = f"since {day}" if since else "none kept"
    return [Fact(label, words, "ok" if since else "")]


def _firewall(said: Said) -> list[Fact]:
    apps = dictionaries(said.get("Applications"))
    rules = [
        Fact(
            text(one.get("Name") or one.get("BundleID")) or "without a name",
            "may be reached" if one.get("Allowed") else "blocked",
        )
        for one in apps
    ]
    more = len(rules) - APPS_OF_FIREWALL
    logging = [
        flag("Logging", said.get("LoggingEnabled"), "on", "off"),
        fact("How much it logs", said.get("LoggingOption")),
        flag("Lets in what Apple signed", said.get("AllowSigned")),
        flag("Lets in signed apps", said.get("AllowSignedApp")),
    ]
    return [
        flag("Firewall", said.get("FirewallEnabled"), "on", "off", good=True),
        flag("Blocks everything that comes in", said.get("BlockAllIncoming")),
        flag("Stealth mode", said.get("StealthMode"), "on", "off"),
        *known(logging),
        *rules[:APPS_OF_FIREWALL],
        *([Fact("More apps", f"{more}")] if more > 0 else []),
    ]


def _starting(said: Said) -> list[Fact]:
    boot = dictionary(said.get("SecureBoot"))
    level = text(boot.get("SecureBootLevel"))
    words, tone = SECURE_BOOT.get(level, (level or UNKNOWN, ""))
    external = text(boot.get("ExternalBootLevel"))
    reduced = boot.get("ReducedSecurity")
    names = [text(each) for each in reduced] if isinstance(reduced, list) else []
    firmware = dictionary(said.get("FirmwarePasswordStatus"))
    integrity = said.get("SystemIntegrityProtectionEnabled")
    return [
        Fact("Secure Boot", words, tone),
        Fact("From other disks", BOOT_LEVELS.get(external, external or UNKNOWN)),
        *([_reduced(names)] if names else []),
        flag("System Integrity Protection", integrity, "on", "off", good=True),
        flag("Sealed system volume", said.get("AuthenticatedRootVolumeEnabled")),
        flag("Recovery lock", said.get("IsRecoveryLockEnabled"), "set", "not set"),
        *known(
            [
                flag(
                    "Firmware password", firmware.get("PasswordExists"), "set", "none"
                ),
                flag("Firmware password changes", firmware.get("ChangePending")),
            ]
        ),
    ]


def _reduced(names: Sequence[str]) -> Fact:
    words = "; ".join(REDUCED.get(name, name) for name in names)
    return Fact("Reduced so that", words, "warn")


def _bootstrap(said: Said, kept: Mapping[str, Any]) -> list[Fact]:
    allowed = text(said.get("BootstrapTokenAllowedForAuthentication"))
    return [
        *_kept("Token kept here", Secret.Kind.BOOTSTRAP_TOKEN, kept),
        Fact("May sign users in", BOOT_LEVELS.get(allowed, allowed or UNKNOWN)),
        flag(
            "Needed for software updates",
            said.get("BootstrapTokenRequiredForSoftwareUpdate"),
        ),
        flag(
            "Needed for kernel extensions",
            said.get("BootstrapTokenRequiredForKernelExtensionApproval"),
        ),
    ]


def _activation_lock(
    device: Device, told: Said, said: Said, kept: Mapping[str, Any]
) -> Section:
    manageable = dictionary(said.get("ManagementStatus"))
    facts = [
        flag("Activation Lock", device.is_activation_locked, "on", "off"),
        *known(
            [
                flag("The device can have it", told.get("IsActivationLockSupported")),
                flag("It can be managed", manageable.get("IsActivationLockManageable")),
                flag("Lost Mode", told.get("IsMDMLostModeEnabled"), "on", "off"),
                flag("Find My", told.get("IsDeviceLocatorServiceEnabled"), "on", "off"),
            ]
        ),
        *_kept("Bypass code", Secret.Kind.BYPASS_CODE, kept),
    ]
    return "Activation Lock", facts


def _management(said: Said) -> Section:
    status = dictionary(said.get("ManagementStatus"))
    facts = [
        flag("By automated enrollment", status.get("EnrolledViaDEP")),
        flag("Approved by its user", status.get("UserApprovedEnrollment")),
        flag("User enrollment", status.get("IsUserEnrollment")),
    ]
    return "Management", known(facts) or [Fact("How it is managed", UNKNOWN)]
