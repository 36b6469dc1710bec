"""Service discovery: which server manages the devices of an account, and how.

https://developer.apple.com/documentation/devicemanagement/discover-authentication-servers
"""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from mdmportal.protocol.mobileconfig import EnrollmentMode

from . import profile as profiles
from .enrollment import error_code
from .errors import DiscoveryRefused, ProfileRefused, ServerRefused
from .hardware import Hardware
from .transport import Transport

PATH = "/.well-known/com.apple.remotemanagement"
FAILED = "com.apple.well-known.failed"
MODES = {"mdm-byod": EnrollmentMode.BYOD, "mdm-adde": EnrollmentMode.ADDE}
FAMILIES = ("iPhone", "iPad", "RealityDevice", "AppleTV", "Watch")


@dataclass(frozen=True)
class Discovery:
    """The server that was found; ``version`` is mdm-byod or mdm-adde."""

    version: str
    base_url: str

    @property
    def mode(self) -> EnrollmentMode:
        return MODES[self.version]


def model_family(hardware: Hardware) -> str:
    """Return the family of a model, in Apple's words."""
    if hardware.is_mac:
        return "Mac"
    return next(one for one in FAMILIES if hardware.product_name.startswith(one))


def discover(
    transport: Transport, identifier: str, hardware: Hardware, *, base: str = ""
) -> Discovery:
    """Ask the domain of ``identifier`` (user@domain) who manages its devices.

    ``base`` is asked instead of https://domain. DiscoveryRefused where the server says
    that it is nobody's, ServerRefused for other errors, ProfileRefused for an answer
    that no device takes, Unreachable.
    """
    name, _, domain = identifier.rpartition("@")
    if not name or not domain:
        raise ValueError(f"{identifier!r} is not user@domain")
    asked = {"user-identifier": identifier, "model-family": model_family(hardware)}
    url = f"{base.rstrip('/') or f'https://{domain}'}{PATH}"
    headers = {"Accept": "application/json"}
    response = transport.send("GET", f"{url}?{urlencode(asked)}", headers, b"")
    if response.status == 403 and error_code(response) == FAILED:
        raise DiscoveryRefused(url, response.status, response.body)
    if response.status != 200:
        raise ServerRefused(url, response.status, response.body)
    if response.media_type != "application/json":
        raise ProfileRefused(f"{url} answers {response.media_type!r}, not JSON.")
    return _read(url, response.body)


def _read(url: str, body: bytes) -> Discovery:
    try:
        document: Any = json.loads(body)
    except ValueError as error:
        raise ProfileRefused(f"{url} answers what is not JSON: {error}.") from error
    servers = document.get("Servers") if isinstance(document, dict) else None
    if not isinstance(servers, list) or len(servers) != 1:
        raise ProfileRefused(f"{url} does not name exactly one server in Servers.")
    server = servers[0] if isinstance(servers[0], dict) else {}
    if server.get("Version") not in MODES:
        raise ProfileRefused(f"The Version is none of {', '.join(MODES)}.")
    profiles.check_url("BaseURL", server.get("BaseURL"))
    return Discovery(server["Version"], server["BaseURL"])
