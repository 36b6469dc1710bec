"""An enrollment: the profile that made it, and the identity it gave."""

import json
import plistlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mdmportal.protocol.rights import AccessRights

from . import challenge as challenges
from .challenge import Challenge
from .identity import Identity
from .profile import Profile, read
from .transport import Response

UNRECOGNIZED = "com.apple.unrecognized.device"
QUERY_DEVICE = AccessRights.AllowQueryDeviceInformation
CLEAR_PASSCODE = AccessRights.AllowPasscodeRemovalAndLock


@dataclass(frozen=True)
class Enrollment:
    """One stay under management; ``enrollment_id`` is that of an anonymous device."""

    profile: Profile
    identity: Identity
    enrollment_id: str = ""

    @property
    def identities(self) -> tuple[Identity, ...]:
        """What profiles may be encrypted to: its own may be to an earlier identity."""
        opener = self.profile.opener
        return (opener, self.identity) if opener else (self.identity,)

    @property
    def mdm(self) -> Mapping[str, Any]:
        assert self.profile.mdm is not None
        return self.profile.mdm

    @property
    def topic(self) -> str:
        return str(self.mdm["Topic"])

    @property
    def server_url(self) -> str:
        return str(self.mdm["ServerURL"])

    @property
    def check_in_url(self) -> str:
        return str(self.mdm.get("CheckInURL", self.server_url))

    @property
    def signs(self) -> bool:
        return bool(self.mdm.get("SignMessage", False))

    @property
    def checks_out(self) -> bool:
        return bool(self.mdm.get("CheckOutWhenRemoved", False))

    @property
    def rights(self) -> int:
        """The AccessRights; 0 where the payload has none, which then limits nothing."""
        return int(self.mdm.get("AccessRights", 0))

    def who(self, udid: str) -> dict[str, Any]:
        """The identity keys of the device in every message."""
        return {"EnrollmentID": self.enrollment_id} if self.is_user else {"UDID": udid}

    def allows(self, right: int) -> bool:
        return not self.rights or bool(self.rights & right)

    def has_capability(self, name: str) -> bool:
        return name in self.mdm.get("ServerCapabilities", [])

    @property
    def is_user(self) -> bool:
        """User Enrollment: the device is anonymous."""
        return is_user_enrollment(self.profile)

    @property
    def is_account_driven(self) -> bool:
        return "EnrollmentMode" in self.mdm

    def challenge_in(self, response: Response) -> Challenge | None:
        """What the person is to meet before this is repeated; None if nothing."""
        asks = response.status == 401 and self.is_account_driven
        return challenges.of(response) if asks else None

    def ended_by(self, response: Response) -> bool:
        """Whether the device removes its profile over this answer."""
        if response.status == 401:
            return not self.is_account_driven  # which signs in again instead
        return response.status == 403 and error_code(response) == UNRECOGNIZED

    def to_plist(self) -> dict[str, Any]:
        saved = {
            "Profile": self.profile.raw,
            "Identity": self.identity.to_plist(),
            "EnrollmentID": self.enrollment_id,
        }
        if self.profile.opener:
            saved["Opener"] = self.profile.opener.to_plist()
        return saved

    @classmethod
    def from_plist(cls, source: Mapping[str, Any]) -> "Enrollment":
        openers = [Identity.from_plist(source["Opener"])] if "Opener" in source else []
        return cls(
            read(source["Profile"], *openers),
            Identity.from_plist(source["Identity"]),
            str(source["EnrollmentID"]),
        )


def is_user_enrollment(profile: Profile) -> bool:
    mdm = profile.mdm or {}
    return mdm.get("EnrollmentMode") == "BYOD" or "ManagedAppleID" in mdm


def error_code(response: Response) -> str:
    """The code of a 403's document, JSON or plist; '' where it has none."""
    try:
        if response.body.lstrip().startswith(b"{"):
            document = json.loads(response.body)
        else:
            document = plistlib.loads(response.body)
        return str(document["code"])
    except Exception:  # whatever a proxy in between may have written
        return ""
