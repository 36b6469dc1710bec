"""Reading: conditions out of JSON, and devices by conditions."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import Any

from django.db.models import Q

from ..models import Device
from .field import UNKNOWN, Field, Operator
from .fields import FIELDS
from .values import Invalid

MOST = 30
"""Conditions in one set: what a statement can hold, and anybody can read."""
MATCHES = {"all": and_, "any": or_}


@dataclass(frozen=True)
class Condition:
    """One condition that has been read, so its parts are known to fit."""

    field: str
    operator: str
    value: str = ""

    def q(self) -> Q:
        """Return the devices that meet it; none that has not told is among them."""
        find, value = self._operator.find, self._operator.value
        met = find(value.read(self.value) if value else None)
        told = None if self.operator == UNKNOWN else self._field.told
        return met & told() if told else met

    def unknown(self) -> Q | None:
        """Return the devices that have not told; None if there can be none."""
        if self.operator == UNKNOWN or self._field.untold is None:
            return None
        return self._field.untold()

    def words(self) -> str:
        value = self._operator.value
        return self._operator.phrase.format(
            field=self._field.label,
            operator=self._operator.label,
            value=value.words(self.value) if value else "",
        ).strip()

    def said(self, device: Device) -> str:
        """Return what the device says of the field; '' if it has said nothing."""
        return self._field.say(device, self.value)

    def to_json(self) -> dict[str, str]:
        return {"field": self.field, "operator": self.operator, "value": self.value}

    @property
    def _field(self) -> Field:
        return FIELDS[self.field]

    @property
    def _operator(self) -> Operator:
        return self._field.operators[self.operator]


@dataclass(frozen=True)
class Conditions:
    """Several conditions, of which a device meets all or any."""

    items: tuple[Condition, ...]
    match: str = "all"

    def q(self) -> Q:
        """Return the devices that meet them, each once."""
        return reduce(MATCHES[self.match], (each.q() for each in self.items))

    def words(self) -> str:
        """Return them as one sentence."""
        joint = " and " if self.match == "all" else " or "
        return joint.join(each.words() for each in self.items)

    def to_json(self) -> dict[str, Any]:
        """Return what ``read`` reads."""
        return {
            "match": self.match,
            "conditions": [each.to_json() for each in self.items],
        }


def read(source: object) -> Conditions:
    """Return the conditions in JSON; what makes no sense is Invalid, in words."""
    if not isinstance(source, Mapping):
        raise Invalid("Conditions are an object with “match” and “conditions”.")
    match, rows = source.get("match", "all"), source.get("conditions")
    if match not in MATCHES:
        raise Invalid("“match” is either “all” or “any”.")
    if not isinstance(rows, list) or not rows:
        raise Invalid("Give at least one condition.")
    if len(rows) > MOST:
        raise Invalid(f"Give at most {MOST} conditions.")
    items = []
    for number, row in enumerate(rows, start=1):
        try:
            items.append(read_one(row))
        except Invalid as problem:
            raise Invalid(f"Condition {number}: {problem}") from None
    return Conditions(tuple(items), str(match))


def read_one(row: object) -> Condition:
    """Return the one condition in JSON; what makes no sense is Invalid, in words."""
    if not isinstance(row, Mapping):
        raise Invalid("A condition is an object with “field”, “operator” and “value”.")
    field = FIELDS.get(str(row.get("field", "")))
    if field is None:
        raise Invalid("Choose what the condition is on.")
    operator = field.operators.get(str(row.get("operator", "")))
    if operator is None:
        labels = ", ".join(each.label for each in field.operators.values())
        raise Invalid(f"Choose how to compare: {labels}.")
    text = _text(row.get("value", "")) if operator.value else ""
    if operator.value:
        operator.value.read(text)
    return Condition(field.name, str(row["operator"]), text)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int | float):
        return str(value).replace("\0", "").strip()
    raise Invalid("A value is text or a number.")
