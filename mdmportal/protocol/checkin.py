"""Check-in: what a device sends to enroll, to be let in or trusted, and to leave.

https://developer.apple.com/documentation/devicemanagement/check-in
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import ProtocolError, plist
from .identity import Speaker

MAX_DIGEST = 1024
"""Characters of a DigestResponse: name, realm, nonce and two numbers."""


@dataclass(frozen=True, kw_only=True)
class Message(Speaker):
    """What every Check-in message is: someone who speaks."""


@dataclass(frozen=True, kw_only=True)
class Authenticate(Message):
    """A device asks to be enrolled; it is not yet."""

    topic: str = plist.key("Topic", str)
    device_name: str = plist.key("DeviceName", str, default="")
    model: str = plist.key("Model", str, default="")
    model_name: str = plist.key("ModelName", str, default="")
    product_name: str = plist.key("ProductName", str, default="")
    os_version: str = plist.key("OSVersion", str, default="")
    build_version: str = plist.key("BuildVersion", str, default="")
    serial_number: str = plist.key("SerialNumber", str, default="")
    imei: str = plist.key("IMEI", str, default="")
    meid: str = plist.key("MEID", str, default="")


@dataclass(frozen=True, kw_only=True)
class TokenUpdate(Message):
    """The channel can be pushed to; on the device channel enrollment is complete.

    An absent UnlockToken or AwaitingConfiguration says nothing about the stored one.
    """

    topic: str = plist.key("Topic", str)
    token: bytes = plist.key("Token", bytes)
    push_magic: str = plist.key("PushMagic", str)
    unlock_token: bytes = plist.key("UnlockToken", bytes, default=b"")
    awaiting_configuration: bool | None = plist.key(
        "AwaitingConfiguration", bool, default=None
    )


@dataclass(frozen=True, kw_only=True)
class CheckOut(Message):
    """The MDM profile was removed."""

    topic: str = plist.key("Topic", str, default="")


@dataclass(frozen=True, kw_only=True)
class SetBootstrapToken(Message):
    """A Mac escrows its bootstrap token; an empty one deletes the stored one."""

    bootstrap_token: bytes = plist.key("BootstrapToken", bytes, default=b"")


@dataclass(frozen=True, kw_only=True)
class GetBootstrapToken(Message):
    """A Mac asks for the bootstrap token it escrowed."""


@dataclass(frozen=True, kw_only=True)
class UserAuthenticate(Message):
    """A network user logs in to a Mac; ``digest_response`` is '' the first time."""

    digest_response: str = plist.key(
        "DigestResponse", str, default="", longest=MAX_DIGEST, repr=False
    )


@dataclass(frozen=True, kw_only=True)
class GetToken(Message):
    """A device or user needs a token for a service of Apple's."""

    service_type: str = plist.key("TokenServiceType", str)


MAX_TOKEN = 1024
"""Bytes of a push token: it goes into the address of every push. Apple's are 32."""

MESSAGES: dict[str, type[Message]] = {
    cls.__name__: cls
    for cls in (
        Authenticate,
        TokenUpdate,
        CheckOut,
        SetBootstrapToken,
        GetBootstrapToken,
        UserAuthenticate,
        GetToken,
    )
}


def parse(body: bytes) -> Message:
    """Return the message in ``body``; anything else is a ProtocolError."""
    return read(plist.loads(body))


def read(source: Mapping[str, Any]) -> Message:
    """Return the message in a property list that was read already."""
    message_type = source.get("MessageType")
    if not isinstance(message_type, str) or message_type not in MESSAGES:
        raise ProtocolError(f"unknown MessageType {str(message_type)[:64]!r}")
    message = plist.read(MESSAGES[message_type], source)
    if isinstance(message, TokenUpdate) and len(message.token) > MAX_TOKEN:
        raise ProtocolError(f"Token is longer than {MAX_TOKEN} bytes")
    return message


def bootstrap_token(token: bytes) -> bytes:
    """Return the answer to GetBootstrapToken; no token is an empty dictionary."""
    return plist.dumps({"BootstrapToken": token} if token else {})


def digest_challenge(challenge: str) -> bytes:
    """Return the answer to the first UserAuthenticate; '' asks for no password."""
    return plist.dumps({"DigestChallenge": challenge})


def auth_token(token: str) -> bytes:
    """Return the answer to the second UserAuthenticate; '' is a wrong password."""
    return plist.dumps({"AuthToken": token})


def token_data(token: bytes) -> bytes:
    """Return the answer to GetToken."""
    return plist.dumps({"TokenData": token})
