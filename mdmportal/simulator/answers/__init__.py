"""Answers: what a device says to each command, with the keys that its system sends.

Commands that change or show something have a function in one of the tables here; the
others are acknowledged with values made from the answer keys in Apple's schema.
"""

from typing import TYPE_CHECKING

from mdmportal.catalogue import commands
from mdmportal.protocol import rules
from mdmportal.protocol.schema import Command

from ..errors import FormatError, malformed, mdm_error, not_valid
from . import (
    apps,
    books,
    declarative,
    diagnosis,
    information,
    lights_out,
    locking,
    lost_mode,
    mirroring,
    power,
    profiles,
    security,
    settings,
    updates,
    users,
)
from .form import examine
from .generated import generate
from .table import Answer, Answerer, Request

if TYPE_CHECKING:
    from ..channel import Channel

NOT_POSSIBLE = 12022

ANSWERS: dict[str, Answerer] = {
    **apps.ANSWERS,
    **books.ANSWERS,
    **declarative.ANSWERS,
    **diagnosis.ANSWERS,
    **information.ANSWERS,
    **lights_out.ANSWERS,
    **locking.ANSWERS,
    **lost_mode.ANSWERS,
    **mirroring.ANSWERS,
    **power.ANSWERS,
    **profiles.ANSWERS,
    **security.ANSWERS,
    **settings.ANSWERS,
    **updates.ANSWERS,
    **users.ANSWERS,
}


def answer(channel: "Channel", request: Request) -> Answer:
    """Return the keys of the answer to ``request``, the Command of what came.

    Raises Error for a RequestType this device does not know or cannot do, and where
    keys do not go together; FormatError where one is missing, or of a wrong type or
    value. Keys nobody knows are ignored. All of that is noted down as the channel's
    ``oddities``: a server that knows its devices sends nothing of the kind.
    """
    request_type = request.get("RequestType")
    if not isinstance(request_type, str):
        raise FormatError("there is no RequestType")
    command = commands().get(request_type)
    if command is None or channel.device.hardware.platform not in command.support:
        raise channel.found_odd(not_valid(request_type))
    reason = channel.lacks(command)
    if reason:
        text = f"“{request_type}” cannot be done: {reason}."
        raise channel.found_odd(mdm_error(NOT_POSSIBLE, text))
    _check(channel, command, request)
    if request_type in ANSWERS:
        return ANSWERS[request_type](channel, request)
    return generate(command.answers, channel.device.hardware.platform)


def _check(channel: "Channel", command: Command, request: Request) -> None:
    form = examine(command, request, channel.target)
    name = command.request_type
    for problem in form.odd:
        channel.oddities.append(f"{name}: {problem}")
    if form.wrong:
        text = "; ".join(map(str, form.wrong))
        raise channel.found_odd(FormatError(f"{name}: {text}"))
    keys = {key: value for key, value in request.items() if key != "RequestType"}
    together = rules.problems(name, keys)
    if together:
        raise channel.found_odd(malformed(f"{name}: {together[0]}"))
