"""Zone: the time zone of who looks, as their browser says it, and all there are.

portal.js writes a cookie with it; before it has, times are in the server's zone.
"""

import functools
import zoneinfo
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

COOKIE = "zone"


class ZoneMiddleware:
    """Show times in the viewer's zone for as long as a request takes."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = request.COOKIES.get(COOKIE, "")
        if name not in names():
            return self.get_response(request)
        with timezone.override(zoneinfo.ZoneInfo(name)):
            return self.get_response(request)


@functools.lru_cache(maxsize=1)
def names() -> frozenset[str]:
    """Return the zones there are: other names may be paths, and come from outside."""
    return frozenset(zoneinfo.available_timezones())


def places() -> list[str]:
    """Return the zones that are called after a place, as people choose one."""
    return sorted(
        name for name in names() if "/" in name and not name.startswith("Etc/")
    )
