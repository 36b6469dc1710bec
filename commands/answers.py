"""Answers: what a device answered, for people to read, without its secrets."""

import json
from collections.abc import Mapping
from typing import Any

from devices.models.inventory import to_json
from mdmportal.protocol import ProtocolError, plist

from .models import Result

HIDDEN = "••••••"
LONG = 400
"""Longer text, such as a certificate's base64, is cut."""

SECRET_KEYS: frozenset[str] = frozenset(
    name.lower()
    for name in (
        "UnlockToken",
        "BootstrapToken",
        "PIN",
        "Password",
        "CurrentPassword",
        "NewPassword",
        "passwordHash",
        "ActivationLockBypassCode",
        "BypassCode",
        "EscrowKey",
        "FileVaultUnlock",
        "FDE_PersonalRecoveryKeyCMS",
        "RecoveryKey",
        "PrivateKeyExport",
        "PrivateKeyExportPassword",
        "RotateResult",
        "EncryptedNewRecoveryKey",
        "RedemptionCode",
        "UnusedRedemptionCode",
        "Payload",
        "PushMagic",
        "Token",
        "AuthToken",
        "DeviceAttestationNonce",
        "Configuration",
        "Latitude",  # where a lost device is: on its page, for who may see it
        "Longitude",
        "WiFiProfileData",
        "MDMProfileData",
    )
)
"""Keys of orders and answers whose values are not shown, in lower case."""


def hide(value: Any) -> Any:
    """Return ``value`` with the values of secret keys replaced, at any depth."""
    if isinstance(value, Mapping):
        return {
            name: HIDDEN if str(name).lower() in SECRET_KEYS else hide(item)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [hide(item) for item in value]
    if isinstance(value, str) and len(value) > LONG:
        return f"{value[:LONG]}… ({len(value):,} characters)"
    return value


def without_secrets(value: Any, *, files: bool = True) -> Any:
    """Return ``value`` without its secret keys, at any depth: for a form that shows
    what somebody else filled in. ``files`` stay, where the form does not show them."""
    if isinstance(value, Mapping):
        return {
            name: without_secrets(item, files=files)
            for name, item in value.items()
            if str(name).lower() not in SECRET_KEYS
            or (files and isinstance(item, bytes))
        }
    if isinstance(value, list):
        return [without_secrets(item, files=files) for item in value]
    return value


def pretty(value: Any) -> str:
    """Return a property list's value as indented text without secrets."""
    return json.dumps(hide(to_json(value)), indent=2, ensure_ascii=False)


def content(result: Result) -> Mapping[str, Any]:
    """Return the raw answer, with its secrets; {} if it cannot be read."""
    try:
        return plist.loads(bytes(result.body))
    except ProtocolError:
        return {}


def text(result: Result) -> str:
    """Return the raw answer as text, or why it cannot be shown."""
    try:
        return pretty(plist.loads(bytes(result.body)))
    except ProtocolError as error:
        return f"The answer cannot be read: {error}"
