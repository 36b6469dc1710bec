"""Over the air: enrolling in three phases, which a Profile Service payload begins.

The device says what it is, signed by the factory's identity; gets an identity of the
server's; says it again, signed by that one; and gets the profile that enrolls it.
https://developer.apple.com/library/archive/documentation/NetworkingInternet/Conceptual/iPhoneOTAConfiguration/
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mdmportal.protocol import plist
from mdmportal.protocol.mobileconfig import CONTENT_TYPE, PROFILE_SERVICE, SCEP

from . import enrolling, signature
from . import profile as profiles
from .errors import ProfileRefused, ServerRefused
from .identity import Identity
from .profile import Profile

if TYPE_CHECKING:
    from .device import SimulatedDevice

SIGNED = "application/pkcs7-signature"
LANGUAGE = "en-US"

ATTRIBUTES: Mapping[str, Callable[["SimulatedDevice"], str]] = {
    "UDID": lambda device: device.unit.udid,
    "VERSION": lambda device: device.state.build_version,
    "PRODUCT": lambda device: device.hardware.product_name,
    "SERIAL": lambda device: device.unit.serial_number,
    "IMEI": lambda device: device.unit.imei,
    "MEID": lambda device: device.unit.meid,
    "ICCID": lambda device: device.unit.iccid,
    "MAC_ADDRESS_EN0": lambda device: device.unit.wifi_mac,
    "DEVICE_NAME": lambda device: device.state.name,
}
"""What a device can be asked. A Mac sends numbers that it has not as empty strings,
as one was seen to; other devices leave them out."""


@dataclass(frozen=True)
class Service:
    """A Profile Service payload: where to answer, what is asked, what to repeat."""

    url: str
    attributes: tuple[str, ...]
    challenge: str | bytes


def is_service(raw: bytes) -> bool:
    """Whether ``raw`` begins an enrollment over the air; ProfileRefused if garbled."""
    return profiles.unwrap(raw)[0].get("PayloadType") == PROFILE_SERVICE


def read(raw: bytes) -> Service:
    """Return the Profile Service in ``raw``, signed or not; else ProfileRefused."""
    outer, _ = profiles.unwrap(raw)
    profiles.check_keys(outer)
    if outer["PayloadType"] != PROFILE_SERVICE:
        raise ProfileRefused(f"It is a {outer['PayloadType']}, not a Profile Service.")
    content = outer.get("PayloadContent")
    if not isinstance(content, dict):
        raise ProfileRefused("The content of a Profile Service is a dictionary.")
    profiles.check_url("URL", content.get("URL"))
    asked = content.get("DeviceAttributes")
    if not isinstance(asked, list) or not all(isinstance(one, str) for one in asked):
        raise ProfileRefused("DeviceAttributes is not an array of strings.")
    challenge = content.get("Challenge", "")
    if not isinstance(challenge, str | bytes):
        raise ProfileRefused("The Challenge is neither a string nor data.")
    return Service(str(content["URL"]), tuple(asked), challenge)


class Enrolling:
    """One enrollment over the air, step by step.

    ``run`` takes all the steps. What a step is given by name changes its message: an
    attribute by another value, or by None left out; ``signer`` signs instead of whom it
    should. Every step raises ProfileRefused, ServerRefused, Unreachable.
    """

    def __init__(self, device: "SimulatedDevice", raw: bytes) -> None:
        self.device, self.service = device, read(raw)
        self.identity: Identity | None = None

    def run(self) -> Profile:
        """Return the profile that enrolls, not installed yet."""
        self.take_identity(self.phase2())
        return self.read_profile(self.phase3())

    def phase2(self, *, signer: Identity | None = None, **changes: Any) -> bytes:
        """Answer by the factory's identity; return the profile that comes back."""
        signer = signer or self.device.factory_identity
        return self.post(self.message(signer, **changes))

    def take_identity(self, raw: bytes) -> Identity:
        """Obtain, by the profile of phase 2, the identity that signs phase 3."""
        profile = profiles.read(raw)
        kinds = [payload["PayloadType"] for payload in profile.payloads]
        if kinds.count(SCEP) != 1:
            raise ProfileRefused("The profile of phase 2 has one SCEP payload.")
        [payload] = profile.of_type(SCEP)
        self.identity = enrolling.obtain(self.device, payload)
        return self.identity

    def phase3(self, *, signer: Identity | None = None, **changes: Any) -> bytes:
        """Answer again, by the new identity; return the profile that comes back."""
        signer = signer or self.identity
        if signer is None:
            raise ValueError("phase 3 comes after take_identity")
        return self.post(self.message(signer, **changes))

    def read_profile(self, raw: bytes) -> Profile:
        """Return the profile of phase 3, opened; one that cannot enroll is refused."""
        profile = profiles.read(raw, *([self.identity] if self.identity else []))
        profiles.check_enrollment(profile)
        return profile

    def message(self, signer: Identity, **changes: Any) -> bytes:
        """Return a signed answer to the Profile Service."""
        answer = self.answer() | changes
        kept = {name: value for name, value in answer.items() if value is not None}
        return signature.wrap(plist.dumps(kept), signer, self.device.style)

    def answer(self) -> dict[str, Any]:
        """Return what the device says of itself, and the challenge."""
        device = self.device
        known = {
            name: ATTRIBUTES[name](device)
            for name in self.service.attributes
            if name in ATTRIBUTES
        }
        answer: dict[str, Any] = {
            name: value for name, value in known.items() if value or device.is_mac
        }
        answer["LANGUAGE"] = LANGUAGE
        if self.service.challenge:
            answer["CHALLENGE"] = self.service.challenge
        return answer | (self._user() if device.is_mac else {})

    def _user(self) -> dict[str, Any]:
        """What a Mac adds: who is installing the profile."""
        owner = self.device.unit.owner
        account = self.device.state.account(owner.lower(), owner)
        return {
            "NotOnConsole": False,
            "UserID": account.guid,
            "UserShortName": account.short_name,
            "UserLongName": account.long_name,
        }

    def post(self, message: bytes) -> bytes:
        """Send a signed answer, which may be an earlier one; return the profile."""
        url, headers = self.service.url, {"Content-Type": SIGNED}
        response = self.device.transport.send("POST", url, headers, message)
        if not response.ok:
            raise ServerRefused(url, response.status, response.body)
        if response.media_type != CONTENT_TYPE:
            kind = response.media_type or "something without a type"
            raise ProfileRefused(f"{url} answers with {kind}, not with a profile.")
        return response.body
