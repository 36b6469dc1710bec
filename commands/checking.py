"""Checking: whether an order's keys are what its RequestType takes."""

from collections.abc import Collection, Mapping
from typing import Any

from mdmportal import catalogue
from mdmportal.protocol import schema

from .escrow import passwords


class Invalid(ValueError):
    """The keys are not what the RequestType takes; says which, in Apple's names."""


def check(
    request_type: str, keys: Mapping[str, Any], lacking: Collection[str] = ()
) -> None:
    """Raise Invalid unless the schema has the command, with such keys.

    ``lacking`` are required keys that are still to be filled in.
    """
    command = catalogue.commands().get(request_type)
    if command is None:
        raise Invalid(f"{request_type} is not a RequestType")
    problems = schema.check(command, keys)
    wrong = [str(problem) for problem in problems if problem.path not in lacking]
    if wrong:
        raise Invalid("; ".join(wrong))
    _check_pin(keys)


def _check_pin(keys: Mapping[str, Any]) -> None:
    """A Mac locked with another PIN than one of six digits could not be opened."""
    pin = str(keys.get("PIN", "0" * passwords.PIN_DIGITS))
    if not (pin.isascii() and pin.isdigit() and len(pin) == passwords.PIN_DIGITS):
        raise Invalid(f"PIN: it must have {passwords.PIN_DIGITS} digits")
