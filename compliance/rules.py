"""Rules: what is asked of devices most often, and how a verdict is put into words.

A rule is one or several conditions, so a policy keeps nothing but conditions: the form
finds its rules among them again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devices.conditions import FIELDS, Condition
from devices.models import Device

Row = Mapping[str, str]
"""A condition as JSON has it."""


@dataclass(frozen=True)
class Rule:
    """``parts`` are field and operator of its conditions. ``kind`` is how it is asked
    for: check, for conditions whose value is yes; version, days, or lines, of which
    each is a condition."""

    label: str
    kind: str
    parts: tuple[tuple[str, str], ...]
    help: str = ""
    hint: str = ""

    def rows(self, given: Any) -> list[Row]:
        """Return the conditions for what was given in the form."""
        if self.kind == "check":
            values = ["yes"] if given else []
        elif self.kind == "lines":
            values = list(given or [])
        else:
            values = [] if given in (None, "") else [str(given)]
        return [
            {"field": field, "operator": operator, "value": value}
            for value in values
            for field, operator in self.parts
        ]


RULES: Mapping[str, Rule] = {
    "os_at_least": Rule(
        "OS version at least",
        "version",
        (("os_version", "at_least"),),
        "Choose a platform above: versions differ from one to the other.",
        "17.6.1",
    ),
    "passcode": Rule(
        "A passcode is set, and is as profiles ask",
        "check",
        (("passcode", "is"), ("passcode_compliant", "is")),
        "iPhone and iPad tell this.",
    ),
    "encrypted": Rule(
        "Storage is encrypted",
        "check",
        (("encrypted", "is"),),
        "On a Mac that is FileVault; on other devices a passcode does it.",
    ),
    "firewall": Rule(
        "The firewall is on", "check", (("firewall", "is"),), "Macs tell this."
    ),
    "supervised": Rule("It is supervised", "check", (("supervised", "is"),)),
    "seen_days": Rule("Seen within the last … days", "days", (("seen", "within"),)),
    "profiles": Rule(
        "These profiles are installed",
        "lines",
        (("profile", "installed"),),
        "PayloadIdentifiers, one on each line.",
        "com.example.wifi",
    ),
    "apps": Rule(
        "These apps are installed",
        "lines",
        (("application", "installed"),),
        "Bundle identifiers, one on each line.",
        "com.example.app",
    ),
    "forbidden_apps": Rule(
        "These apps are not installed",
        "lines",
        (("application", "not_installed"),),
        "Bundle identifiers, one on each line.",
        "com.example.game",
    ),
}
"""By the name of the form's field."""

WRONG: Mapping[tuple[str, str, str], str] = {
    ("passcode", "is", "yes"): "No passcode is set",
    ("passcode_compliant", "is", "yes"): "The passcode is not as profiles ask",
    ("encrypted", "is", "yes"): "It is not encrypted",
    ("firewall", "is", "yes"): "The firewall is off",
    ("supervised", "is", "yes"): "It is not supervised",
    ("seen", "within", ""): "It was not seen for {value} days",
    ("profile", "installed", ""): "The profile {value} is missing",
    ("application", "installed", ""): "The app {value} is missing",
    ("application", "not_installed", ""): "The app {value} is installed",
}
"""Field, operator and value, '' for any: what is wrong with who does not meet it."""


def take(rows: Sequence[Row]) -> tuple[dict[str, Any], list[Row]]:
    """Return what the form's rules are, and the conditions that are none of them."""
    rest = list(rows)
    found: dict[str, Any] = {}
    for name, rule in RULES.items():
        values = _values(rule, rest)
        if not values:
            continue
        kept = values if rule.kind == "lines" else values[:1]
        found[name] = {"check": True, "lines": kept}.get(rule.kind, kept[0])
        mine = rule.rows(found[name])
        rest = [row for row in rest if row not in mine]
    return found, rest


def _values(rule: Rule, rows: Sequence[Row]) -> list[str]:
    """Return the values for which all parts of the rule are among the conditions."""
    field, operator = rule.parts[0]
    values = [
        row["value"]
        for row in rows
        if (row["field"], row["operator"]) == (field, operator)
    ]
    return [
        value
        for value in dict.fromkeys(values)
        if rule.kind != "check" or value == "yes"
        if all(
            {"field": field, "operator": operator, "value": value} in rows
            for field, operator in rule.parts
        )
    ]


# --- Verdicts in words


def reason(condition: Condition, asked: str, device: Device) -> str:
    """Return why the device does not meet the condition; ``asked`` are its words.

    Only what the device's row holds is looked up: this is done for many at a time.
    """
    for value in (condition.value, ""):
        wrong = WRONG.get((condition.field, condition.operator, value))
        if wrong:
            return wrong.format(value=condition.value)
    field = FIELDS[condition.field]
    said = condition.said(device) if field.is_row else ""
    if not said:
        return f"Asked: {asked}"
    if condition.operator == "at_least":
        return f"{field.label} is {said}, at least {condition.value} is asked"
    return f"{field.label}: {said}; asked: {asked}"


def not_told(condition: Condition, asked: str) -> str:
    """Return why it is not known whether a device meets the condition."""
    field = FIELDS[condition.field]
    if field.is_row:
        return f"Not told yet: {field.label}"
    return f"Not told yet whether {asked}"
