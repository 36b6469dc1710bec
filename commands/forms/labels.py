"""Labels: what a key is called and what is to be known of it, in people's words."""

import re
from collections.abc import Mapping
from typing import Any

from mdmportal.catalogue import wording
from mdmportal.protocol.schema import Key

from .. import words
from .context import Context

LONGEST = 220
"""Characters of help; what a newer schema brings can be a page."""

LEFT_EMPTY = ("PIN", "NewPassword", "CurrentPassword", "Password", "GUID")
"""Keys of whose words only those hold that say what happens if they are left empty."""

OF_DEVICES = re.compile(
    r"\b(available|supported?|deprecated|requires?|ignored|"
    r"(iOS|iPadOS|macOS|tvOS|watchOS|visionOS) \d)",
    re.IGNORECASE,
)
"""Sentences that tell which devices know a key: the form is made for those chosen."""

YES = re.compile("^If “true”, ")
"""How Apple explains what is answered by yes here."""

SAMPLES: Mapping[str, str] = {
    "ManifestURL": "https://…/manifest.plist",
    "MediaURL": "https://…",
    "InvitationURL": "https://…",
    "eSIMServerURL": "https://…",
    "iTunesStoreID": "361309726",
    "DeviceDNSName": "mac-12.example.org",
    "TimeZone": "Europe/Berlin",
}
"""What a value looks like, shown where nothing is typed yet."""

_SECONDS = {
    0: "at once",
    60: "after 1 minute",
    300: "after 5 minutes",
    900: "after 15 minutes",
    3600: "after 1 hour",
    14400: "after 4 hours",
}

CHOICES: Mapping[str, Mapping[Any, str]] = {
    "Where": {1: "lock screen", 2: "home screen", 3: "both screens"},
    "PurchaseMethod": {0: "free or redeemed by a code", 1: "a licence of ours"},
    "ManagementFlags": {
        1: "removed when the device leaves",
        4: "not in backups",
        5: "removed when the device leaves, not in backups",
    },
    "PasscodeLockGracePeriod": _SECONDS,
    "RecommendationCadence": {
        0: "both versions",
        1: "the older version only",
        2: "the newer version only",
    },
    "DeviceRequestType": {
        "PowerON": "switch on",
        "PowerOFF": "switch off",
        "Reset": "restart",
    },
    "InstallAction": {
        "Default": "download or install, as far as it has come",
        "DownloadOnly": "download only",
        "InstallASAP": "install as soon as possible",
        "NotifyOnly": "download and tell the user",
        "InstallLater": "download, install later",
        "InstallForceRestart": "install and restart by force",
    },
    "KeyType": {"personal": "of this Mac", "institutional": "of the organisation"},
    "ObliterationBehavior": {
        "Default": "erase quickly; if that fails, overwrite",
        "DoNotObliterate": "erase quickly or not at all",
        "ObliterateWithWarning": "erase quickly; if that fails, warn and overwrite",
        "Always": "always overwrite; macOS must be installed anew",
    },
}
"""What the values of a key mean."""

MAY_BE_EMPTY = frozenset({"SecondaryIPv6AddressList"})
"""Required arrays that some devices have nothing for."""

RARE = frozenset(
    {
        "AssociatedDomainsEnableDirectDownloads",
        "CellularSliceUUID",
        "ChangeManagementState",
        "ContentFilterUUID",
        "DNSProxyUUID",
        "DeviceAttestationNonce",
        "DisallowProximitySetup",
        "DontAutoPopulatePrimaryAccountInfo",
        "InstallAsManaged",
        "KextPaths",
        "ManagedLocalUserShortName",
        "ManifestURLPinningCerts",
        "MaxUserDeferrals",
        "OrganizationMagic",
        "PinningRevocationCheckRequired",
        "PreserveDataPlan",
        "RebuildKernelCache",
        "RelayUUID",
        "ScanTime",
        "TapToPayScreenLock",
        "hidden",
        "iOSApp",
    }
)
"""Keys that are folded away where there are others."""


OURS: Mapping[str, str] = {"passwordHash": "Password"}
"""What is asked for otherwise than it is sent."""


def label(path: str, key: Key, context: Context) -> str:
    if key.name in OURS:
        return OURS[key.name]
    return context.words.titles.get(path) or wording.spelled(key.name)


def explanation(path: str, key: Key, context: Context) -> str:
    """Return what to know about a key: ours, or the beginning of the catalogue's."""
    ours = words.EXPLAINED.get(key.name, "")
    if ours and (key.name not in LEFT_EMPTY or key.name in context.optional):
        return ours
    return shortened(context.words.keys.get(path, ""))


def shortened(text: str) -> str:
    """Return the first sentences of a description, without those about devices, and
    without lists of values, which the control has."""
    first = text.partition("\n\n")[0]
    kept: list[str] = []
    for sentence in re.split(r"(?<=[.!?]) +(?=[A-Z“])|\n", first):
        told = sum(map(len, kept)) + len(sentence)
        is_list = sentence.rstrip().endswith(":") or sentence.startswith(("*", "-"))
        if is_list or OF_DEVICES.search(sentence) or (kept and told > LONGEST):
            continue
        kept.append(sentence.strip())
    found = YES.sub("Yes: ", " ".join(kept))
    return found if len(found) <= LONGEST else f"{found[:LONGEST].rsplit(' ', 1)[0]} …"


def limits(key: Key) -> str:
    """Return range and default of a key, in words."""
    parts = [_range(key)]
    if key.default is not None and key.type != "boolean":
        parts.append(f"Default: {choice(key, key.default)}.")
    return " ".join(filter(None, parts))


def _range(key: Key) -> str:
    low, high = key.minimum, key.maximum
    if low is not None and high is not None:
        return f"From {low:g} to {high:g}."
    if low is not None:
        return f"At least {low:g}."
    return f"At most {high:g}." if high is not None else ""


def choice(key: Key, value: Any) -> str:
    """Return what a value of a key means, and the value beside if it is a number."""
    said = CHOICES.get(key.name, {}).get(value)
    if said is None:
        return str(value)
    return f"{said} ({value})"
