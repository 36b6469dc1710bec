"""The command of a policy, as its form has it: chosen and checked."""

import json
from collections.abc import Mapping
from typing import Any

from commands import checking, destructive, filled
from commands.schema_json import Wrong, from_json
from devices.models import User
from mdmportal import catalogue


class Refused(ValueError):
    """The command cannot be chosen so; says why, in words."""


def choices(user: User | None, present: str) -> list[tuple[str, str]]:
    """Return the commands that this person may choose, and the one there is."""
    names = [
        name
        for name in sorted(catalogue.commands())
        if name == present or (user and not refusal(user, name))
    ]
    return [("", "none"), *((name, name) for name in names)]


def refusal(
    user: User, request_type: str, keys: Mapping[str, Any] | None = None
) -> str:
    """Return why this person may not have it ordered, in words; '' if they may."""
    if not user.has_perm("commands.add_command"):
        return "your account may not order commands"
    return destructive.refusal(user, request_type, keys)


def read(request_type: str, text: str) -> dict[str, Any]:
    """Return the keys that ``text``, JSON, gives the command; Refused if they are
    not what it takes."""
    try:
        given = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError) as error:
        raise Refused(
            "This is not JSON: look at its brackets, quotes and commas."
        ) from error
    if not isinstance(given, Mapping):
        raise Refused('Give the keys as an object: {"Queries": ["OSVersion"]}')
    command = catalogue.commands()[request_type]
    lacking = [name for name in filled.names(request_type) if name not in given]
    try:
        keys = {
            name: from_json(command.keys[name], value)
            if name in command.keys
            else value
            for name, value in given.items()
        }
        checking.check(request_type, keys, lacking)
        checking.check_readable(keys)
    except (Wrong, checking.Invalid) as error:
        raise Refused(str(error)) from error
    return keys
