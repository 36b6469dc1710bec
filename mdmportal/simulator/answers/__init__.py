"""Answers: what a device says to each command, with the keys that its system sends.

Commands that change or show something have a function in one of the tables here; the
others are acknowledged with values made from the answer keys in Apple's schema.
"""

from typing import TYPE_CHECKING

from mdmportal.catalogue import commands

from ..errors import FormatError, mdm_error, not_valid
from . import (
    apps,
    books,
    information,
    lost_mode,
    profiles,
    security,
    settings,
    updates,
    users,
)
from .form import malformed
from .generated import generate
from .table import Answer, Answerer, Request

if TYPE_CHECKING:
    from ..channel import Channel

NOT_POSSIBLE = 12022

ANSWERS: dict[str, Answerer] = {
    **apps.ANSWERS,
    **books.ANSWERS,
    **information.ANSWERS,
    **lost_mode.ANSWERS,
    **profiles.ANSWERS,
    **security.ANSWERS,
    **settings.ANSWERS,
    **updates.ANSWERS,
    **users.ANSWERS,
}


def answer(channel: "Channel", request: Request) -> Answer:
    """Return the keys of the answer to ``request``, the Command of what came.

    Raises Error for a RequestType this device does not know or cannot do, FormatError
    where a key is missing or of a wrong type. Keys nobody knows are ignored.
    """
    request_type = request.get("RequestType")
    if not isinstance(request_type, str):
        raise FormatError
    command = commands().get(request_type)
    if command is None or channel.device.hardware.platform not in command.support:
        raise not_valid(request_type)
    reason = channel.lacks(command)
    if reason:
        raise mdm_error(NOT_POSSIBLE, f"“{request_type}” cannot be done: {reason}.")
    if malformed(command.keys, request):
        raise FormatError
    if request_type in ANSWERS:
        return ANSWERS[request_type](channel, request)
    return generate(command.answers, channel.device.hardware.platform)
