"""Connect: a device reports on one command and takes the next.

https://developer.apple.com/documentation/devicemanagement/sending-mdm-commands-to-a-device
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from . import ProtocolError, plist
from .identity import Speaker


class Status(StrEnum):
    IDLE = "Idle"
    ACKNOWLEDGED = "Acknowledged"
    ERROR = "Error"
    COMMAND_FORMAT_ERROR = "CommandFormatError"
    NOT_NOW = "NotNow"


@dataclass(frozen=True, kw_only=True)
class Report(Speaker):
    """What a device says: that it is idle, or how one command went."""

    status: Status = plist.key("Status", str)
    command_uuid: str = plist.key("CommandUUID", str, default="")
    need_sync_response: bool = plist.key("NeedSyncResponse", bool, default=False)
    """A login waits until there is nothing more for this user of a Mac."""
    user_configuration: bool = plist.key("UserConfiguration", bool, default=False)
    """Setup Assistant wants the password policy; it can execute nothing yet."""
    error_chain: list[Any] = plist.key("ErrorChain", list, default_factory=list)
    answer: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """The whole dictionary as sent, the answer's own keys among it."""


def parse(body: bytes) -> Report:
    """Return the report in ``body``; anything else is a ProtocolError."""
    return read(plist.loads(body))


def read(source: Mapping[str, Any]) -> Report:
    """Return the report in a property list that was read already."""
    report = plist.read(Report, source)
    if report.status not in set(Status):
        raise ProtocolError(f"unknown Status {report.status[:64]!r}")
    status = Status(report.status)
    if status != Status.IDLE and not report.command_uuid:
        raise ProtocolError("CommandUUID is missing")
    return dataclasses.replace(report, status=status, answer=source)


def command(command_uuid: str, request_type: str, keys: Mapping[str, Any]) -> bytes:
    """Return the body that tells a device to execute one command."""
    return plist.dumps(
        {
            "CommandUUID": command_uuid,
            "Command": {"RequestType": request_type, **keys},
        }
    )
