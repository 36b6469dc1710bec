"""Cookies, kept as the web view of a device keeps them.

Every host and port has its own: servers that a test runs on one computer stand for
servers that stand apart. SameSite is obeyed, with each of them a site. RFC 6265
"""

from email.message import Message
from http.cookiejar import Cookie, CookieJar, DefaultCookiePolicy
from typing import Any, cast
from urllib.parse import urlsplit
from urllib.request import Request

from .transport import Response


class Cookies:
    """The cookies of one person's web view."""

    def __init__(self) -> None:
        self._jars: dict[str, CookieJar] = {}

    def header(self, method: str, url: str, came_from: str) -> str:
        """Return the value of Cookie for a request which a page made; '' for none."""
        request = _request(url)
        jar = self._jar(url)
        jar.set_policy(_SameSite(method, _is_other_site(url, came_from)))
        jar.add_cookie_header(request)
        return request.get_header("Cookie", "") or ""

    def take(self, url: str, response: Response) -> None:
        """Keep what the response sets."""
        jar = self._jar(url)
        jar.set_policy(DefaultCookiePolicy())
        # Any object with info() serves the jar as a response.
        jar.extract_cookies(cast(Any, _Headers(response)), _request(url))

    def _jar(self, url: str) -> CookieJar:
        return self._jars.setdefault(urlsplit(url).netloc, CookieJar())


class _SameSite(DefaultCookiePolicy):
    """Lax cookies go to another site with GET only, Strict ones not at all."""

    def __init__(self, method: str, other_site: bool) -> None:
        super().__init__()
        held = ("strict",) if method == "GET" else ("strict", "lax")
        self._held = held if other_site else ()

    def return_ok(self, cookie: Cookie, request: Request) -> bool:
        return _same_site(cookie) not in self._held and super().return_ok(
            cookie, request
        )


class _Headers:
    """The Set-Cookie headers of a response, as http.cookiejar wants to have them."""

    def __init__(self, response: Response) -> None:
        self._message = Message()
        for value in response.cookies:
            self._message.add_header("Set-Cookie", value)

    def info(self) -> Message:
        return self._message


def _request(url: str) -> Request:
    return Request(url)  # noqa: S310 - nothing is opened


def _is_other_site(url: str, came_from: str) -> bool:
    return bool(came_from) and urlsplit(url).netloc != urlsplit(came_from).netloc


def _same_site(cookie: Cookie) -> str:
    rest = cast(dict[str, str | None], vars(cookie)["_rest"])
    for name, value in rest.items():
        if name.lower() == "samesite":
            return (value or "").lower()
    return ""
