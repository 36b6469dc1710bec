"""Recording: the steps that change what the portal knows, and those outside of it."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from apns.tasks import ask_for_push
from devices.models import AuditEntry, Device, Tag, User
from devices.signals import owner_assigned

from .. import queue
from .facts import Facts
from .kinds import ALL, OWN, SHARED
from .step import Deed, Field, Step, Values

CHANGE_DEVICE = "devices.change_device"
CHANGE_STAY = "devices.change_enrollment"


# --- Whose it is


@transaction.atomic
def assign(facts: Facts, owner: User | None, by: Any) -> None:
    device = facts.device
    device.owner = owner
    device.save(update_fields=["owner"])
    Device.regroup([device.pk])
    name = str(owner) if owner else None
    AuditEntry.write(by, "owner assigned", device, owner=name)
    if owner:
        owner_assigned.send(Device, owner=owner)


def _nobodys(facts: Facts, values: Values, by: Any) -> None:
    assign(facts, None, by)


def _next(facts: Facts, values: Values, by: Any) -> None:
    assign(facts, person(values.get("owner", "")), by)


def person(name: str) -> User | None:
    """Return who has this username or e-mail address; None for ''.

    ValidationError if nobody has, or several.
    """
    name = name.strip()
    if not name:
        return None
    exact = User.objects.filter(username=name).first()
    if exact:
        return exact
    found = list(User.objects.filter(email__iexact=name).order_by("pk")[:2])
    if not found:
        raise ValidationError(f"Nobody has the username or e-mail address {name}.")
    if len(found) > 1:
        raise ValidationError(f"Several have the e-mail address {name}: say which.")
    return found[0]


def _is_nobodys(facts: Facts) -> str:
    return "" if facts.device.owner_id else "It is nobody's."


def _is_now(facts: Facts) -> str:
    return f"It is {facts.device.owner}'s now." if facts.device.owner_id else ""


UNASSIGN = Step(
    "unassign",
    "Take its owner off",
    "It is nobody's from then on: groups and policies that go by its owner change with "
    "it. On the device nothing changes.",
    Deed(_nobodys, CHANGE_DEVICE, "change devices"),
    button="Take the owner off",
    done=_is_nobodys,
)


def _was_assigned(facts: Facts) -> str:
    entry = next((one for one in facts.entries if one.action == "owner assigned"), None)
    if entry is None:
        return ""
    return f"It is {facts.device.owner}'s." if facts.device.owner_id else "Nobody's."


ASSIGN = Step(
    "assign",
    "Whose it is next",
    "Named before it is erased, it comes back as theirs. Nothing changes on it.",
    Deed(
        _next,
        CHANGE_DEVICE,
        "change devices",
        (
            Field(
                "owner",
                "Next owner",
                "A username or e-mail address of somebody who is here already. Empty: "
                "nobody.",
            ),
        ),
    ),
    kinds=ALL - SHARED,
    button="Name the owner",
    again="Name somebody else",
    done=_was_assigned,
    told=_is_now,
)


# --- Tags


def _tag(name: str) -> Deed:
    def do(facts: Facts, values: Values, by: Any) -> None:
        tag, _ = Tag.objects.get_or_create(name=name)
        facts.device.tags.add(tag)
        Device.regroup([facts.device.pk])
        AuditEntry.write(by, "tag added", facts.device, tag=name)

    return Deed(do, CHANGE_DEVICE, "change devices")


def _tagging(name: str, does: str) -> Step:
    def is_tagged(facts: Facts) -> str:
        names = {tag.name for tag in facts.device.tags.all()}
        return f"It is tagged “{name}”." if name in names else ""

    return Step(
        "tag",
        f"Tag it “{name}”",
        does,
        _tag(name),
        button="Tag it",
        done=is_tagged,
    )


RETIRE = _tagging(
    "retired",
    "So that lists, groups and policies can leave it out. It stays here with its "
    "history and its secrets.",
)
TAG_STOLEN = _tagging(
    "stolen",
    "So that it is known by everybody who comes upon it in a list, should it turn up.",
)


# --- Whose session it is


@transaction.atomic
def _sign_out(facts: Facts, values: Values, by: Any) -> None:
    assert facts.stay
    facts.stay.sign_out()
    queue.waken(facts.stay.channels.values_list("pk", flat=True))
    ask_for_push()
    AuditEntry.write(by, "asked to sign in again", facts.device)


def _has_session(facts: Facts) -> bool:
    return facts.stay is not None and facts.stay.is_account_driven


def _is_there(facts: Facts) -> str:
    return "" if facts.is_enrolled else "it is not enrolled"


def _signed_out(facts: Facts) -> str:
    if facts.stay and facts.stay.signed_out_at:
        return "Its person is to sign in again; until then it gets nothing but that."
    return ""


SIGN_OUT = Step(
    "sign-out",
    "End its session with us",
    "The device asks its person to sign in again and gets nothing until they do; who "
    "cannot loses what is managed after the time that the way in says. Only after the "
    "steps above: what waits for it is held back, too.",
    Deed(_sign_out, CHANGE_STAY, "change enrollments"),
    button="End the session",
    is_optional=True,
    applies=_has_session,
    ready=_is_there,
    done=_signed_out,
)


# --- Outside

PASSWORDS = Step(
    "passwords",
    "Change passwords, end sessions",
    "Not from here: whoever has the device may be signed in on it. In your identity "
    "provider end the person's sessions and have them choose another password; do the "
    "same for mail, VPN and whatever the device was signed in to. Leave its identity "
    "certificate alone: revoked, the device could be told nothing any more, not even "
    "to erase itself.",
    button="That was done",
)
ACCOUNT = Step(
    "account",
    "Switch the person's accounts off",
    "Not from here: in your identity provider end the person's sessions and switch the "
    "account off, on the day they leave. Leave the identity certificate of the device "
    "alone: revoked, the device could be told nothing any more.",
    button="That was done",
)
REPORT = Step(
    "report",
    "Report it",
    "To the police, with serial number and IMEI, and to the insurer. Have the carrier "
    "block its SIM only once it was erased: without a network it cannot be told "
    "anything.",
    button="That was done",
)
HAVE_BACK = Step(
    "have-back",
    "The device is handed in",
    "With its charger and what else belongs to it. Have its person turn Find My off "
    "while they still can: Settings, their name, Find My.",
    kinds=ALL - OWN,
    button="It is here",
)
