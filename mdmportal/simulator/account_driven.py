"""Account-driven enrollment: a person gives their account, and signs in.

https://developer.apple.com/documentation/devicemanagement/onboarding-users-with-account-sign-in
"""

from typing import TYPE_CHECKING, Any

from mdmportal.protocol import plist
from mdmportal.protocol.mobileconfig import CONTENT_TYPE, EnrollmentMode

from . import challenge as challenges
from . import discovery, signature, signing_in
from . import profile as profiles
from .challenge import Challenge
from .discovery import Discovery
from .errors import ProfileRefused, ServerRefused, SignInFailed, SignInRequired
from .identity import Identity
from .managed_account import ManagedAccount, Tokens
from .profile import Profile
from .signing_in import SignIn
from .transport import Response

if TYPE_CHECKING:
    from .device import SimulatedDevice

HEADERS = {
    "Accept": "*/*",
    "Content-Type": "application/pkcs7-signature",
    "User-Agent": "DeviceManagementClient/1.0",
}
LANGUAGE = "en-US"
UNAUTHORIZED = 401


class Enrolling:
    """One account-driven enrollment, step by step; ``run`` takes all the steps.

    ``discovery_url`` is asked instead of https://<domain of the identifier>; ``pkce``
    False leaves the code challenge out. The steps raise ProfileRefused where the device
    breaks off, ServerRefused, SignInFailed, Unreachable.
    """

    def __init__(
        self,
        device: "SimulatedDevice",
        identifier: str,
        *,
        discovery_url: str = "",
        pkce: bool = True,
    ) -> None:
        self.device, self.discovery_url = device, discovery_url
        self.account = ManagedAccount(identifier=identifier, pkce=pkce)

    def run(self, person: SignIn) -> tuple[Tokens, Profile]:
        """Return what the person signed in to, and the profile that enrolls."""
        self.discover()
        tokens = self.sign_in(self.challenge(), person)
        return tokens, self.fetch_profile(tokens)

    @property
    def found(self) -> Discovery:
        """What ``discover`` found."""
        return Discovery(self.account.version, self.account.base_url)

    def discover(self) -> Discovery:
        """Find the server; DiscoveryRefused where the domain names none."""
        device, account = self.device, self.account
        found = discovery.discover(
            device.transport,
            account.identifier,
            device.hardware,
            base=self.discovery_url,
        )
        account.version, account.base_url = found.version, found.base_url
        return found

    def challenge(self) -> Challenge:
        """Ask for the profile without a token; return how one is to sign in."""
        response = self.post()
        if response.ok:
            raise ProfileRefused(
                "The server gives the profile to who has not signed in."
            )
        if response.status != UNAUTHORIZED:
            raise ServerRefused(self.found.base_url, response.status, response.body)
        return challenges.read(response.headers.get(challenges.HEADER, ""))

    def sign_in(self, challenge: Challenge, person: SignIn) -> Tokens:
        """Have the person sign in; return the tokens."""
        account, transport = self.account, self.device.transport
        return signing_in.sign_in(
            challenge, account.identifier, person, transport, pkce=account.pkce
        )

    def fetch_profile(self, tokens: Tokens) -> Profile:
        """Ask again, with the token; return a profile that fits what was discovered."""
        url, response = self.found.base_url, self.post(tokens.access_token)
        challenge = challenges.of(response)
        if response.status == UNAUTHORIZED and challenge:
            raise SignInRequired(url, response.status, response.body, challenge)
        if not response.ok:
            raise ServerRefused(url, response.status, response.body)
        if response.media_type != CONTENT_TYPE:
            kind = response.media_type or "something without a type"
            raise ProfileRefused(f"{url} answers with {kind}, not with a profile.")
        profile = profiles.read(response.body)
        check(profile, self.found)
        return profile

    def post(
        self, token: str = "", *, signer: Identity | None = None, **changes: Any
    ) -> Response:
        """Send the request for the profile once; ``changes`` as of ``message``."""
        headers = HEADERS | ({"Authorization": f"Bearer {token}"} if token else {})
        body = self.message(signer or self.device.factory_identity, **changes)
        return self.device.transport.send("POST", self.found.base_url, headers, body)

    def message(self, signer: Identity, **changes: Any) -> bytes:
        """Return the signed MachineInfo; ``changes``: other values, None for none."""
        info = machine_info(self.device, self.found.mode) | changes
        kept = {name: value for name, value in info.items() if value is not None}
        return signature.wrap(plist.dumps(kept), signer, self.device.style)


def machine_info(device: "SimulatedDevice", mode: EnrollmentMode) -> dict[str, Any]:
    """Return what the device says of itself; a person's own stays anonymous.

    https://developer.apple.com/documentation/devicemanagement/machineinfo
    """
    info = {
        "LANGUAGE": LANGUAGE,
        "PRODUCT": device.hardware.product_name,
        "VERSION": device.state.build_version,
        "OS_VERSION": device.state.os_version,
    }
    if mode is EnrollmentMode.ADDE:
        info |= {
            "UDID": device.unit.udid,
            "SERIAL": device.unit.serial_number,
            "IMEI": device.unit.imei,
            "MEID": device.unit.meid,
        }
    return {name: value for name, value in info.items() if value}


def check(profile: Profile, found: Discovery) -> None:
    """Raise ProfileRefused where the device would break the enrollment off."""
    profiles.check_enrollment(profile)
    assert profile.mdm is not None
    mode = profile.mdm.get("EnrollmentMode")
    if mode != found.mode:
        raise ProfileRefused(
            f"The EnrollmentMode is {mode}, but {found.version} was discovered."
        )
    account = profile.mdm.get("AssignedManagedAppleID")
    if not account or not isinstance(account, str):
        raise ProfileRefused("The MDM payload has no AssignedManagedAppleID.")


# Once enrolled


def refreshes(device: "SimulatedDevice", challenge: Challenge) -> bool:
    """Whether a new token came without a word to the person.

    Raises ServerRefused and Unreachable where it may come later.
    """
    account = device.account
    silent = challenge.method == challenges.OAUTH2
    if account is None or not account.refresh_token or not silent:
        return False
    try:
        tokens = signing_in.refresh(challenge, account.refresh_token, device.transport)
    except (ServerRefused, SignInFailed) as refusal:
        if refusal.status >= 500:
            raise
        account.refresh_token = ""  # it is of no use any more
        return False
    device.take(account, tokens)
    return True


def sign_in_again(device: "SimulatedDevice", person: SignIn) -> None:
    """Meet the challenge that the server waits for. Raises as ``signing_in.sign_in``.

    ValueError where it waits for none.
    """
    account = device.account
    if account is None or not account.asked:
        raise ValueError(f"nobody was asked to sign in again on {device}")
    tokens = signing_in.sign_in(
        challenges.read(account.asked),
        account.identifier,
        person,
        device.transport,
        pkce=account.pkce,
    )
    device.take(account, tokens)
