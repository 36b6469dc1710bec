"""Fields: all that conditions can be on. Other apps add theirs by ``register``."""

from . import people, software, state
from .columns import COLUMNS
from .field import UNKNOWN, Field, Operator

SECTIONS = ("Device", "Security", "Enrollment", "People", "Software", "Groups", "Other")
"""In this order they are offered."""

FIELDS: dict[str, Field] = {}


def register(field: Field) -> None:
    """Offer ``field``, and to find who has not told it where that can be."""
    operators = dict(field.operators)
    if field.untold and field.finds_untold:
        untold = field.untold
        operators[UNKNOWN] = Operator(
            "is not told", lambda _: untold(), phrase="{field} is not told"
        )
    FIELDS[field.name] = Field(**{**vars(field), "operators": operators})


for each in (*COLUMNS, *state.FIELDS, *people.FIELDS, *software.FIELDS):
    register(each)
