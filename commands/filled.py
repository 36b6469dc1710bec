"""Filled: keys of commands that the portal knows or makes up, for each device its own.

What a device entrusted to us, such as the UnlockToken, and what protects it, such as a
PIN: a random one for each unless the order says which.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from devices.models import Channel, Device, Secret
from mdmportal import catalogue
from mdmportal.protocol import passwordhash, schema

from . import availability, returning
from .escrow import kept, passwords
from .escrow.kept import ACCOUNTS


class Missing(LookupError):
    """The device's own keys cannot be filled in; says why, in words."""


@dataclass(frozen=True)
class Own:
    """Keys for one device alone; ``passwords`` are those of which the keys have only a
    hash, by kind of secret."""

    keys: Mapping[str, Any] = field(default_factory=dict)
    passwords: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """What one device's keys are filled from: the order's, and what we keep of it."""

    channel: Channel
    given: Mapping[str, Any]
    kept: Mapping[str, bytes]
    """Values in force, by kind of secret."""
    certificate: bytes = b""
    """To which its FileVault key is encrypted."""
    admin_guid: str = ""
    profile: bytes | str = b""
    """By which it comes back once it is erased; as text, why there is none."""

    @property
    def is_mac(self) -> bool:
        return self.channel.enrollment.device.platform == Device.Platform.MACOS

    def secret(self, kind: str) -> bytes:
        if kind not in self.kept:
            raise Missing(no(kind))
        return self.kept[kind]

    def text(self, kind: str) -> str:
        return self.secret(kind).decode()


@dataclass(frozen=True)
class Filling:
    """How a command's keys are filled, and with what."""

    fill: Callable[[Source], Own]
    keys: tuple[str, ...]
    asked: tuple[str, ...] = ()
    """Those of the keys that an order may say, too: left out, they are filled."""
    needs: tuple[str, ...] = ()
    """Kinds of secrets without which there is no command."""
    uses: tuple[str, ...] = ()
    """Kinds that are filled in where they are kept."""
    sets: str = ""
    """The kind that it replaces: only one order for that may be under way."""
    needs_certificate: bool = False
    needs_guid: bool = False
    inside: tuple[str, ...] = ()
    """Keys that an order says, and inside of which something is filled in."""


# --- What is filled in


def _unlock_token(source: Source) -> Own:
    return Own({"UnlockToken": source.secret(Secret.Kind.UNLOCK_TOKEN)})


def _pin(source: Source) -> Own:
    """Only a Mac asks for one when it is to be opened again."""
    return Own({"PIN": passwords.pin()} if source.is_mac else {})


def _erase(source: Source) -> Own:
    """A Mac asks for a PIN; what is to return to service needs a profile to do so."""
    keys = dict(_pin(source).keys)
    if returning.is_wanted(source.given):
        if isinstance(source.profile, str):
            raise Missing(source.profile)
        wanted = dict(source.given[returning.KEY])
        if source.profile:
            wanted[returning.PROFILE] = source.profile
        keys[returning.KEY] = {**_bootstrap_token(source), **wanted}
    return Own(keys)


def _bootstrap_token(source: Source) -> Mapping[str, bytes]:
    """Only systems from 26 on take it."""
    if Secret.Kind.BOOTSTRAP_TOKEN not in source.kept:
        return {}
    token = {returning.TOKEN: source.secret(Secret.Kind.BOOTSTRAP_TOKEN)}
    erase = catalogue.commands()["EraseDevice"]
    target = availability.target_of(source.channel)
    unknown = schema.unsupported(erase, {returning.KEY: token}, target)
    return {} if unknown else token


def _verify(kind: str) -> Callable[[Source], Own]:
    def fill(source: Source) -> Own:
        if "Password" in source.given:
            return Own()
        return Own({"Password": source.text(kind)})

    return fill


def _set_password(kind: str) -> Callable[[Source], Own]:
    def fill(source: Source) -> Own:
        has = kind in source.kept
        current = {"CurrentPassword": source.text(kind)} if has else {}
        return Own({"NewPassword": passwords.password(), **current})

    return fill


def _admin_password(source: Source) -> Own:
    if not source.admin_guid and "GUID" not in source.given:
        raise Missing("the Mac has told of no administrator made by Setup Assistant")
    if "passwordHash" in source.given:
        return Own({"GUID": source.admin_guid})
    password = passwords.password()
    keys = {"GUID": source.admin_guid, "passwordHash": passwordhash.make(password)}
    return Own(keys, {Secret.Kind.ADMIN_PASSWORD: password.encode()})


def _setup_accounts(source: Source) -> Own:
    """The first administrator gets a password; Setup Assistant makes no others."""
    accounts = source.given.get(ACCOUNTS)
    if not accounts or "passwordHash" in accounts[0]:
        return Own()
    password = passwords.password()
    first = {**accounts[0], "passwordHash": passwordhash.make(password)}
    return Own(
        {ACCOUNTS: [first, *accounts[1:]]},
        {Secret.Kind.ADMIN_PASSWORD: password.encode()},
    )


def _filevault(source: Source) -> Own:
    if not source.certificate:
        raise Missing("its FileVault key is not escrowed here: escrow it first")
    key = source.text(Secret.Kind.FILEVAULT_KEY)
    return Own(
        {
            "KeyType": "personal",
            "FileVaultUnlock": {"Password": key},
            "ReplyEncryptionCertificate": source.certificate,
        }
    )


PASSWORD = ("CurrentPassword", "NewPassword")
PIN = Filling(_pin, ("PIN",), asked=("PIN",))

FILLINGS: Mapping[str, Filling] = {
    "ClearPasscode": Filling(
        _unlock_token, ("UnlockToken",), needs=(Secret.Kind.UNLOCK_TOKEN,)
    ),
    "DeviceLock": PIN,
    "EraseDevice": Filling(
        _erase,
        ("PIN",),
        asked=("PIN",),
        uses=(Secret.Kind.BOOTSTRAP_TOKEN,),
        inside=(returning.KEY,),
    ),
    "SetRecoveryLock": Filling(
        _set_password(Secret.Kind.RECOVERY_LOCK),
        PASSWORD,
        asked=PASSWORD,
        uses=(Secret.Kind.RECOVERY_LOCK,),
        sets=Secret.Kind.RECOVERY_LOCK,
    ),
    "VerifyRecoveryLock": Filling(
        _verify(Secret.Kind.RECOVERY_LOCK),
        ("Password",),
        asked=("Password",),
        uses=(Secret.Kind.RECOVERY_LOCK,),
    ),
    "SetFirmwarePassword": Filling(
        _set_password(Secret.Kind.FIRMWARE_PASSWORD),
        PASSWORD,
        asked=PASSWORD,
        uses=(Secret.Kind.FIRMWARE_PASSWORD,),
        sets=Secret.Kind.FIRMWARE_PASSWORD,
    ),
    "VerifyFirmwarePassword": Filling(
        _verify(Secret.Kind.FIRMWARE_PASSWORD),
        ("Password",),
        asked=("Password",),
        uses=(Secret.Kind.FIRMWARE_PASSWORD,),
    ),
    "SetAutoAdminPassword": Filling(
        _admin_password,
        ("GUID", "passwordHash"),
        asked=("GUID", "passwordHash"),
        sets=Secret.Kind.ADMIN_PASSWORD,
        needs_guid=True,
    ),
    "AccountConfiguration": Filling(_setup_accounts, ()),
    "RotateFileVaultKey": Filling(
        _filevault,
        ("KeyType", "FileVaultUnlock", "ReplyEncryptionCertificate"),
        needs=(Secret.Kind.FILEVAULT_KEY,),
        needs_certificate=True,
    ),
}


# --- Asked of a command


def names(request_type: str) -> Collection[str]:
    """Return the keys of a command that nobody is asked for."""
    filling = FILLINGS.get(request_type)
    return [key for key in filling.keys if key not in filling.asked] if filling else ()


def optional(request_type: str) -> Collection[str]:
    """Return the keys of a command that are filled in where they are left out."""
    filling = FILLINGS.get(request_type)
    return filling.asked if filling else ()


def lacking(request_type: str, given: Mapping[str, Any]) -> Collection[str]:
    """Return the keys that are still to be filled in."""
    filling = FILLINGS.get(request_type)
    return [key for key in filling.keys if key not in given] if filling else ()


def prepare(request_type: str, given: Mapping[str, Any]) -> Own:
    """Return an order's keys with the passwords in it hashed, as Macs want them."""
    accounts = given.get(ACCOUNTS)
    if request_type == "AccountConfiguration" and accounts:
        if not isinstance(accounts, list):
            return Own(given)  # which the schema refuses
        first, known = _hashed(accounts[0])
        return Own({**given, ACCOUNTS: [first, *accounts[1:]]}, known)
    return Own(*_hashed(given))


def _hashed(keys: Any) -> tuple[Any, Mapping[str, bytes]]:
    said = keys.get("passwordHash") if isinstance(keys, Mapping) else None
    if not isinstance(said, str):
        return keys, {}
    known: Mapping[str, bytes] = {Secret.Kind.ADMIN_PASSWORD: said.encode()}
    return {**keys, "passwordHash": passwordhash.make(said)}, known


def missing(channel: Channel, request_type: str) -> str:
    """Return why this device's keys cannot be filled in, in words; '' if they can."""
    filling = FILLINGS.get(request_type)
    if filling is None:
        return ""
    for kind in filling.needs:
        if not kept.in_force([channel], kind).exists():
            return no(kind)
    if filling.sets and kept.expected([channel], filling.sets):
        return waits(filling.sets)
    if filling.needs_certificate and not kept.certificates([channel]):
        return "its FileVault key is not escrowed here: escrow it first"
    return ""


def no(kind: str) -> str:
    return f"the device handed over no {Secret.Kind(kind).label}"


def waits(kind: str) -> str:
    label = Secret.Kind(kind).label
    return f"an order for another {label} waits: cancel it, or let it be answered first"


# --- For many devices


def own_keys(
    channels: Sequence[Channel], request_type: str, given: Mapping[str, Any]
) -> dict[int, Own | Missing]:
    """Return each channel's own keys, or why there are none, by the channel's id.

    The statements do not grow with the channels.
    """
    filling = FILLINGS.get(request_type)
    if filling is None or not channels:
        return {channel.pk: Own() for channel in channels}
    kinds = (*filling.needs, *filling.uses)
    values = {kind: kept.values(channels, kind) for kind in kinds}
    certificates = kept.certificates(channels) if filling.needs_certificate else {}
    guids = kept.guids(channels) if filling.needs_guid else {}
    waiting = kept.expected(channels, filling.sets) if filling.sets else frozenset()
    wanted = bool(filling.inside) and returning.is_wanted(given)
    back = returning.profiles(channels) if wanted else {}
    found: dict[int, Own | Missing] = {}
    for channel in channels:
        device_id = channel.enrollment.device_id
        secrets = {
            kind: of[channel.pk] for kind, of in values.items() if channel.pk in of
        }
        source = Source(
            channel=channel,
            given=given,
            kept=secrets,
            certificate=certificates.get(device_id, b""),
            admin_guid=guids.get(device_id, ""),
            profile=back.get(channel.pk, b""),
        )
        found[channel.pk] = _fill(filling, source, is_expected=device_id in waiting)
    return found


def _fill(filling: Filling, source: Source, *, is_expected: bool) -> Own | Missing:
    if is_expected:
        return Missing(waits(filling.sets))
    try:
        own = filling.fill(source)
    except Missing as problem:
        return problem
    nested = not filling.keys  # fills in what is inside a key that was given
    keys = {
        key: value
        for key, value in own.keys.items()
        if nested or key in filling.inside or key not in source.given
    }
    return Own(keys, own.passwords)
