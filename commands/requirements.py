"""Requirements: what a device must be, beyond the schema, for a command to make sense.

The schema tells operating systems, channels and rights apart. What it cannot say, such
as that a place is told only in Lost Mode, is a table here, over facts that the device's
row has. What is unknown refuses nothing: the device has the last word.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devices.models import Device, Enrollment
from mdmportal.protocol.schema import Version

Keys = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Situation:
    """The facts of a device and channel beyond the schema's; None: unknown."""

    platform: str = ""
    version: Version = ()
    mode: str = ""
    is_user: bool = False
    """Whether it is the channel of a user."""
    awaiting_configuration: bool | None = None
    """Whether Setup Assistant waits to be told to go on."""
    user_awaits: bool | None = None
    """Whether a user of a Shared iPad waits to be told to go on."""
    in_lost_mode: bool | None = None
    is_apple_silicon: bool | None = None
    needs_pin_to_lock: bool | None = None
    needs_pin_to_erase: bool | None = None

    @property
    def is_mac(self) -> bool:
        return self.platform == Device.Platform.MACOS


Requirement = Callable[[Keys, Situation], str]
"""Returns why a command with these keys makes no sense there; '' if it does."""


def unmet(
    request_type: str, keys: Keys, situation: Situation, *, is_complete: bool = False
) -> str:
    """Return why the command makes no sense on that device, in words; '' if it does.

    ``is_complete``: nothing is filled into ``keys`` any more, as when it is sent.
    """
    asked = REQUIREMENTS.get(request_type, ())
    if is_complete:
        asked = (*asked, *OF_COMPLETE.get(request_type, ()))
    return next(filter(None, (each(keys, situation) for each in asked)), "")


def is_awaited(request_type: str, situation: Situation) -> bool:
    """Whether the device said that it waits for this command, or may wait for it.

    Then nothing else is asked: without it Setup Assistant would wait for ever. Whether
    it waits for the user of a Mac, nothing tells.
    """
    if request_type == "DeviceConfigured":
        if situation.is_user:
            return situation.is_mac
        return situation.awaiting_configuration is True
    return request_type == "UserConfigured" and situation.user_awaits is True


# --- Lost Mode


def _lost(keys: Keys, situation: Situation) -> str:
    if situation.in_lost_mode is False:
        return "it is not in Lost Mode: turn Lost Mode on first"
    return ""


def _lost_to_end(keys: Keys, situation: Situation) -> str:
    if situation.in_lost_mode is False:
        return "it is not in Lost Mode, so there is nothing to turn off"
    return ""


def _not_lost_yet(keys: Keys, situation: Situation) -> str:
    if situation.in_lost_mode:
        return "it is in Lost Mode already: turn that off first to say something else"
    return ""


def _in_good_hands(keys: Keys, situation: Situation) -> str:
    if situation.in_lost_mode:
        return (
            "it is in Lost Mode, and whoever has it could get in: turn Lost Mode off "
            "once it is back"
        )
    return ""


# --- Setup Assistant


NOT_AWAITING = "its Setup Assistant is done, and takes this only while it waits"


def _awaiting(keys: Keys, situation: Situation) -> str:
    """On the channel of a Mac's user it ends UserConfiguration: nothing tells when."""
    is_over = situation.awaiting_configuration is False and not situation.is_user
    return NOT_AWAITING if is_over else ""


def _user_awaiting(keys: Keys, situation: Situation) -> str:
    if situation.user_awaits is False:
        return "its user does not wait in Setup Assistant"
    return ""


SIZES: Mapping[object, Sequence[str]] = {
    "MaximumResidentUsers": ("MaximumResidentUsers",),
    "SharedDeviceConfiguration": ("QuotaSize", "ResidentUsers"),
}
"""Item of Settings -> what of it divides the disk of a Shared iPad."""


def _sizes(keys: Keys, situation: Situation) -> str:
    if situation.awaiting_configuration is not False:
        return ""
    names = [name for item in _items(keys) for name in _sizes_of(item)]
    if not names:
        return ""
    only = "can be set only while Setup Assistant waits: erase it first"
    return f"{' and '.join(names)} {only}"


def _items(keys: Keys) -> Iterator[Keys]:
    settings = keys.get("Settings")
    several = settings if isinstance(settings, list | tuple) else ()
    return (item for item in several if isinstance(item, Mapping))


def _sizes_of(item: Keys) -> Iterator[str]:
    kind = item.get("Item")
    names = SIZES.get(kind, ()) if isinstance(kind, str) else ()
    return (name for name in names if name in item)


# --- Macs


def _intel(keys: Keys, situation: Situation) -> str:
    if situation.is_apple_silicon:
        return "a Mac with Apple silicon has no firmware password: use a recovery lock"
    return ""


def _apple_silicon(keys: Keys, situation: Situation) -> str:
    if situation.is_apple_silicon is False:
        return "a Mac with Intel has no recovery lock: use a firmware password"
    return ""


def _ios_app(keys: Keys, situation: Situation) -> str:
    if keys.get("iOSApp") and situation.is_apple_silicon is False:
        return "apps for iOS run only on Macs with Apple silicon"
    return ""


LOCKABLE = (11, 5)
"""Since this macOS a Mac with Apple silicon can be locked; before, it is deactivated.
https://developer.apple.com/documentation/devicemanagement/device-lock-command"""


def _lockable(keys: Keys, situation: Situation) -> str:
    is_old = () < situation.version < LOCKABLE
    if situation.is_mac and situation.is_apple_silicon and is_old:
        return "macOS before 11.5 would be deactivated, not locked: update it first"
    return ""


# --- Once all is filled in


NO_PIN = "it asks for a PIN of six digits, and the order has none: order it anew"


def _pin_to_lock(keys: Keys, situation: Situation) -> str:
    is_missing = situation.needs_pin_to_lock and not keys.get("PIN")
    return NO_PIN if situation.is_mac and is_missing else ""


def _pin_to_erase(keys: Keys, situation: Situation) -> str:
    is_missing = situation.needs_pin_to_erase and not keys.get("PIN")
    return NO_PIN if situation.is_mac and is_missing else ""


AUTOMATED = frozenset((Enrollment.Mode.AUTOMATED, Enrollment.Mode.SHARED_IPAD))


def _way_back(keys: Keys, situation: Situation) -> str:
    """Without Automated Device Enrollment nothing brings it back but a profile."""
    wanted = keys.get("ReturnToService")
    if not isinstance(wanted, Mapping) or not wanted.get("Enabled"):
        return ""
    if not situation.mode or situation.mode in AUTOMATED or "MDMProfileData" in wanted:
        return ""
    return (
        "it could not return to service: it did not come by Automated Device "
        "Enrollment, so ReturnToService needs MDMProfileData"
    )


REQUIREMENTS: Mapping[str, Sequence[Requirement]] = {
    "AccountConfiguration": (_awaiting,),
    "ClearPasscode": (_in_good_hands,),
    "DeviceConfigured": (_awaiting,),
    "DeviceLocation": (_lost,),
    "DeviceLock": (_lockable,),
    "DisableLostMode": (_lost_to_end,),
    "EnableLostMode": (_not_lost_yet,),
    "InstallApplication": (_ios_app,),
    "InstallEnterpriseApplication": (_ios_app,),
    "PlayLostModeSound": (_lost,),
    "SetFirmwarePassword": (_intel,),
    "SetRecoveryLock": (_apple_silicon,),
    "Settings": (_sizes,),
    "UserConfigured": (_user_awaiting,),
    "VerifyFirmwarePassword": (_intel,),
    "VerifyRecoveryLock": (_apple_silicon,),
}
"""RequestType -> what it requires, asked whenever it is offered, ordered or sent."""

OF_COMPLETE: Mapping[str, Sequence[Requirement]] = {
    "DeviceLock": (_pin_to_lock,),
    "EraseDevice": (_pin_to_erase, _way_back),
}
"""RequestType -> what it requires of keys that the portal may yet fill in."""
