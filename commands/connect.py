"""Connect: a device reports on one command and takes the next."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse

from devices.authentication import Caller
from mdmportal.protocol import ProtocolError
from mdmportal.protocol import connect as protocol

from . import reports

PLIST = "application/xml; charset=UTF-8"


def connect(caller: Caller, source: Mapping[str, Any], body: bytes) -> HttpResponse:
    """Take the report on one command, answer with the next. An empty body ends it.

    ``source`` is the property list in ``body``, which is kept as it came.
    """
    if caller.is_expired:
        raise ProtocolError("the identity has expired")
    report = protocol.read(source)
    caller.check_device(report)
    line = caller.line(report)
    if line is None or not caller.is_enrolled:
        raise ProtocolError("the channel is not enrolled")
    found = reports.take(line, report, body)
    if found is None:
        return HttpResponse(content_type=PLIST)
    command = protocol.command(found.uuid, found.request_type, found.keys)
    return HttpResponse(command, content_type=PLIST)
