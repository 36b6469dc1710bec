"""Custom: a command as somebody wrote it, as a property list."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError

from mdmportal import catalogue
from mdmportal.protocol import ProtocolError, plist

from . import checking

LONGEST = 64
"""Characters of a RequestType."""


@dataclass(frozen=True)
class Written:
    """A command as it was written; ``notes`` say what of it is not taken over."""

    request_type: str
    keys: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def warnings(self) -> list[str]:
        """What a device may refuse or do otherwise than meant."""
        if self.request_type not in catalogue.commands():
            return [
                f"{self.request_type} is not in the catalogue: nothing of it can be "
                "checked, and each device of those chosen is told."
            ]
        return [str(each) for each in checking.problems(self.request_type, self.keys)]


def read(content: bytes) -> Written:
    """Return the command in a property list, whole or the inner dictionary alone."""
    try:
        found = plist.loads(content.strip())
    except ProtocolError as error:
        raise ValidationError(f"This cannot be read: {error}.") from error
    notes = []
    if "CommandUUID" in found:
        notes.append("Its CommandUUID is left out: every device is given its own.")
    inner = found.get("Command", found)
    if not isinstance(inner, dict):
        raise ValidationError("Command must be a dictionary.")
    keys = {k: v for k, v in inner.items() if k not in ("RequestType", "CommandUUID")}
    return Written(_request_type(inner), keys, tuple(notes))


def _request_type(inner: Mapping[str, Any]) -> str:
    said = inner.get("RequestType")
    if not isinstance(said, str) or not said:
        raise ValidationError("It has no RequestType: say which command it is.")
    if len(said) > LONGEST or not (said.isascii() and said.isalnum()):
        raise ValidationError("Its RequestType is no name that a command can have.")
    return said
