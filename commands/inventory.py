"""Inventory: what devices and their users are asked about themselves.

Only what the schema lets a channel be asked, by system, version, supervision, kind of
enrollment and rights. Channels alike in all that share commands: few rows of Command
serve thousands of channels.
"""

import dataclasses
import datetime as dt
import itertools
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from devices.models import Channel, Inventory
from mdmportal import catalogue
from mdmportal.protocol import plist, schema

from . import availability, intervals, queue
from .models import Command
from .targets import FACTS

INFORMATION = "DeviceInformation"
CACHING = "ContentCachingInformation"

FIRST = (
    INFORMATION,
    "SecurityInfo",
    "ProfileList",
    "InstalledApplicationList",
    "CertificateList",
)
"""What is asked of a device whose system is unknown, too."""

QUERIES = (
    *FIRST,
    "ManagedApplicationList",
    "ProvisioningProfileList",
    "Restrictions",
    "UserList",
    "AvailableOSUpdates",
    "OSUpdateStatus",
    "ManagedMediaList",
    CACHING,
    "ActiveNSExtensions",
    "NSExtensionMappings",
)
"""All that is asked, in this order."""

KEYS: Mapping[str, Mapping[str, Any]] = {"Restrictions": {"ProfileRestrictions": True}}
"""The keys of those that have any, but DeviceInformation."""

UNASKED = frozenset(
    (
        "DevicePropertiesAttestation",  # Apple allows one in seven days
        "EACSPreflight",  # a check before an erase, not a fact
        "PushToken",
        "iTunesStoreAccountHash",
    )
)

SAFE = frozenset(
    (
        *("DeviceName", "OSVersion", "BuildVersion", "ModelName", "Model"),
        *("ProductName", "SerialNumber", "UDID", "DeviceCapacity"),
        *("AvailableDeviceCapacity", "BatteryLevel", "IsSupervised"),
        *("WiFiMAC", "BluetoothMAC"),
    )
)
"""What every system has long answered: asked where the whole is refused."""

Asked = tuple[str, tuple[str, ...]]
"""A RequestType, and the queries of DeviceInformation; () for all others."""


def ask(channel: Channel, *, and_then: Sequence[Command] = ()) -> None:
    """Order the queries that this channel answers, then what is to follow them.

    ``channel``, a device's or a user's, comes with its enrollment and device.
    """
    asked = plan(availability.target_of(channel))
    queue.enqueue_all([channel.pk], [*map(command, asked), *and_then])
    intervals.set_due([channel.pk])


def ask_many(
    channels: Iterable[int],
    *,
    only: Collection[str] = (),
    priority: int = 0,
    expires_at: dt.datetime | None = None,
    shared: dict[Asked, Command] | None = None,
) -> int:
    """Order to each of these channels the queries it answers; return how many can.

    ``only`` are RequestTypes, () for all. Commands are shared by all who are asked the
    same; to share them with a later call too, give both the same ``shared``.
    """
    commands = {} if shared is None else shared
    asked = 0
    rest = iter(sorted(set(channels)))
    while batch := list(itertools.islice(rest, queue.BATCH)):
        chosen = _by_question(batch, only)
        for one in chosen:
            if one not in commands:
                commands[one] = command(one, priority=priority, expires_at=expires_at)
        ordered = sorted(chosen, key=_place)
        queue.enqueue_several([(commands[one], chosen[one]) for one in ordered])
        asked += len(set(itertools.chain.from_iterable(chosen.values())))
    return asked


def _place(asked: Asked) -> int:
    return QUERIES.index(asked[0])


def _by_question(ids: list[int], only: Collection[str]) -> dict[Asked, list[int]]:
    """Return whom to ask what; channels come in kinds that decide alike."""
    kinds: dict[tuple[Any, ...], list[tuple[int, int]]] = defaultdict(list)
    rows = Channel.objects.filter(pk__in=ids).order_by("pk")
    for pk, user_id, device, *facts in rows.values_list(
        "pk", "user_id", "enrollment__device", *FACTS.values()
    ):
        kinds[(bool(user_id), *facts)].append((pk, device))
    alike = kinds.values()
    caching = _caching({device for members in alike for _, device in members})
    found: dict[Asked, list[int]] = defaultdict(list)
    for (is_user, *facts), members in kinds.items():
        columns = dict(zip(FACTS, facts, strict=True))
        target = availability.target(**columns, user_id="user" if is_user else "")
        for asked in plan(target):
            if not only or asked[0] in only:
                found[asked] += [
                    pk
                    for pk, device in members
                    if asked[0] != CACHING or device in caching
                ]
    return {asked: sorted(members) for asked, members in found.items() if members}


def _caching(devices: Collection[int]) -> set[int]:
    """Return which are Macs that cache content: others have nothing to tell."""
    kept = Inventory.objects.filter(
        device__in=devices, request_type=CACHING, answer__Activated=True
    )
    return set(kept.values_list("device", flat=True))


@lru_cache(maxsize=1000)
def plan(target: schema.Target) -> tuple[Asked, ...]:
    """Return what such a channel is asked.

    Until a device has said that it is supervised, it would refuse what needs that.
    """
    names = QUERIES if target.os else FIRST
    told = dataclasses.replace(target, supervised=bool(target.supervised))
    return tuple(
        (name, tuple(information_queries(told)) if name == INFORMATION else ())
        for name in names
        if not availability.unavailable(name, told)
    )


def ask_supervised(channel: Channel) -> None:
    """Ask for what was left out before the device said that it is supervised."""
    target = availability.target_of(channel)
    before = plan(dataclasses.replace(target, supervised=False))
    missing = [asked[0] for asked in plan(target) if asked not in before]
    if missing:
        ask_many([channel.pk], only=missing, priority=queue.SCHEDULED)


def command(
    asked: Asked, *, priority: int = 0, expires_at: dt.datetime | None = None
) -> Command:
    """Return the command that asks, not saved yet."""
    request_type, queries = asked
    keys = {"Queries": list(queries)} if queries else KEYS.get(request_type, {})
    return Command(
        request_type=request_type,
        keys_plist=plist.dumps(keys),
        priority=priority,
        expires_at=expires_at,
    )


def configured() -> Command:
    """Return what releases a device that waits to be configured.

    Last, whatever comes of the others: else Setup Assistant waits for it for ever.
    """
    return Command(
        request_type="DeviceConfigured", keys_plist=plist.dumps({}), priority=-1
    )


def information_queries(target: schema.Target) -> list[str]:
    """Return what DeviceInformation may ask such a device.

    Some releases answer a forbidden query with an Error for the whole command.
    """
    queries = catalogue.commands()[INFORMATION].keys["Queries"].items[0].choices
    return [
        name
        for name, query in queries.items()
        if name not in UNASKED and not schema.unavailable(query, target)
    ]
