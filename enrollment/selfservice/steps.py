"""Steps: every prompt a person meets, by kind of way in, device and system version.

The names of buttons are Apple's, in English. *Stars* stand around what is to be tapped
or read on the screen; {organization}, {identifier} and {device} are filled in.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ..models import EnrollmentProfile
from .agent import Agent, Family

Kind = EnrollmentProfile.Kind
ACCOUNT = (Kind.BYOD, Kind.ADDE)
HAND = (Family.IPHONE, Family.IPAD)


@dataclass(frozen=True)
class Guide:
    """The steps on one family of devices, from version ``first`` to before ``end``."""

    kinds: Sequence[Kind]
    families: Sequence[Family]
    title: str
    steps: Sequence[str]
    first: int = 0
    end: int = 1000

    def fits(self, kind: str, agent: Agent) -> bool:
        if kind not in self.kinds or agent.family not in self.families:
            return False
        return agent.major is None or self.first <= agent.major < self.end


DOWNLOAD = (
    "Tap *Download the profile*. Safari says that this website is trying to download "
    "a configuration profile: tap *Allow*.",
    "If an Apple Watch is paired, choose *{device}*. *Profile Downloaded* appears: "
    "tap *Close*.",
)
TO_THE_END = (
    "Asked whether you trust the profile's source to enroll the {device} into remote "
    "management, tap *Trust*.",
    "It says *Profile Installed*: tap *Done*. That was the last question. Settings "
    "and apps arrive by themselves within minutes.",
)
PASSCODE = "Tap *Install* at the top right and enter the {device}'s *passcode*."
WARNING = (
    "A page with warnings appears: the administrator may collect personal data, add "
    "and remove accounts and apps, and erase the {device}. Tap *Install*, and once "
    "more *Install* below. The profile may be shown as not verified; it comes from "
    "{organization} if you began on this page."
)
EIGHT = "Do this within eight minutes, or the download is thrown away."
OPEN_15 = (
    "Open the *Settings* app. Near the top tap *Profile Downloaded*. If it is not "
    f"there: *General*, then *VPN & Device Management*. {EIGHT}"
)
OPEN_12 = (
    "Open the *Settings* app. Near the top tap *Profile Downloaded*. If it is not "
    f"there: *General*, then *Profiles & Device Management*. {EIGHT}"
)
IDENTIFIES = (
    "The first profile only introduces the {device} to {organization}: tap *Install* "
    "below, too. It shows *Generating key* and *Enrolling certificate*; wait."
)

MAC_DOWNLOAD = (
    "Click *Download the profile*. If Safari asks, click *Allow*. A notice says that "
    "the profile is waiting in Settings. In Chrome or Firefox, open the downloaded "
    "file."
)
MAC_OPEN = "Double-click the downloaded profile, then click *Install…*"
MAC_END = (
    "Confirm with *Install* or *Enroll*. The profile may be shown as unverified; it "
    "comes from {organization} if you began on this page.",
    "Enter the name and password of an *administrator of this Mac*. That was the last "
    "question: the profile is now listed, and the Mac is managed.",
)
MAC_IDENTIFIES = (
    "The Mac introduces itself to {organization} and asks for a certificate. That "
    "takes some seconds; then it goes on by itself."
)

IDENTIFIER = "Enter {identifier} and tap *Continue*."
WEB = (
    "A page of {organization} opens: *sign in* with your work account, as you do "
    "elsewhere. It may ask for a code or another second factor."
)
ICLOUD = (
    "*Sign In to iCloud* appears with your Managed Apple Account. Tap it; if you are "
    "asked for a password, it is the one of that account."
)
CODE = "Enter the {device}'s *passcode* if you are asked. Without one, set one first."
ALLOW_OWN = (
    "*Remote Management* says what {organization} can manage: read it, then tap "
    "*Allow Remote Management*. That was the last question.",
    "Your work account is now listed near the top of Settings. Apps from work arrive "
    "by themselves; if you are asked whether to install one, tap *Install*.",
)
ALLOW_DEVICE = (
    "*Remote Management* says what {organization} can manage: read it, then tap "
    "*Allow Remote Management*. That was the last question: settings and apps arrive "
    "by themselves within minutes.",
)

PHONE_SYSTEMS = (
    ("On your {device}", OPEN_15, 15, 1000),
    ("On your {device}, before {system} 15", OPEN_12, 0, 15),
)
MAC_SYSTEMS = (
    (
        "macOS 15 and newer",
        "Open *System Settings*, then *General*, then *Device Management*.",
        15,
        1000,
    ),
    (
        "macOS 13 and 14",
        "Open *System Settings*, then *Privacy & Security*. Scroll down to *Profiles*.",
        13,
        15,
    ),
    ("macOS 11 and 12", "Open *System Preferences*, then *Profiles*.", 0, 13),
)
"""Where a downloaded profile is found, from and before which version."""

GUIDES: Sequence[Guide] = (
    # A profile from a page; over the air there is a first one to install before.
    *(
        Guide(
            (kind,),
            HAND,
            title,
            (*DOWNLOAD, settings, PASSCODE, *more, WARNING, *TO_THE_END),
            first,
            end,
        )
        for kind, more in ((Kind.PROFILE, ()), (Kind.OTA, (IDENTIFIES,)))
        for title, settings, first, end in PHONE_SYSTEMS
    ),
    *(
        Guide(
            (kind,),
            (Family.VISION,),
            "On your {device} (visionOS 1.1 or newer)",
            (DOWNLOAD[0], OPEN_15, PASSCODE, *more, WARNING, *TO_THE_END),
        )
        for kind, more in ((Kind.PROFILE, ()), (Kind.OTA, (IDENTIFIES,)))
    ),
    *(
        Guide(
            (kind,),
            (Family.MAC,),
            title,
            (MAC_DOWNLOAD, settings, MAC_OPEN, *more, *MAC_END),
            first,
            end,
        )
        for kind, more in ((Kind.PROFILE, ()), (Kind.OTA, (MAC_IDENTIFIES,)))
        for title, settings, first, end in MAC_SYSTEMS
    ),
    # Sign-in with an account
    Guide(
        (Kind.BYOD,),
        (*HAND, Family.VISION),
        "On your {device}",
        (
            "Open the *Settings* app: *General*, then *VPN & Device Management*.",
            "Tap *Sign In to Work or School Account…*",
            IDENTIFIER,
            WEB,
            ICLOUD,
            CODE,
            *ALLOW_OWN,
        ),
    ),
    Guide(
        (Kind.ADDE,),
        (*HAND, Family.VISION),
        "On the {device}",
        (
            "Open the *Settings* app: *General*, then *VPN & Device Management*.",
            "Tap *Sign In to Work or School Account…*",
            IDENTIFIER,
            WEB,
            ICLOUD,
            CODE,
            *ALLOW_DEVICE,
        ),
    ),
    Guide(
        ACCOUNT,
        (Family.MAC,),
        "macOS 15 and newer",
        (
            "Open *System Settings*, then *General*, then *Device Management*.",
            "Click *Sign In…* beside *Work or School Account*.",
            IDENTIFIER.replace("tap", "click"),
            WEB,
            ICLOUD.replace("Tap it", "Click it"),
            "Read what {organization} can manage and click *Enroll*. Enter your Mac's "
            "password or that of an *administrator* if you are asked. That was the "
            "last question: settings and apps arrive by themselves.",
        ),
        first=15,
    ),
    Guide(
        ACCOUNT,
        (Family.MAC,),
        "macOS 14",
        (
            "Open *System Settings*, then *Privacy & Security*. Scroll down to "
            "*Profiles*.",
            "Click *Sign In…* beside *Work or School Account*, or *+* if it is not "
            "there.",
            IDENTIFIER.replace("tap", "click"),
            WEB,
            ICLOUD.replace("Tap it", "Click it"),
            "Read what {organization} can manage and click *Enroll*. Enter your Mac's "
            "password or that of an *administrator* if you are asked. That was the "
            "last question: settings and apps arrive by themselves.",
        ),
        first=14,
        end=15,
    ),
)
