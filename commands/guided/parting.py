"""Parting: the steps that take what is ours from a device, or the device from us."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.urls import reverse

from devices.models import Enrollment, Secret
from devices.models.device import version_key

from ..models import Delivery
from .facts import Facts
from .kinds import ALL, MACS, OWN, SHARED, Kind
from .locating import REVEAL
from .step import Field, Link, Ordering, Step, Values, given

# --- Activation Lock


def _code(facts: Facts) -> str:
    code = facts.secrets.get(Secret.Kind.BYPASS_CODE)
    return "Its bypass code is kept under Secrets." if code else ""


def _see_code(facts: Facts) -> Link | None:
    code = facts.secrets.get(Secret.Kind.BYPASS_CODE)
    if code is None:
        return None
    return Link(reverse("admin:devices_secret_reveal", args=[code.pk]), "See the code")


BYPASS = Step(
    "bypass",
    "Have its Activation Lock code",
    "If its person turned Find My on, the device asks for their Apple Account after it "
    "is erased. This code opens it instead: on the device in place of the password, "
    "with an empty name. It must be fetched before the device is erased.",
    Ordering("ActivationLockBypassCode"),
    kinds=frozenset((Kind.IPHONE, *MACS, Kind.VISION, Kind.UNKNOWN)),
    button="Fetch the code",
    done=_code,
    link=_see_code,
    link_right=REVEAL,
)


# --- Erasing

_EACS = (
    "Erases everything on it, and it leaves management. A Mac with Apple silicon or a "
    "T2 chip is back at its first start within minutes; an older one erases its disk "
    "and needs macOS to be installed again. A PIN that it may ask for is kept under "
    "Secrets."
)
ERASE = Step(
    "erase",
    "Erase it",
    "Erases everything on it, and it leaves management. Nothing brings the data back. "
    "It does so when it next reaches a network.",
    Ordering("EraseDevice"),
    words=dict.fromkeys(MACS, _EACS)
    | {
        Kind.OWN: "Would erase everything on it. It is its person's own device: only "
        "what is managed can be taken from it.",
        Kind.OWN_MAC: "Would erase everything on it. It is its person's own Mac: only "
        "what is managed can be taken from it.",
    },
    button="Erase it",
)


def _keeps_lock(facts: Facts) -> str:
    if facts.device.is_activation_locked:
        return "Activation Lock is on: keep it on. The thief cannot use the device."
    return ""


ERASE_STOLEN = Step(
    "erase",
    ERASE.title,
    f"{ERASE.does} Once erased it cannot be located any more. Activation Lock "
    "stays: do not remove the device from its person's Apple Account or from Apple "
    "Business Manager, so that nobody else can use it.",
    ERASE.act,
    words=ERASE.words,
    button=ERASE.button,
    instead=("remove",),
    told=_keeps_lock,
)


# --- Management


def _own_profile(facts: Facts, values: Values) -> Mapping[str, Any]:
    return {"Identifier": facts.stay.profile_identifier if facts.stay else ""}


def _is_removal(facts: Facts, delivery: Delivery) -> bool:
    return delivery.command_id in facts.removals


def _knows_profile(facts: Facts) -> str:
    if facts.stay and not facts.stay.profile_identifier:
        return "it is not known which profile it is enrolled with"
    return ""


def _left(facts: Facts) -> str:
    stay = facts.stay
    if stay is None or stay.state != Enrollment.State.ENDED:
        return ""
    return f"It left management ({stay.end_reason or 'no reason told'})."


_TAKES_OWN = (
    "Removes the profile it is enrolled with. Managed apps and their data, accounts, "
    "mail and Wi-Fi of the organisation go with it; what is personal stays: photos, "
    "messages, their own apps. Nothing of ours can be done on it afterwards."
)
REMOVE = Step(
    "remove",
    "Remove management",
    "Removes the profile it is enrolled with, and all that came by it: settings, "
    "accounts, managed apps and their data. All else on it stays, and nothing can be "
    "done on it from here afterwards.",
    Ordering("RemoveProfile", keys=_own_profile, is_it=_is_removal),
    words=dict.fromkeys(OWN, _TAKES_OWN),
    kinds=ALL - SHARED,
    button="Remove management",
    ready=_knows_profile,
    done=_left,
)

BY_HAND = frozenset((Kind.UNSUPERVISED, Kind.VISION, Kind.WATCH, *MACS))
"""What can be a person's own although it was enrolled by a profile."""
THEIRS_AFTER_ALL = replace(
    REMOVE,
    title="It is their own: remove management",
    kinds=BY_HAND,
    instead=("erase",),
)


# --- Before it is erased

BACKUP = Step(
    "backup",
    "What is on it is saved",
    "Ask whether something on it is needed: files that are only there, photos, "
    "authenticator apps that sign in elsewhere. Nothing is saved from here.",
    kinds=ALL - OWN - {Kind.TV},
    button="That was done",
)
CLEAR_PASSCODE = Step(
    "clear-passcode",
    "Clear a forgotten passcode",
    "If nobody knows it: it is removed, and whoever holds the device can use it. Only "
    "for a device that is in your hands.",
    Ordering("ClearPasscode"),
    kinds=frozenset((Kind.IPHONE, Kind.UNSUPERVISED, Kind.VISION, Kind.WATCH)),
    button="Clear the passcode",
    again="Clear it again",
    is_optional=True,
)


# --- Return to service, and what comes before


def _return(facts: Facts, values: Values) -> Mapping[str, Any]:
    """The profile to enroll with is filled in for each device."""
    wifi = values.get("WiFiProfileData")
    profile = {"WiFiProfileData": wifi} if wifi else {}
    return {"ReturnToService": {"Enabled": True, **profile}}


def _unlocked(facts: Facts) -> str:
    if facts.device.is_activation_locked:
        return (
            "Activation Lock is on: have its person turn Find My off first, or it "
            "stops at the question for their Apple Account."
        )
    return ""


RETURN = Step(
    "return",
    "Return to service",
    "Erases everything on it, then it joins the Wi-Fi, enrolls again by itself and is "
    "ready for the next person: nobody has to touch it.",
    Ordering(
        "EraseDevice",
        (
            Field(
                "WiFiProfileData",
                "Wi-Fi profile",
                "A .mobileconfig of the Wi-Fi to join. Not needed with a cable.",
                is_file=True,
            ),
        ),
        keys=_return,
        is_it=lambda facts, delivery: False,
    ),
    kinds=frozenset((Kind.IPHONE, Kind.UNSUPERVISED, Kind.TV, Kind.VISION)),
    button="Erase it and have it return",
    instead=("erase",),
    told=_unlocked,
)
ERASE_ANEW = Step(
    "erase",
    "Erase it, then set it up by hand",
    f"{ERASE.does} Then go through Setup Assistant and enroll it again.",
    ERASE.act,
    button=ERASE.button,
    instead=("return",),
)


def _back_to_its_first_start(facts: Facts, values: Values) -> Mapping[str, Any]:
    """A Mac that cannot is to say so, rather than to erase its disk with macOS."""
    is_known = version_key(facts.device.os_version) >= version_key("12")
    return {"ObliterationBehavior": "DoNotObliterate"} if is_known else {}


ERASE_MAC = Step(
    "erase",
    "Erase all content and settings",
    "Erases what people put on it and leaves macOS: within minutes it is back at its "
    "first start, ready to be enrolled again.",
    Ordering("EraseDevice", keys=_back_to_its_first_start),
    words={Kind.INTEL: _EACS},
    kinds=MACS,
    button=ERASE.button,
)

PREFLIGHT_OK = "success"


def _preflight(facts: Facts) -> str:
    said = str(facts.information.get("EACSPreflight", ""))
    if said.lower() == PREFLIGHT_OK:
        return "It says that it can erase all content and settings."
    return ""


def _preflight_trouble(facts: Facts) -> str:
    said = str(facts.information.get("EACSPreflight", ""))
    if said and said.lower() != PREFLIGHT_OK:
        return f"It says that it cannot: {said}"
    return ""


PREFLIGHT = Step(
    "preflight",
    "Can it erase all content and settings?",
    "Asks it whether it can go back to its first start without macOS being installed "
    "again. If it cannot, it says why, and erasing it that way would be refused.",
    Ordering(
        "DeviceInformation",
        keys=lambda facts, values: {"Queries": ["EACSPreflight"]},
        is_it=lambda facts, delivery: False,
    ),
    kinds=MACS,
    button="Ask it",
    again="Ask again",
    done=_preflight,
    is_told=True,
    told=_preflight_trouble,
    is_optional=True,
)


# --- Users of a Shared iPad


def _users(facts: Facts, values: Values) -> Mapping[str, Any]:
    found = given(facts, values)
    return found or {"DeleteAllUsers": True}


LOG_OUT = Step(
    "log-out",
    "Log its user out",
    "Whoever is logged in is logged out at once; what is not synchronised yet may be "
    "lost.",
    Ordering("LogOutUser"),
    kinds=SHARED,
    button="Log out",
    again="Log out again",
    is_optional=True,
)
DELETE_USER = Step(
    "delete-user",
    "Delete its users",
    "Deletes a user, or all, with their files from the iPad. The next person logs in "
    "with an account of their own: nothing else has to be done.",
    Ordering(
        "DeleteUser",
        (Field("UserName", "User", "A Managed Apple Account. Empty: all of them."),),
        keys=_users,
    ),
    kinds=SHARED,
    button="Delete",
    again="Delete more",
)


# --- After


def _set_up(facts: Facts) -> str:
    return "It has enrolled again." if facts.is_back else ""


SET_UP = Step(
    "set-up",
    "It is enrolled again",
    "Once it has enrolled again it belongs to the next person. By Automated Device "
    "Enrollment or return to service it does so by itself; else by one of the ways in.",
    kinds=ALL - SHARED - OWN,
    done=_set_up,
)
