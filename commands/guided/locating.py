"""Locating: the steps while a device is lost: Lost Mode, where it is, a lock."""

from dataclasses import replace

from django.conf import settings
from django.urls import reverse

from devices.models import Secret

from ..models import State
from .facts import Facts
from .kinds import ALL, LOSABLE, MACS, Kind
from .step import Field, Link, Ordering, Step

VIEW_LOCATION = "devices.view_location"
REVEAL = "devices.reveal_secret"


def _message(_: Facts) -> str:
    return f"This device belongs to {settings.ORGANIZATION}. Please call us."


def _phone(_: Facts) -> str:
    return str(settings.ORGANIZATION_PHONE)


MESSAGE = Field("Message", "Message", "Shown on its screen.", initial=_message)
PHONE = Field(
    "PhoneNumber",
    "Phone number",
    "Whoever finds it can call this number from its screen.",
    initial=_phone,
    longest=50,
)
FOOTNOTE = Field("Footnote", "Footnote", "Shown below, in place of how to unlock.")


def _must_be_lost(facts: Facts) -> str:
    if facts.device.in_lost_mode:
        return ""
    return "it works once the device is in Lost Mode"


def _is_lost(facts: Facts) -> str:
    return "It is in Lost Mode." if facts.device.in_lost_mode else ""


def _not_lost_again(facts: Facts) -> str:
    """It is lost once more only after Lost Mode was ended."""
    return "it is in Lost Mode" if facts.device.in_lost_mode else ""


LOST_MODE = Step(
    "lost-mode",
    "Lost Mode",
    "Locks it at once to a message, and lets it be located. Its passcode does not open "
    "it: only Lost Mode being ended here does. Nothing on it is lost.",
    Ordering("EnableLostMode", (MESSAGE, PHONE, FOOTNOTE)),
    words={
        Kind.UNSUPERVISED: "Would lock it and let it be located. Only supervised "
        "devices have it: this one cannot be located from here.",
        Kind.OWN: "Would lock it and let it be located. It is its person's own device: "
        "where it is is no business of the organisation, and cannot be asked.",
    },
    kinds=ALL - MACS - {Kind.OWN_MAC},
    button="Turn Lost Mode on",
    again="Turn Lost Mode on again",
    ready=_not_lost_again,
    done=_is_lost,
)


def _where(facts: Facts) -> str:
    place = facts.location
    if place is None:
        return ""
    accuracy = place.horizontal_accuracy
    within = f", within {accuracy:.0f} m" if accuracy and accuracy > 0 else ""
    return f"It told where it is{within}."


def _map(facts: Facts) -> Link | None:
    if facts.location is None:
        return None
    return Link(f"{facts.device.get_absolute_url()}?tab=location", "See the map")


LOCATE = Step(
    "locate",
    "Where it is",
    "Once it is in Lost Mode it is asked by itself where it is, and can be asked "
    "again. It must be switched on and reach a network.",
    Ordering("DeviceLocation"),
    kinds=LOSABLE,
    button="Ask where it is",
    again="Ask again",
    ready=_must_be_lost,
    done=_where,
    is_told=True,
    link=_map,
    link_right=VIEW_LOCATION,
)
SOUND = Step(
    "sound",
    "Play a sound",
    "It plays a sound until somebody stops it on the device: for when it is near.",
    Ordering("PlayLostModeSound"),
    kinds=LOSABLE,
    button="Play a sound",
    again="Play it again",
    is_optional=True,
    ready=_must_be_lost,
)
END_LOST_MODE = Step(
    "end-lost-mode",
    "It is back: end Lost Mode",
    "Opens it again to its passcode. Then close the case as found.",
    Ordering("DisableLostMode"),
    kinds=LOSABLE,
    button="End Lost Mode",
    again="End Lost Mode again",
    is_optional=True,
    ready=_must_be_lost,
)
FIND_MY = Step(
    "find-my",
    "Look for it with its person",
    "Its person can look for it themselves: at icloud.com/find, or in the app Find My "
    "of another device of theirs, if they had Find My on.",
    kinds=ALL - LOSABLE,
    button="That was done",
)


# --- Locking


def _pin(facts: Facts) -> Link | None:
    secret = facts.secrets.get(Secret.Kind.LOCK_PIN)
    if secret is None:
        return None
    return Link(reverse("admin:devices_secret_reveal", args=[secret.pk]), "See its PIN")


_LOCK_OF_MAC = (
    "Restarts it at once, and it opens only with a PIN that is made up for it and kept "
    "under Secrets. While it is locked so it can be told nothing else until the PIN "
    "is typed: do before what is to be done before."
)
LOCK = Step(
    "lock",
    "Lock",
    "Locks its screen at once and shows a message. Its passcode opens it, so whoever "
    "knows that gets in; nothing on it is lost.",
    Ordering("DeviceLock", (MESSAGE, PHONE)),
    words={
        Kind.MAC: _LOCK_OF_MAC,
        Kind.SILICON: _LOCK_OF_MAC,
        Kind.INTEL: _LOCK_OF_MAC,
    },
    kinds=ALL - LOSABLE,
    button="Lock it",
    again="Lock it again",
    link=_pin,
    link_right=REVEAL,
)
LOCK_ANYWAY = replace(LOCK, kinds=ALL, is_optional=True)


def _locked(facts: Facts) -> bool:
    return any(
        each.command.request_type == "DeviceLock" and each.state == State.ACKNOWLEDGED
        for each in facts.deliveries
    )


UNLOCK_MAC = Step(
    "unlock",
    "It is back: open it",
    "Type its PIN on the Mac: it starts as before. Nothing has to be ordered.",
    kinds=MACS,
    button="It is open",
    is_optional=True,
    ready=lambda facts: "" if _locked(facts) else "it is not locked",
    link=_pin,
    link_right=REVEAL,
)
