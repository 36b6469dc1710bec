"""Conditions: what can be asked of a device, for smart groups and policies alike.

As JSON: ``{"match": "all", "conditions": [{"field": "os_version", "operator":
"at_least", "value": "17.0"}]}``. A condition is met only by what a device has told: one
that has not told whether it is encrypted is neither encrypted nor not.
"""

from .field import Field, Operator
from .fields import FIELDS, register
from .reading import MOST, Condition, Conditions, read, read_one
from .values import (
    Choice,
    Identified,
    Invalid,
    Number,
    Row,
    Text,
    Value,
    Version,
)

__all__ = [
    "FIELDS",
    "MOST",
    "Choice",
    "Condition",
    "Conditions",
    "Field",
    "Identified",
    "Invalid",
    "Number",
    "Operator",
    "Row",
    "Text",
    "Value",
    "Version",
    "read",
    "read_one",
    "register",
]
