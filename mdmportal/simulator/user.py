"""A user of a Mac or a Shared iPad, whom the server manages on a channel of their own.

https://developer.apple.com/documentation/devicemanagement/user-authenticate
"""

import hashlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mdmportal.protocol import plist
from mdmportal.protocol.identity import SHARED_IPAD_USER

from .behaviour import Behaviour
from .channel import Channel, Executed
from .errors import Error, ServerRefused
from .state import Account

if TYPE_CHECKING:
    from .device import SimulatedDevice

GONE = 410
"""The server does not want to manage this user, until the next login."""


class User(Channel):
    """One who logs in; ``managed`` is False where the server declined them.

    ``at_login`` is what was done while the last login waited for the server.
    """

    def __init__(self, device: "SimulatedDevice", account: Account) -> None:
        super().__init__()
        self._device, self.account = device, account
        self.on_push = device.on_push
        self.managed = True
        self.on_console = True
        self.at_login: list[Executed] = []
        self._blocked = False
        self._in_setup_assistant = False

    def __str__(self) -> str:
        return f"{self._device}, {self.account.short_name}"

    @property
    def device(self) -> "SimulatedDevice":
        return self._device

    @property
    def kept(self) -> Account:
        return self.account

    @property
    def is_open(self) -> bool:
        is_there = self.account.logged_in or self._in_setup_assistant
        return self.managed and is_there and super().is_open

    def who(self) -> dict[str, Any]:
        account, device = self.account, self.device
        if device.hardware.shared:
            user = {"UserID": SHARED_IPAD_USER, "UserShortName": account.short_name}
        elif device.stay.is_user:
            user = {"EnrollmentUserID": account.guid}
        else:
            user = {
                "UserID": account.guid,
                "UserShortName": account.short_name,
                "UserLongName": account.long_name,
            }
        token = {"AuthToken": account.auth_token} if account.auth_token else {}
        return {**device.who(), **user, **token}

    def _extras(self) -> dict[str, Any]:
        if not self._device.is_mac:
            return {}
        keys = {"NotOnConsole": not self.on_console}
        if self._blocked:
            keys["NeedSyncResponse"] = True
        if self._in_setup_assistant:
            keys["UserConfiguration"] = True
        return keys

    def _token_keys(self) -> dict[str, Any]:
        if self._device.is_mac:
            return {"NotOnConsole": not self.on_console}
        return {"AwaitingConfiguration": True} if self.account.awaiting else {}

    def log_in(self, password: str | None = None, *, sync: bool = False) -> None:
        """Come (back) to the device and tell the server, if it does not know the token.

        A user of the network gives a password, which the server judges. With ``sync``
        the login waits until the server has no more for this user. A Shared iPad tells
        of every login.
        """
        account = self.account
        with self._conversation:
            if self._device.hardware.shared and not account.logged_in:
                account.announced = False
                account.awaiting = self._device.awaits_users
            self.managed, account.logged_in, self.at_login = True, True, []
            try:
                if password is not None:
                    self._authenticate(password)
                if self.managed and not account.token:
                    self.new_token()
                if self.managed:
                    self.announce()
            except ServerRefused as refusal:
                if refusal.status != GONE:
                    raise
                self.managed = False
            if sync:
                self._wait_for_server()

    def _wait_for_server(self) -> None:
        self._blocked = True
        try:
            self.at_login = self.session()
        finally:
            self._blocked = False

    def set_up(self) -> list[Executed]:
        """Ask for settings on behalf of an account that Setup Assistant is to make.

        Nothing is executed before the user has logged in. Ends with an empty answer, or
        with DeviceConfigured.
        """
        with self._conversation:
            self._in_setup_assistant = True
            try:
                if not self.account.token:
                    self.new_token()
                return self.session()
            finally:
                self._in_setup_assistant = False

    @property
    def awaits(self) -> bool:
        return self._in_setup_assistant or self.account.awaiting

    def is_configured(self) -> None:
        """End what the user, or Setup Assistant, waits for."""
        self._in_setup_assistant = self.account.awaiting = False

    def log_out(self) -> None:
        self.account.logged_in = False

    def _answer(
        self, request: Mapping[str, Any], behaviour: Behaviour | Error | None
    ) -> dict[str, Any]:
        waits = request.get("RequestType") != "DeviceConfigured"
        if self._in_setup_assistant and waits:
            behaviour = Behaviour.NOT_NOW
        return super()._answer(request, behaviour)

    def session(self) -> list[Executed]:
        """Connect as any channel does, unless logged out or declined."""
        if not self.is_open:
            return []
        try:
            return super().session()
        except ServerRefused as refusal:
            if refusal.status != GONE:
                raise
            self.managed = False
            return []

    def _authenticate(self, password: str) -> None:
        """Answer the server's challenge; without a challenge no token is needed."""
        self.account.auth_token = ""
        challenge = str(self._ask().get("DigestChallenge", ""))
        if challenge:
            response = _digest(challenge, self.account.short_name, password)
            answer = self._ask(DigestResponse=response)
            self.account.auth_token = str(answer.get("AuthToken", ""))
            self.managed = bool(self.account.auth_token)

    def _ask(self, **keys: Any) -> dict[str, Any]:
        response = self.device.check_in("UserAuthenticate", **self.who(), **keys)
        return plist.loads(response.body) if response.body else {}


def _digest(challenge: str, short_name: str, password: str) -> str:
    """Answer a Digest challenge without qop, as RFC 2617 has it; the URI is /."""
    parts = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    realm, nonce = parts.get("realm", ""), parts.get("nonce", "")
    who = _md5(f"{short_name}:{realm}:{password}")
    response = _md5(f"{who}:{nonce}:{_md5('PUT:/')}")
    return (
        f'Digest username="{short_name}",realm="{realm}",nonce="{nonce}",uri="/",'
        f'response="{response}"'
    )


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
