"""Digest: how a network user of a Mac proves to know their password (RFC 2617).

The form is the oldest one, without qop: the answer is MD5(HA1:nonce:HA2), with HA1 the
MD5 of name, realm and password, and HA2 that of method and URI. Apple does not say
which method is meant, so that of any request is taken.
https://developer.apple.com/documentation/devicemanagement/user-authenticate
"""

import hashlib
import hmac
import re
from dataclasses import dataclass

from . import ProtocolError

METHODS = ("PUT", "POST", "GET")
SCHEME = "digest "
PART = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
NEEDED = ("username", "realm", "nonce", "uri", "response")


@dataclass(frozen=True, kw_only=True)
class Response:
    """What the Mac says: who, by which challenge, and the proof."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str

    def proves(self, secret: str) -> bool:
        """Whether it was made by someone whose HA1 is ``secret``, by any method."""
        given, proven = self.response.lower().encode(), False
        for method in METHODS:
            request = _md5(f"{method}:{self.uri}")
            expected = _md5(f"{secret}:{self.nonce}:{request}").encode()
            proven |= hmac.compare_digest(expected, given)
        return proven


def challenge(realm: str, nonce: str) -> str:
    """Return what asks for a password; neither may hold a quotation mark."""
    return f'Digest nonce="{nonce}",realm="{realm}"'


def read(text: str) -> Response:
    """Return a DigestResponse, read; anything else is a ProtocolError."""
    if not text.lower().startswith(SCHEME):
        raise ProtocolError("DigestResponse is no digest")
    found = {
        name.lower(): re.sub(r"\\(.)", r"\1", quoted) or plain
        for name, quoted, plain in PART.findall(text[len(SCHEME) :])
    }
    missing = [name for name in NEEDED if not found.get(name)]
    if missing:
        raise ProtocolError(f"DigestResponse lacks {missing[0]}")
    return Response(**{name: found[name] for name in NEEDED})


def ha1(username: str, realm: str, password: str) -> str:
    """Return by what a password is recognised; as good as the password, in a realm."""
    return _md5(f"{username}:{realm}:{password}")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
