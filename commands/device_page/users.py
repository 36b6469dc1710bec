"""Users: the accounts on a Mac or Shared iPad, and which of them are managed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devices.models import Channel, Device, Enrollment

from .facts import dictionaries, dictionary, text, told_flag
from .look import Look
from .told import Told, answer_of, told


@dataclass(frozen=True)
class ManagedUser:
    channel: Channel
    is_logged_in: bool | None
    """None: the device did not say."""

    @property
    def state(self) -> tuple[str, str]:
        """In words, with its colour."""
        if self.channel.auth_token_digest == Channel.DECLINED:
            return "declined until the next login", "mute"
        if self.channel.push_dead:
            return "push token is dead", "warn"
        if not self.channel.push_token:
            return "not managed in this login, or has not logged in", "mute"
        if self.channel.awaiting_configuration:
            return "waits to be configured", "warn"
        return "reachable", "ok"


@dataclass(frozen=True)
class Account:
    """An account that the device listed, and its channel if it is managed."""

    facts: Mapping[str, Any]
    channel: Channel | None

    @property
    def name(self) -> str:
        return text(self.facts.get("FullName") or self.facts.get("UserName"))

    @property
    def is_logged_in(self) -> bool | None:
        return told_flag(self.facts, "IsLoggedIn")

    @property
    def has_secure_token(self) -> bool | None:
        return told_flag(self.facts, "HasSecureToken")


def gather(look: Look) -> dict[str, Any]:
    users = [each for each in look.channels if each.user_id]
    found = told(look, "UserList")
    logged_in = _logged_in(look, found)
    by_name = {
        name: channel
        for channel in users
        for name in (channel.user_id, channel.user_short_name)
        if name
    }
    return {
        "told": found,
        "users": [ManagedUser(each, _is_among(each, logged_in)) for each in users],
        "accounts": [_account(one, by_name) for one in dictionaries(found.answer)],
        "has_users": _has_users(look),
    }


def _has_users(look: Look) -> bool:
    """Return whether such a device has managed users at all."""
    shared = look.stay is not None and look.stay.mode == Enrollment.Mode.SHARED_IPAD
    return shared or look.device.platform in ("", Device.Platform.MACOS)


def _logged_in(look: Look, found: Told) -> set[str] | None:
    """Return the ids and names of who is logged in; None if that was not told."""
    information = answer_of(look, "DeviceInformation")
    said = dictionary(information.answer if information else None)
    active = said.get("ActiveManagedUsers")
    accounts = dictionaries(found.answer)
    if not isinstance(active, list) and not accounts:
        return None
    names = {text(each) for each in active} if isinstance(active, list) else set()
    for one in accounts:
        if one.get("IsLoggedIn"):
            names |= {text(one.get("UserGUID")), text(one.get("UserName"))}
    return {name for name in names if name}


def _is_among(channel: Channel, names: set[str] | None) -> bool | None:
    if names is None:
        return None
    return channel.user_id in names or channel.user_short_name in names


def _account(one: Mapping[str, Any], by_name: Mapping[str, Channel]) -> Account:
    guid, name = text(one.get("UserGUID")), text(one.get("UserName"))
    return Account(one, by_name.get(guid) or by_name.get(name))
