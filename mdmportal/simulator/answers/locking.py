"""Locking, erasing and opening a device.

https://developer.apple.com/documentation/devicemanagement/erase-device-command
"""

import re
import time
from typing import TYPE_CHECKING, Any

from .. import absence
from ..absence import Absence
from ..errors import ProfileRefused, ServerRefused, mdm_error
from ..profile import Profile, read
from ..transport import Unreachable
from .table import Answer, Request, Table

if TYPE_CHECKING:
    from ..channel import Channel
    from ..device import SimulatedDevice

PIN = re.compile(r"[0-9]{6}")
WRONG_PIN, WRONG_TOKEN = 12070, 12071
CANNOT_ERASE, CANNOT_RETURN = 12086, 12087
TO_SET_A_PASSCODE = 60 * 60
"""Seconds within which a new passcode must be set where a policy asks for one."""
POLICY = "com.apple.mobiledevice.passwordpolicy"


def device_lock(channel: "Channel", request: Request) -> Answer:
    """Lock the screen; the message is shown where there is a passcode to wait for.

    A Mac restarts and does not come back before somebody enters the PIN.
    """
    device = channel.device
    _require_pin(device, request)
    names = ("Message", "PhoneNumber", "PIN")
    device.state.locked_with = {
        name: request[name] for name in names if name in request
    }
    if device.is_mac and "PIN" in request:
        channel.afterwards(lambda: absence.begin(device, Absence.LOCKED))
    if not device.is_mac and not device.state.passcode:
        return {"MessageResult": "NoPasscodeSet"}
    shows = "Message" in request or "PhoneNumber" in request
    return {"MessageResult": "Success"} if shows else {}


def _require_pin(device: "SimulatedDevice", request: Request) -> None:
    """A Mac without Apple silicon asks for a PIN of six digits to be opened again."""
    needed = device.is_mac and not device.hardware.apple_silicon
    given = request.get("PIN", "" if needed else None)
    if device.is_mac and given is not None and not PIN.fullmatch(given):
        raise mdm_error(WRONG_PIN, "The PIN must have six digits.")


# Erasing


def erase_device(channel: "Channel", request: Request) -> Answer:
    """Acknowledge, then forget everything and be gone, or return to service."""
    device = channel.device
    _require_pin(device, request)
    obliterates = _obliterates(device, request.get("ObliterationBehavior", "Default"))
    service = request.get("ReturnToService", {})
    returns = _returning(service) if service.get("Enabled") else []
    channel.afterwards(lambda: _erase(channel, returns, obliterates=obliterates))
    return {}


def _obliterates(device: "SimulatedDevice", behaviour: str) -> bool:
    """Whether no system is left: where a Mac cannot just erase content and settings."""
    if not device.is_mac or device.hardware.apple_silicon:
        return False
    if behaviour == "DoNotObliterate":
        raise mdm_error(CANNOT_ERASE, "Content and settings cannot be erased.")
    return True


def _returning(service: Request) -> list[bytes]:
    """Return the profiles by which it is to come back: Wi-Fi, then management."""
    found = [service[n] for n in ("WiFiProfileData", "MDMProfileData") if n in service]
    try:
        profiles = [read(raw) for raw in found]
    except ProfileRefused as error:
        raise mdm_error(CANNOT_RETURN, f"No return to service: {error}") from error
    if "MDMProfileData" in service and profiles[-1].mdm is None:
        text = "No return to service: the profile enrolls nothing."
        raise mdm_error(CANNOT_RETURN, text)
    return found


def _erase(channel: "Channel", returning: list[bytes], *, obliterates: bool) -> None:
    device = channel.device
    device.wipe()
    if obliterates:
        absence.begin(device, Absence.OBLITERATED)
    try:
        for raw in returning:
            device.install(raw)
    except (ProfileRefused, ServerRefused, Unreachable) as error:
        channel.oddities.append(f"EraseDevice: did not return to service: {error}")


# The passcode


def clear_passcode(channel: "Channel", request: Request) -> Answer:
    """Remove it; where a policy asks for one, a new one is due within the hour."""
    state = channel.device.state
    if request["UnlockToken"] != state.unlock_token:
        raise mdm_error(WRONG_TOKEN, "The unlock token is not valid.")
    state.passcode, state.locked_with = False, {}
    state.passcode_by = time.time() + TO_SET_A_PASSCODE
    return {}


def passcode(device: "SimulatedDevice") -> dict[str, Any]:
    """Return what SecurityInfo says of the passcode.

    When the hour is over the device lets nobody in who does not set one.
    """
    state = device.state
    demanded = any(map(_demands_passcode, _profiles(device)))
    if demanded and 0 < state.passcode_by < time.time():
        device.set_passcode()
    complies = state.passcode or not demanded
    return {
        "PasscodePresent": state.passcode,
        "PasscodeCompliant": complies,
        "PasscodeCompliantWithProfiles": complies,
    }


def _profiles(device: "SimulatedDevice") -> list[Profile]:
    identities = device.stay.identities
    return [read(raw, *identities) for raw in device.state.profiles.values()]


def _demands_passcode(profile: Profile) -> bool:
    return any(one.get("forcePIN") for one in profile.of_type(POLICY))


def request_unlock_token(channel: "Channel", request: Request) -> Answer:
    return {"UnlockToken": channel.device.state.unlock_token}


def clear_restrictions_password(channel: "Channel", request: Request) -> Answer:
    channel.device.state.restrictions_password = False
    return {}


ANSWERS: Table = {
    "ClearPasscode": clear_passcode,
    "ClearRestrictionsPassword": clear_restrictions_password,
    "DeviceLock": device_lock,
    "EraseDevice": erase_device,
    "RequestUnlockToken": request_unlock_token,
}
