"""Checking: whether an order's keys are what its RequestType takes."""

from collections.abc import Collection, Mapping
from typing import Any

from mdmportal import catalogue
from mdmportal.protocol import plist, rules, schema


class Invalid(ValueError):
    """The keys are not what the RequestType takes; says which, in Apple's names."""


def check(
    request_type: str, keys: Mapping[str, Any], lacking: Collection[str] = ()
) -> None:
    """Raise Invalid unless the schema has the command, with such keys.

    ``lacking`` are required keys that are still to be filled in.
    """
    found = problems(request_type, keys, lacking)
    if found:
        raise Invalid("; ".join(map(str, found)))


def check_readable(keys: Mapping[str, Any]) -> None:
    """Raise Invalid for what could not be read again once it is written down:
    characters and numbers that no property list holds, what is nested too deeply."""
    try:
        plist.loads(plist.dumps(keys))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Invalid("the keys hold what no property list can hold") from error


def problems(
    request_type: str, keys: Mapping[str, Any], lacking: Collection[str] = ()
) -> list[schema.Problem]:
    """Return what is wrong with the keys, each by itself, then together."""
    command = catalogue.commands().get(request_type)
    if command is None:
        return [schema.Problem("", f"{request_type} is not a RequestType")]
    found = schema.check(command, keys)
    found = [each for each in found if each.path not in lacking]
    found = found or rules.problems(request_type, keys)
    return [each for each in found if each.path not in lacking]
