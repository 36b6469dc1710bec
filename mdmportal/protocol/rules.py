"""Rules: what the keys of a command must be together, which the schema cannot say.

Apple says it in sentences beside the schema, of each command on its page:
https://developer.apple.com/documentation/devicemanagement/commands-and-queries
"""

import json
import zoneinfo
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .schema import Problem

Keys = Mapping[str, Any]
Rule = Callable[[Keys], Iterator[Problem]]
"""Yields what is wrong with keys of which each is right by itself."""

PIN_DIGITS = 6
NONCE_BYTES = 32
LEAST_TIMEOUT, LEAST_LOCK = 30, 120
"""Seconds: the shortest session of a Shared iPad, but 0 for no end; and its screen."""

PICTURES = (b"\x89PNG", b"\xff\xd8\xff")
"""How a PNG and a JPEG begin."""


def problems(request_type: str, keys: Keys) -> list[Problem]:
    """Return what is wrong with ``keys`` taken together; [] if nothing is.

    To be asked when each key is right by the schema. A problem is at the first of the
    keys that it is about.
    """
    return [each for rule in RULES.get(request_type, ()) for each in rule(keys)]


def _given(keys: Keys, name: str) -> bool:
    """Whether the key says something; a form hands in '' for what was left empty."""
    value = keys.get(name)
    return value is not None and value not in ("", b"", [], {}, False)


# --- Of keys beside each other


def exactly_one(*names: str) -> Rule:
    def rule(keys: Keys) -> Iterator[Problem]:
        given = [name for name in names if _given(keys, name)]
        if len(given) > 1:
            yield Problem(given[0], f"cannot go with {_and(given[1:])}: give only one")
        elif not given:
            yield Problem("", f"needs one of {', '.join(names)}")

    return rule


def at_least_one(*names: str) -> Rule:
    def rule(keys: Keys) -> Iterator[Problem]:
        if not any(_given(keys, name) for name in names):
            yield Problem("", f"needs {' or '.join(names)}")

    return rule


def at_most_one(*names: str) -> Rule:
    def rule(keys: Keys) -> Iterator[Problem]:
        given = [name for name in names if _given(keys, name)]
        if len(given) > 1:
            yield Problem(given[0], f"cannot go with {_and(given[1:])}: give only one")

    return rule


def needs(name: str, *others: str) -> Rule:
    """With ``name`` all the others must come."""

    def rule(keys: Keys) -> Iterator[Problem]:
        missing = [other for other in others if not _given(keys, other)]
        if _given(keys, name) and missing:
            yield Problem(name, f"needs {_and(missing)} as well")

    return rule


def when(name: str, value: str, *others: str) -> Rule:
    """If ``name`` has that value, all the others are required."""

    def rule(keys: Keys) -> Iterator[Problem]:
        for other in others:
            if keys.get(name) == value and not _given(keys, other):
                yield Problem(other, f"is required where {name} is {value}")

    return rule


def _and(names: Sequence[str]) -> str:
    return " and ".join(names)


# --- Of one key


def https(name: str) -> Rule:
    def rule(keys: Keys) -> Iterator[Problem]:
        if _given(keys, name) and not str(keys[name]).lower().startswith("https://"):
            yield Problem(name, "must begin with https://")

    return rule


def something(name: str) -> Rule:
    """An array that is given must hold something."""

    def rule(keys: Keys) -> Iterator[Problem]:
        if name in keys and not keys[name]:
            yield Problem(name, "must not be empty")

    return rule


def _pin(keys: Keys) -> Iterator[Problem]:
    """A Mac locked with another PIN than one of six digits could not be opened."""
    pin = keys.get("PIN")
    if pin is None:
        return
    if not (pin.isascii() and pin.isdigit() and len(pin) == PIN_DIGITS):
        yield Problem("PIN", f"must have {PIN_DIGITS} digits")


def _json(keys: Keys) -> Iterator[Problem]:
    try:
        json.loads(keys.get("Data", b"{}"))
    except (ValueError, RecursionError):
        yield Problem("Data", "must be JSON")


# --- Of one command


def _attestation(keys: Keys) -> Iterator[Problem]:
    nonce = keys.get("DeviceAttestationNonce")
    if nonce is None:
        return
    if "DevicePropertiesAttestation" not in keys.get("Queries", ()):
        query = "the query DevicePropertiesAttestation"
        yield Problem("DeviceAttestationNonce", f"needs {query}")
    if len(nonce) > NONCE_BYTES:
        path, most = "DeviceAttestationNonce", NONCE_BYTES
        yield Problem(path, f"must have at most {most} bytes")


def _accounts(keys: Keys) -> Iterator[Problem]:
    """Without an administrator nobody could manage the Mac."""
    for name in (
        "SkipPrimarySetupAccountCreation",
        "SetPrimarySetupAccountAsRegularUser",
    ):
        if _given(keys, name) and not _given(keys, "AutoSetupAdminAccounts"):
            yield Problem(name, "needs an administrator in AutoSetupAdminAccounts")


def _unlock(keys: Keys) -> Iterator[Problem]:
    unlock = keys.get("FileVaultUnlock", {"Password": "filled in"})
    for rule in (
        exactly_one("Password", "PrivateKeyExport"),
        needs("PrivateKeyExport", "PrivateKeyExportPassword"),
    ):
        for each in rule(unlock):
            path = f"FileVaultUnlock.{each.path}".rstrip(".")
            yield Problem(path, each.message)


def _updates(keys: Keys) -> Iterator[Problem]:
    for index, update in enumerate(keys.get("Updates", ())):
        path = f"Updates[{index}]"
        for each in at_least_one("ProductKey", "ProductVersion")(update):
            yield Problem(path, each.message)
        later = update.get("InstallAction") == "InstallLater"
        if "MaxUserDeferrals" in update and not later:
            name = f"{path}.MaxUserDeferrals"
            yield Problem(name, "needs the InstallAction InstallLater")


def _settings(keys: Keys) -> Iterator[Problem]:
    for index, item in enumerate(keys.get("Settings", ())):
        for rule in ITEMS.get(item.get("Item"), ()):
            for each in rule(item):
                path = f"Settings[{index}].{each.path}".rstrip(".")
                yield Problem(path, each.message)


def _picture(item: Keys) -> Iterator[Problem]:
    if not item.get("Image", b"").startswith(PICTURES):
        yield Problem("Image", "must be a PNG or JPEG picture")


def _zone(item: Keys) -> Iterator[Problem]:
    try:
        zoneinfo.ZoneInfo(item.get("TimeZone", ""))
    except (LookupError, ValueError, OSError):
        yield Problem("TimeZone", "must be a time zone such as Europe/Berlin")


def _sessions(item: Keys) -> Iterator[Problem]:
    for name in ("UserSessionTimeout", "TemporarySessionTimeout"):
        if 0 < item.get(name, 0) < LEAST_TIMEOUT:
            yield Problem(name, f"must be {LEAST_TIMEOUT} seconds or more, or 0")
    policy = item.get("PasscodePolicy", {})
    if policy.get("AutoLockTime", LEAST_LOCK) < LEAST_LOCK:
        path = "PasscodePolicy.AutoLockTime"
        yield Problem(path, f"must be {LEAST_LOCK} seconds or more")


ITEMS: Mapping[object, Sequence[Rule]] = {
    "DefaultApplications": (at_least_one("WebBrowser", "Calling", "Messaging"),),
    "SharedDeviceConfiguration": (at_most_one("QuotaSize", "ResidentUsers"), _sessions),
    "TimeZone": (_zone,),
    "Wallpaper": (_picture,),
}
"""Item of Settings -> its rules."""

RULES: Mapping[str, Sequence[Rule]] = {
    "AccountConfiguration": (
        _accounts,
        at_most_one("DontAutoPopulatePrimaryAccountInfo", "LockPrimaryAccountInfo"),
    ),
    "DeclarativeManagement": (_json,),
    "DeleteUser": (exactly_one("UserName", "DeleteAllUsers"),),
    "DeviceInformation": (something("Queries"), _attestation),
    "DeviceLock": (_pin,),
    "EnableLostMode": (at_least_one("Message", "PhoneNumber"),),
    "EraseDevice": (_pin,),
    "InstallApplication": (
        exactly_one("iTunesStoreID", "Identifier", "ManifestURL"),
        https("ManifestURL"),
    ),
    "InstallEnterpriseApplication": (
        exactly_one("Manifest", "ManifestURL"),
        https("ManifestURL"),
        needs("ManifestURLPinningCerts", "ManifestURL"),
        needs("PinningRevocationCheckRequired", "ManifestURLPinningCerts"),
    ),
    "InstallMedia": (
        exactly_one("iTunesStoreID", "MediaURL"),
        needs("MediaURL", "PersistentID", "Kind"),
    ),
    "InviteToProgram": (https("InvitationURL"),),
    "LOMDeviceRequest": (something("RequestList"),),
    "RemoveMedia": (exactly_one("iTunesStoreID", "PersistentID"),),
    "RequestMirroring": (at_least_one("DestinationName", "DestinationDeviceID"),),
    "RestartDevice": (needs("KextPaths", "RebuildKernelCache"),),
    "RotateFileVaultKey": (
        when("KeyType", "institutional", "NewCertificate"),
        when("KeyType", "personal", "ReplyEncryptionCertificate"),
        _unlock,
    ),
    "ScheduleOSUpdate": (_updates,),
    "Settings": (something("Settings"), _settings),
}
"""RequestType -> its rules."""
