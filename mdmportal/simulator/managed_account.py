"""A managed account: who a device is enrolled for, and by which tokens it is let in.

https://developer.apple.com/documentation/devicemanagement/implementing-the-oauth2-authentication-user-enrollment-flow
"""

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Tokens:
    """What signing in gave; ``expires_in`` in seconds, 0 where nobody said."""

    access_token: str
    refresh_token: str = ""
    expires_in: int = 0


@dataclass(kw_only=True)
class ManagedAccount:
    """What an account-driven device keeps of the person who signed in on it.

    ``identifier`` is what they typed, ``version`` and ``base_url`` what discovery said.
    ``asked`` is the challenge (its header) which the server waits for them to meet, ''
    while it is content. ``expires_at`` is in seconds since 1970, 0: not said. ``pkce``:
    with OAuth 2, send a code challenge.
    """

    identifier: str
    version: str = ""
    base_url: str = ""
    refresh_token: str = ""
    expires_at: float = 0.0
    asked: str = ""
    pkce: bool = True

    def take(self, tokens: Tokens) -> None:
        """Keep what comes with an access token, which is the device's to keep.

        The old refresh token stays where there is no new one.
        """
        self.refresh_token = tokens.refresh_token or self.refresh_token
        self.expires_at = time.time() + tokens.expires_in if tokens.expires_in else 0.0
        self.asked = ""

    def to_plist(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_plist(cls, source: Mapping[str, Any]) -> "ManagedAccount":
        return cls(**source)
