"""Conditions as rows of a form: without JavaScript, too.

A row has a field, which is hidden, an operator and a value; rows come as three lists of
one length. A button adds a row for the field that was chosen, another takes one away.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from .. import conditions
from ..conditions.fields import SECTIONS
from .base import ids

NAMES = ("condition_field", "condition_operator", "condition_value")
ADD, REMOVE, COUNT = "add_condition", "remove_condition", "count_devices"
"""The buttons that change the form and save nothing."""
MATCHES = (
    ("all", "all of these conditions"),
    ("any", "any of these conditions"),
)


@dataclass
class Row:
    """One condition as it stands in the form; ``problem`` is what is wrong with it."""

    field: conditions.Field
    operator: str
    value: str
    problem: str = ""

    def read(self) -> conditions.Condition | None:
        source = {
            "field": self.field.name,
            "operator": self.operator,
            "value": self.value,
        }
        try:
            return conditions.read_one(source)
        except conditions.Invalid as problem:
            self.problem = str(problem)
            return None

    @property
    def operators(self) -> list[dict[str, Any]]:
        """Return what the field can be compared by, for the template."""
        return [
            {
                "name": name,
                "label": each.label,
                "hint": each.value.hint or each.value.unit_of() if each.value else "",
                "takes_value": each.value is not None,
                "is_chosen": name == self.operator,
            }
            for name, each in self.field.operators.items()
        ]

    @property
    def kind(self) -> str:
        """Return how the value is entered: text, number or choice."""
        values = [each.value for each in self.field.operators.values() if each.value]
        return values[0].kind if values else "text"

    @property
    def choices(self) -> list[tuple[str, str]]:
        """Return what can be chosen as the value, and what was if that is gone."""
        for each in self.field.operators.values():
            if each.value and each.value.kind == "choice":
                known = each.value.choices()
                gone = self.value and self.value not in dict(known)
                return [*known, *([(self.value, "(gone)")] if gone else [])]
        return []

    @property
    def takes_value(self) -> bool:
        operator = self.field.operators.get(self.operator)
        return operator is None or operator.value is not None

    @property
    def hint(self) -> str:
        chosen = [each for each in self.operators if each["is_chosen"]]
        return str(chosen[0]["hint"]) if chosen else ""


def is_edited(data: QueryDict) -> bool:
    """Whether a button was used that changes the form and saves nothing."""
    return any(name in data for name in (ADD, REMOVE, COUNT))


def new_row(field: str) -> Row | None:
    """Return an empty row for a field, None if there is none of that name."""
    found = conditions.FIELDS.get(field)
    return Row(found, next(iter(found.operators)), "") if found else None


class Editor:
    """The rows, and how they are matched; ``problem`` is of the whole."""

    def __init__(self, rows: Iterable[Row] = (), match: str = "all") -> None:
        self.rows = list(rows)
        self.match = match if match in dict(MATCHES) else "all"
        self.problem = ""

    @classmethod
    def of_form(cls, data: QueryDict) -> "Editor":
        """Return what was sent, after what its buttons say."""
        rows = []
        for name, operator, value in zip(*map(data.getlist, NAMES), strict=False):
            if name in conditions.FIELDS:
                rows.append(Row(conditions.FIELDS[name], operator, value.strip()))
        for number in ids([data.get(REMOVE) or ""]):
            del rows[number : number + 1]
        added = new_row(data.get("new_field", "")) if ADD in data else None
        return cls([*rows, *([added] if added else [])], data.get("match", "all"))

    @classmethod
    def of_kept(cls, source: object) -> "Editor":
        """Return what is kept of a group; what cannot be read any more is left out."""
        kept: dict[str, Any] = source if isinstance(source, dict) else {}
        rows = [
            Row(
                conditions.FIELDS[each["field"]],
                str(each.get("operator", "")),
                str(each.get("value", "")),
            )
            for each in kept.get("conditions", [])
            if each.get("field") in conditions.FIELDS
        ]
        return cls(rows, str(kept.get("match", "all")))

    def read(self) -> conditions.Conditions | None:
        """Return the conditions, None with what is wrong written to rows or form."""
        items = [row.read() for row in self.rows]
        found = [item for item in items if item is not None]
        if not items:
            self.problem = "Add at least one condition."
        elif len(items) > conditions.MOST:
            self.problem = f"Give at most {conditions.MOST} conditions."
        if self.problem or len(found) < len(items):
            return None
        return conditions.Conditions(tuple(found), self.match)

    @property
    def matches(self) -> list[tuple[str, str, bool]]:
        return [(name, label, name == self.match) for name, label in MATCHES]

    @property
    def offered(self) -> list[tuple[str, list[conditions.Field]]]:
        """Return the fields by section, for adding a row."""
        found: dict[str, list[conditions.Field]] = {name: [] for name in SECTIONS}
        for field in conditions.FIELDS.values():
            found.setdefault(field.section, []).append(field)
        return [(name, fields) for name, fields in found.items() if fields]
