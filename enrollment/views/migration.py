"""Where the tools of other MDM servers replay the Check-in messages of their devices.

NanoMDM's nano2nano and MicroMDM's micro2nano send each message as it came, without a
signature, and sign in as ``nanomdm`` with the key. No device calls here: 401 is safe.
"""

import base64
import logging

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse

from devices.requests import answer_for_errors, read_body
from mdmportal.protocol import ProtocolError, checkin

from .. import moving_in as migration

logger = logging.getLogger(__name__)


@answer_for_errors
def migrate(request: HttpRequest) -> HttpResponse:
    """Take one message; the answer says in words what became of it."""
    if request.method not in ("PUT", "POST"):
        return HttpResponseNotAllowed(["PUT", "POST"])
    source = migration.source_of(_password(request))
    if source is None:
        answer = _error("The key is not that of an open migration source.", 401)
        answer["WWW-Authenticate"] = 'Basic realm="migration"'
        return answer
    body = read_body(request, settings.MAX_DEVICE_BODY)
    try:
        outcome = migration.take(source, checkin.parse(body))
    except ProtocolError as problem:
        logger.warning("%s cannot hand over a device: %s", source, problem)
        return _error(str(problem), 400)
    return JsonResponse({"outcome": outcome})


def _error(words: str, status: int) -> JsonResponse:
    return JsonResponse({"error": words}, status=status)


def _password(request: HttpRequest) -> str:
    """Return the password of HTTP Basic (RFC 7617), whoever the user is; else ''."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        _, _, password = base64.b64decode(value).decode().partition(":")
    except ValueError:
        return ""
    return password
