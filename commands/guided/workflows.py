"""Workflows: what can have happened to a device, and the steps for it.

Lost and stolen are two of them: who hopes to have a device back does not erase it.
"""

from collections.abc import Mapping
from dataclasses import replace

from ..models import Case
from . import locating, parting, protecting, recording
from .kinds import ALL, MACS, OWN, SHARED
from .step import Step, Workflow

URGENT = 100
_O = Case.Outcome


def _optional(step: Step) -> Step:
    return replace(step, is_optional=True)


LOST = Workflow(
    Case.Kind.LOST,
    "Lost",
    "wrong_location",
    "Nobody knows where it is, and it may come back. It is locked and looked for; "
    "nothing on it is lost.",
    (
        locating.LOST_MODE,
        locating.LOCATE,
        locating.SOUND,
        *protecting.PROTECT_MAC,
        locating.LOCK,
        locating.FIND_MY,
        replace(parting.REMOVE, is_optional=True, kinds=OWN),
        locating.END_LOST_MODE,
        locating.UNLOCK_MAC,
    ),
    (_O.FOUND, _O.ERASED, _O.RELEASED, _O.WRITTEN_OFF, _O.MISTAKE),
    turns_into=(Case.Kind.STOLEN, "It will not come back"),
    complete="What can be done is done, until it is found or given up.",
    priority=URGENT,
)
STOLEN = Workflow(
    Case.Kind.STOLEN,
    "Stolen",
    "gpp_bad",
    "Somebody took it, or it will not come back. What is on it is kept from others, "
    "and it is written off.",
    (
        parting.BYPASS,
        _optional(locating.LOST_MODE),
        replace(locating.LOCATE, is_optional=True),
        *protecting.PROTECT_MAC,
        replace(locating.LOCK, is_optional=True, kinds=locating.LOCK.kinds - OWN),
        replace(locating.LOCK, kinds=OWN),
        parting.ERASE_STOLEN,
        replace(parting.REMOVE, kinds=OWN),
        replace(parting.REMOVE, kinds=parting.BY_HAND, is_optional=True),
        recording.PASSWORDS,
        recording.REPORT,
        recording.TAG_STOLEN,
        _optional(recording.UNASSIGN),
    ),
    (_O.ERASED, _O.RELEASED, _O.WRITTEN_OFF, _O.FOUND, _O.MISTAKE),
    priority=URGENT,
)
LEAVING = Workflow(
    Case.Kind.LEAVING,
    "Leaving",
    "person_off",
    "Its person leaves. From their own device goes what is the organisation's; the "
    "organisation's device comes back and is put away.",
    (
        recording.HAVE_BACK,
        parting.BACKUP,
        parting.BYPASS,
        parting.CLEAR_PASSCODE,
        replace(locating.LOCK_ANYWAY, kinds=locating.LOCK_ANYWAY.kinds - OWN),
        replace(parting.REMOVE, kinds=OWN),
        replace(parting.ERASE, instead=("remove",)),
        replace(parting.THEIRS_AFTER_ALL, is_optional=True),
        recording.SIGN_OUT,
        recording.ACCOUNT,
        recording.UNASSIGN,
        replace(recording.RETIRE, kinds=recording.RETIRE.kinds - OWN),
    ),
    (_O.RETIRED, _O.RELEASED, _O.ERASED, _O.WRITTEN_OFF, _O.MISTAKE),
    counts_all_stays=True,
)
HANDOVER = Workflow(
    Case.Kind.HANDOVER,
    "Changing hands",
    "swap_horiz",
    "The organisation's device goes to the next person, with nothing of the one before "
    "left on it.",
    (
        parting.BACKUP,
        _optional(parting.BYPASS),
        parting.LOG_OUT,
        parting.DELETE_USER,
        recording.ASSIGN,
        parting.PREFLIGHT,
        parting.RETURN,
        replace(parting.ERASE_ANEW, kinds=ALL - MACS - SHARED),
        replace(parting.ERASE_ANEW, kinds=SHARED, is_optional=True, instead=()),
        parting.ERASE_MAC,
        parting.SET_UP,
    ),
    (_O.HANDED_OVER, _O.RETIRED, _O.ERASED, _O.MISTAKE),
    kinds=ALL - OWN,
    counts_all_stays=True,
)

WORKFLOWS: Mapping[str, Workflow] = {
    each.name: each for each in (LOST, STOLEN, LEAVING, HANDOVER)
}
