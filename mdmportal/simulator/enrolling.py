"""Enrolling: what a device prepares before it asks, and what it then says of itself.

https://developer.apple.com/documentation/devicemanagement/authenticate
"""

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mdmportal.protocol.mobileconfig import SCEP

from . import scep_client
from .enrollment import QUERY_DEVICE, Enrollment, is_user_enrollment
from .identity import Identity, from_pkcs12
from .profile import Profile

if TYPE_CHECKING:
    from .device import SimulatedDevice


def prepare(device: "SimulatedDevice", profile: Profile) -> Enrollment:
    """Return the enrollment that ``profile`` makes, with its identity.

    An enrollment there already is keeps its EnrollmentID, and its identity unless the
    payload is another. Raises ProfileRefused, ServerRefused, Unreachable.
    """
    old = device.enrollment
    if not is_user_enrollment(profile):
        enrollment_id = ""
    else:
        enrollment_id = old.enrollment_id if old else str(uuid.uuid4()).upper()
    if old and old.profile.identity_payload == profile.identity_payload:
        return Enrollment(profile, old.identity, enrollment_id)
    return Enrollment(profile, _identity(device, profile), enrollment_id)


def _identity(device: "SimulatedDevice", profile: Profile) -> Identity:
    payload = profile.identity_payload
    if payload["PayloadType"] != SCEP:
        return from_pkcs12(payload["PayloadContent"], payload.get("Password", ""))
    return obtain(device, payload)


def obtain(device: "SimulatedDevice", payload: Mapping[str, Any]) -> Identity:
    """Return the identity that a SCEP payload describes. Raises as ``prepare``."""
    return scep_client.obtain(
        payload["PayloadContent"],
        device.transport,
        device.make_key,
        substitute=lambda text: _substitute(device, text),
    )


def _substitute(device: "SimulatedDevice", text: str) -> str:
    """Fill in what a Mac knows of itself; other devices take the text as it is."""
    known = {
        "%HardwareUUID%": device.unit.udid,
        "%SerialNumber%": device.unit.serial_number,
        "%ComputerName%": device.state.name,
        "%MACAddress%": device.unit.ethernet_mac,
    }
    for name, value in known.items() if device.is_mac else ():
        text = text.replace(name, value)
    return text


def authenticate_keys(
    device: "SimulatedDevice", enrollment: Enrollment
) -> dict[str, Any]:
    """Return the keys of Authenticate beside those that say who speaks."""
    keys = {"Topic": enrollment.topic}
    if enrollment.is_user or enrollment.allows(QUERY_DEVICE):
        keys |= {
            "OSVersion": device.state.os_version,
            "BuildVersion": device.state.build_version,
            "ProductName": device.hardware.product_name,
        }
    if not enrollment.is_user and enrollment.allows(QUERY_DEVICE):
        keys |= {
            "SerialNumber": device.unit.serial_number,
            "IMEI": device.unit.imei,
            "MEID": device.unit.meid,
        }
    if device.is_mac:
        keys |= {
            "DeviceName": device.state.name,
            "Model": device.hardware.model,
            "ModelName": device.hardware.model_name,
        }
    return {name: value for name, value in keys.items() if value}
