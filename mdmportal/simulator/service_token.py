"""ServiceToken: what GetToken brought, looked at as Apple's service does.

https://developer.apple.com/documentation/devicemanagement/get-token
"""

import base64
import json
import uuid
from dataclasses import dataclass
from typing import Any

MAID = "com.apple.maid"
CLAIMS = ("iss", "iat", "jti", "service_type")


class TokenRefused(Exception):
    """The token is none that the service believes; the text says why."""


@dataclass(frozen=True)
class ServiceToken:
    """A JSON Web Token; whose key signed it is for the service to look up."""

    raw: str
    server_uuid: str
    issued_at: int
    number: str
    """Good once."""


def read(data: object, service_type: str) -> ServiceToken:
    """Return the token in TokenData, or raise TokenRefused."""
    if not isinstance(data, bytes):
        raise TokenRefused("TokenData is not data")
    parts = data.decode("ascii", "replace").split(".")
    if len(parts) != 3 or not all(parts):
        raise TokenRefused("the token is no signed JSON Web Token")
    header, claims = _json(parts[0]), _json(parts[1])
    if header.get("alg") != "RS256":
        raise TokenRefused(f"the token is signed by {header.get('alg')}")
    missing = [name for name in CLAIMS if name not in claims]
    if missing:
        raise TokenRefused(f"the token does not say {missing[0]}")
    if claims["service_type"] != service_type:
        raise TokenRefused(f"the token is for {claims['service_type']}")
    if not isinstance(claims["iat"], int):
        raise TokenRefused("iat is not a number of seconds")
    numbers = [_uuid(name, claims[name]) for name in ("iss", "jti")]
    return ServiceToken(data.decode(), numbers[0], claims["iat"], numbers[1])


def _json(part: str) -> dict[str, Any]:
    try:
        padded = part + "=" * (-len(part) % 4)
        found = json.loads(base64.urlsafe_b64decode(padded))
    except ValueError as error:
        raise TokenRefused("a part of the token is not JSON") from error
    if not isinstance(found, dict):
        raise TokenRefused("a part of the token is not an object")
    return found


def _uuid(name: str, value: object) -> str:
    try:
        return str(uuid.UUID(str(value))).upper()
    except ValueError as error:
        raise TokenRefused(f"{name} is no UUID") from error
