"""A challenge: how the server wants the person of an account-driven device to sign in.

It is the header WWW-Authenticate of a 401, at enrollment and whenever a token is no
longer good.
https://developer.apple.com/documentation/devicemanagement/onboarding-users-with-account-sign-in
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from . import profile as profiles
from .errors import ProfileRefused
from .transport import Response
from .webview import SCHEME

HEADER = "www-authenticate"
WEB = "apple-as-web"
OAUTH2 = "apple-oauth2"
PARAMETER = re.compile(r'([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
"""With a comma before the next one or without: devices take both."""


class Method(NamedTuple):
    """What parameters a method has, and which of them are addresses of the server."""

    parameters: tuple[str, ...]
    urls: tuple[str, ...]


METHODS = {
    WEB: Method(("url",), ("url",)),
    OAUTH2: Method(
        ("authorization-url", "token-url", "redirect-url", "client-id", "scope"),
        ("authorization-url", "token-url"),
    ),
}


@dataclass(frozen=True)
class Challenge:
    """A challenge that a device can meet; ``header`` is the text it was read from."""

    header: str
    method: str
    parameters: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.parameters[name]


def read(header: str) -> Challenge:
    """Return the challenge in a WWW-Authenticate header; else ProfileRefused."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() != "bearer":
        raise ProfileRefused("The 401 has no Bearer challenge in WWW-Authenticate.")
    parameters = {
        found[1].lower(): re.sub(r"\\(.)", r"\1", found[2] or found[3] or "")
        for found in PARAMETER.finditer(rest)
    }
    name = parameters.get("method", "")
    if name not in METHODS:
        raise ProfileRefused(f"No device signs in by the method {name!r}.")
    for parameter in METHODS[name].parameters:
        if not parameters.get(parameter):
            raise ProfileRefused(f"The challenge of {name} has no {parameter}.")
    for parameter in METHODS[name].urls:
        profiles.check_url(parameter, parameters[parameter])
    if name == OAUTH2 and urlsplit(parameters["redirect-url"]).scheme != SCHEME:
        raise ProfileRefused(f"The scheme of the redirect-url is not {SCHEME}.")
    return Challenge(header, name, parameters)


def of(response: Response) -> Challenge | None:
    """Return the challenge of a 401; None where there is none that can be met."""
    try:
        return read(response.headers.get(HEADER, ""))
    except ProfileRefused:
        return None
