"""Who speaks: the keys by which every message names its device and user.

A device says its UDID; under User Enrollment it is anonymous and says an EnrollmentID.
On a user channel come the user's keys.
https://developer.apple.com/documentation/devicemanagement/check-in
"""

from dataclasses import dataclass

from . import ProtocolError, plist

SHARED_IPAD_USER = "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"
"""The UserID of every Shared iPad user: the short name tells them apart."""


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """The identity keys of a message, as sent."""

    udid: str = plist.key("UDID", str, default="")
    enrollment_id: str = plist.key("EnrollmentID", str, default="")
    raw_user_id: str = plist.key("UserID", str, default="")
    enrollment_user_id: str = plist.key("EnrollmentUserID", str, default="")
    user_short_name: str = plist.key("UserShortName", str, default="")
    user_long_name: str = plist.key("UserLongName", str, default="")
    not_on_console: bool = plist.key("NotOnConsole", bool, default=False)
    """The user of a Mac is logged in, and another has the screen."""
    auth_token: str = plist.key("AuthToken", str, default="", repr=False)
    """What UserAuthenticate gave a network user; in every message until the next."""

    @property
    def device_id(self) -> str:
        """The UDID, or what stands for it under User Enrollment; '' if neither came."""
        return self.udid or self.enrollment_id

    @property
    def user_id(self) -> str:
        """The key of the user's channel; '' on the device channel."""
        if self.is_of_shared_ipad:
            if not self.user_short_name:
                raise ProtocolError("a user of a Shared iPad without UserShortName")
            return self.user_short_name
        return self.raw_user_id or self.enrollment_user_id

    @property
    def is_of_shared_ipad(self) -> bool:
        """Whether it is a user of a Shared iPad, by a Managed Apple Account."""
        return self.raw_user_id.upper() == SHARED_IPAD_USER
