"""The portal as a WSGI application; devices take a road of their own.

What a device asks for needs neither sessions nor CSRF protection, which cost a fifth of
the time of its request: it is served by the same views without middleware.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any

import django
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mdmportal.settings")
django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402

DEVICE_PATHS = ("/mdm", "/checkin", "/scep", "/migration", "/healthz", "/readyz")


class DeviceHandler(WSGIHandler):
    """Django's handler with no middleware at all."""

    def load_middleware(self, is_async: bool = False) -> None:
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        self._middleware_chain = convert_exception_to_response(self._answer)

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        """Say the length, which a middleware would do: else the body goes in chunks."""
        response: HttpResponseBase = self._get_response(request)  # type: ignore[attr-defined]
        if isinstance(response, HttpResponse):
            response.headers.setdefault("Content-Length", str(len(response.content)))
        return response


_portal, _devices = WSGIHandler(), DeviceHandler()


def application(
    environ: dict[str, Any], start_response: Callable[..., Any]
) -> Iterable[bytes]:
    road = _devices if environ["PATH_INFO"].startswith(DEVICE_PATHS) else _portal
    return road(environ, start_response)


if settings.EMBEDDED and os.environ.get("MDM_RUNNING"):
    from .celery import start_embedded

    start_embedded()
