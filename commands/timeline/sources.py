"""Sources: the tables that the timeline is merged from."""

from collections.abc import Mapping, Sequence

from .changes import audited, changed, of_secrets, of_staff
from .located import located
from .orders import answered, asked, runs
from .scope import Source
from .stays import seen, stays

SOURCES: Mapping[str, Sequence[Source]] = {
    "enrollment": (stays, seen),
    "asked": (asked,),
    "answered": (answered,),
    "inventory": (runs,),
    "changed": (changed,),
    "located": (located,),
    "secrets": (of_secrets,),
    "staff": (of_staff,),
}
"""Where the events of each kind come from."""

ALL: Sequence[Source] = (
    *(stays, seen, asked, answered),
    *(runs, changed, located, audited),
)
"""Where those of all kinds come from, each table asked once."""
