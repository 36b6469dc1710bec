"""State: what a device keeps besides what the factory gave it.

Every value can be in a property list, and that is how it is stored.
"""

import dataclasses
import uuid
from dataclasses import dataclass, field
from typing import Any

FIRST_UID = 501


@dataclass(kw_only=True)
class ChannelState:
    """What one channel keeps: how it can be pushed to, and what it has still to say.

    ``announced``: the server has taken the present token. ``unsent``: the report on a
    command which the server has not taken yet, {} if there is none. ``profiles`` are
    kept as received, by PayloadIdentifier.
    """

    token: bytes = b""
    push_magic: str = ""
    announced: bool = False
    unsent: dict[str, Any] = field(default_factory=dict)
    profiles: dict[str, bytes] = field(default_factory=dict)
    managed_profiles: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class Account(ChannelState):
    """A user of a Mac or Shared iPad; ``uid`` and ``guid`` as the system has them."""

    short_name: str
    long_name: str
    guid: str
    uid: int
    logged_in: bool = False
    locked_out: bool = False
    auth_token: str = ""
    awaiting: bool = False
    password_hash: bytes = b""
    made_by_setup: bool = False


@dataclass(kw_only=True)
class State(ChannelState):
    """What the device channel keeps, and the device forgets when it is wiped.

    ``apps`` are items of an InstalledApplicationList, ``managed_apps`` those of a
    ManagedApplicationList, ``settings`` the keys of the Settings command by Item,
    ``passwords`` the firmware's and that of recovery. ``recovery_key`` opens a Mac's
    FileVault; ``sealed_key`` is it, encrypted to the certificate of an escrow profile.
    ``away`` is an ``absence.Absence``. By ``passcode_by`` (seconds since 1970, 0: at no
    time) a passcode must be set where a policy asks for one. ``located`` counts how
    often a lost device told where it is, ``sounds`` how often it was heard.
    """

    name: str
    os_version: str
    build_version: str
    passcode: bool = True
    unlock_token: bytes = b""
    awaiting: bool = False
    provisioning_profiles: dict[str, bytes] = field(default_factory=dict)
    apps: dict[str, dict[str, Any]] = field(default_factory=dict)
    managed_apps: dict[str, dict[str, Any]] = field(default_factory=dict)
    app_configurations: dict[str, dict[str, Any]] = field(default_factory=dict)
    app_attributes: dict[str, dict[str, Any]] = field(default_factory=dict)
    books: dict[str, dict[str, Any]] = field(default_factory=dict)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    lost_mode: dict[str, Any] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    locked_with: dict[str, Any] = field(default_factory=dict)
    bypass_code: str = ""
    filevault: bool = True
    recovery_key: str = ""
    sealed_key: bytes = b""
    remote_desktop: bool = False
    bootstrap_token: bytes = b""
    update: dict[str, Any] = field(default_factory=dict)
    away: str = ""
    passcode_by: float = 0.0
    restrictions_password: bool = True
    firmware_pending: bool = False
    allow_oroms: bool = False
    wallpaper: dict[str, bytes] = field(default_factory=dict)
    located: int = 0
    sounds: int = 0
    mirrored_to: str = ""
    esim_server: str = ""
    declarations: dict[str, bytes] = field(default_factory=dict)
    enhanced_logging: bool = False
    lights_out: list[dict[str, Any]] = field(default_factory=list)
    setup: dict[str, Any] = field(default_factory=dict)

    def account(self, short_name: str, long_name: str = "") -> Account:
        """Return this user's account, made if there is none."""
        if short_name not in self.accounts:
            taken = [account.uid for account in self.accounts.values()]
            self.accounts[short_name] = Account(
                short_name=short_name,
                long_name=long_name or short_name.title(),
                guid=str(uuid.uuid4()).upper(),
                uid=max(taken, default=FIRST_UID - 1) + 1,
            )
        return self.accounts[short_name]

    def to_plist(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_plist(cls, source: dict[str, Any]) -> "State":
        accounts = {
            name: Account(**account) for name, account in source["accounts"].items()
        }
        return cls(**{**source, "accounts": accounts})
