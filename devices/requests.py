"""Requests of devices: the one way in for everything a device sends.

What a device sends wrong is answered 400 with one line in the log. Never 401 by
accident, which unenrolls; a database that is gone answers 503, and the device, which
keeps what it had to say, comes again.
"""

import logging
from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.views.decorators.csrf import csrf_exempt

from mdmportal.protocol import ProtocolError

from .authentication import Caller, authenticate

logger = logging.getLogger(__name__)

View = Callable[..., HttpResponse]
DeviceView = Callable[[Caller, bytes], HttpResponse]
RETRY_AFTER = "30"


class TooLarge(Exception):
    """The body is larger than any message of this kind."""


def read_body(request: HttpRequest, limit: int) -> bytes:
    """Return the raw body of at most ``limit`` bytes, else raise TooLarge."""
    try:
        announced = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError as error:
        raise ProtocolError("Content-Length is not a number") from error
    if announced > limit:
        raise TooLarge
    return request.body


def answer_for_errors(view: View) -> View:
    """Turn what is wrong with a request into its status."""

    @csrf_exempt
    @wraps(view)
    def wrapper(request: HttpRequest, *args: str, **named: str) -> HttpResponse:
        try:
            return view(request, *args, **named)
        except ProtocolError as error:
            return _refuse(request, 400, str(error))
        except TooLarge:
            return _refuse(request, 413, "the body is too large")
        except (InterfaceError, OperationalError) as error:
            # One line each: there will be a storm of them.
            logger.error("%s: the database is away: %s", request.path, error)  # noqa: TRY400
            return HttpResponse(status=503, headers={"Retry-After": RETRY_AFTER})

    return wrapper


def _refuse(request: HttpRequest, status: int, reason: str) -> HttpResponse:
    address = request.META.get("REMOTE_ADDR", "")
    logger.warning("%s from %s: %d, %s", request.path, address, status, reason)
    return HttpResponse(status=status)


def device_endpoint(view: DeviceView) -> View:
    """Make a view of PUT requests by devices; ``view`` is told who calls and what."""

    @answer_for_errors
    @wraps(view)
    def wrapper(request: HttpRequest) -> HttpResponse:
        if request.method != "PUT":
            return HttpResponseNotAllowed(["PUT"])
        body = read_body(request, settings.MAX_DEVICE_BODY)
        return view(authenticate(request, body), body)

    return wrapper
