"""The fleet of the pages: devices of which much is known, written as rows.

What is a row per device is made by Django in batches; what is many rows per device is
made by the database itself, out of the devices that are there.
"""

import datetime as dt
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from commands.models import Command
from compliance.models import Policy
from devices.conditions import read
from devices.models import (
    Application,
    Channel,
    Device,
    DeviceGroup,
    Enrollment,
    Identity,
    InstalledApplication,
    Tag,
    User,
)
from devices.models.device import version_key
from devices.putting import insert
from mdmportal.protocol import plist

TOPIC = "com.apple.mgmt.External.bench"
BATCH = 2000
FIRST = ("Maria", "Jonas", "Ada", "Noor", "Liang", "Paul", "Zoé", "Ivan", "Mina", "Tom")
LAST = ("Weber", "Ito", "Okafor", "Lind", "Rossi", "Kaya", "Novak", "Silva", "Braun")
SYSTEMS = {
    "iOS": ("17.6.1", "17.7", "18.0.1", "18.1", "16.7.10", "15.8.3"),
    "iPadOS": ("17.6.1", "17.7", "18.0.1", "18.1", "16.7.10"),
    "macOS": ("14.6.1", "14.7", "15.0.1", "15.1", "13.7", "12.7.6"),
    "tvOS": ("17.6", "18.1"),
}
PLATFORMS = (*("iOS",) * 5, *("iPadOS",) * 2, *("macOS",) * 3)
MODELS = {
    "iOS": ("iPhone15,2", "iPhone 14 Pro"),
    "iPadOS": ("iPad13,18", "iPad (10th generation)"),
    "macOS": ("Mac14,2", "MacBook Air"),
    "tvOS": ("AppleTV14,1", "Apple TV 4K"),
}
COMMON = 40
"""How many applications every device has; the others differ from device to device."""


@dataclass(frozen=True)
class Size:
    """How large the fleet is; people and software follow from the devices."""

    devices: int = 100_000
    applications: int = 3_000
    each: int = 100
    """Applications on one device."""

    @property
    def people(self) -> int:
        return max(self.devices // 5, 5)


FULL, SHORT = Size(), Size(devices=2_000, applications=300, each=20)


def build(size: Size) -> None:
    """Write the fleet down in an empty database."""
    people = _people(size)
    for batch in _batches(range(size.devices)):
        with transaction.atomic():
            _enroll(batch, people)
    _applications(size)
    _groups()
    with _without_indexes(), connection.cursor() as cursor:
        for statement, numbers in _rows(size):
            cursor.execute(statement, numbers)
    with connection.cursor() as cursor:
        alone = connection.vendor == "postgresql" and not connection.in_atomic_block
        cursor.execute("VACUUM ANALYZE" if alone else "ANALYZE")


@contextmanager
def _without_indexes() -> Iterator[None]:
    """Have the indexes of millions of rows made once, after they are written."""
    if connection.vendor != "postgresql" or connection.in_atomic_block:
        yield
        return
    [once], [where] = (
        InstalledApplication._meta.constraints,
        InstalledApplication._meta.indexes,
    )
    with connection.schema_editor() as editor:
        editor.remove_constraint(InstalledApplication, once)
        editor.remove_index(InstalledApplication, where)
    yield
    with connection.schema_editor() as editor:
        editor.add_constraint(InstalledApplication, once)
        editor.add_index(InstalledApplication, where)


def _batches(numbers: Iterable[int]) -> Iterator[Sequence[int]]:
    rest = iter(numbers)
    while batch := tuple(islice(rest, BATCH)):
        yield batch


def _people(size: Size) -> list[User]:
    return User.objects.bulk_create(
        (
            User(
                username=f"person{number}",
                first_name=FIRST[number % len(FIRST)],
                last_name=LAST[number // 7 % len(LAST)],
                email=f"person{number}@example.org",
            )
            for number in range(size.people)
        ),
        batch_size=BATCH,
    )


def device(number: int) -> dict[str, Any]:
    """Return the facts of the fleet's device of this number."""
    platform = "tvOS" if number % 500 == 0 else PLATFORMS[number % len(PLATFORMS)]
    versions = SYSTEMS[platform]
    version = versions[number // 3 % len(versions)]
    mac = f"{number:012x}"
    product, model = MODELS[platform]
    return {
        "udid": str(uuid.UUID(int=number + 1)).upper(),
        "serial_number": f"F{number:09}",
        "platform": platform,
        "asset_tag": f"A-{number:06}",
        "name": f"{model} {number}",
        "product_name": product,
        "model_name": model,
        "os_version": version,
        "os_version_key": version_key(version),
        "update_available": versions[3 % len(versions)] if number % 4 == 0 else "",
        "imei": f"35{number:013}" if platform == "iOS" else "",
        "wifi_mac": ":".join(mac[at : at + 2] for at in range(0, 12, 2)),
        "phone_number": f"+49170{number:07}" if platform == "iOS" else "",
        "is_supervised": number % 3 != 0,
        "passcode_present": number % 20 != 0,
        "is_encrypted": number % 25 != 0,
        "firewall_enabled": number % 10 != 0 if platform == "macOS" else None,
        "is_activation_locked": number % 50 == 0,
        "in_lost_mode": number % 5_000 == 1,
        "capacity": 128.0,
        "available_capacity": float(number % 128),
        "battery_level": number % 100 / 100,
    }


def _enroll(numbers: Sequence[int], people: Sequence[User]) -> None:
    """Write devices, their stays, channels and identities."""
    now = timezone.now()
    devices = Device.objects.bulk_create(
        Device(**device(number), owner=people[number % len(people)])
        for number in numbers
    )
    stays = Enrollment.objects.bulk_create(
        Enrollment(
            device=one,
            owner=one.owner,
            state="ended" if number % 50 == 7 else "active",
            mode="user" if number % 10 == 0 else "device",
            topic=TOPIC,
            way="Everybody",
            access_rights=8191,
            enrolled_at=now,
        )
        for number, one in zip(numbers, devices, strict=True)
    )
    Channel.objects.bulk_create(
        Channel(
            enrollment=stay,
            push_token="ab" * 32,
            push_magic="magic",
            last_seen_at=now - dt.timedelta(minutes=number % 1440 * (number % 40 + 1)),
        )
        for number, stay in zip(numbers, stays, strict=True)
    )
    Channel.objects.bulk_create(
        Channel(
            enrollment=stay,
            user_id=str(uuid.UUID(int=number + 1)),
            user_short_name=f"local{number}",
            user_long_name=f"Local User {number}",
            last_seen_at=now,
        )
        for number, stay in zip(numbers, stays, strict=True)
        if stay.device.platform == "macOS"
    )
    Identity.objects.bulk_create(
        Identity(
            enrollment=stay,
            fingerprint=f"{number:064x}",
            serial_number=f"{number:x}",
            subject=f"CN={stay.device.udid}",
            certificate=b"",
            not_before=now,
            not_after=now + dt.timedelta(days=number % 730 - 3),
        )
        for number, stay in zip(numbers, stays, strict=True)
    )


def _applications(size: Size) -> None:
    Application.objects.bulk_create(
        (
            Application(
                digest=f"{number:064x}",
                identifier=f"org.example.app{number // 3}",
                name=f"Application {number // 3}",
                version=f"{number % 3 + 1}.0",
                short_version=f"{number % 3 + 1}.0",
                bundle_size=number * 1000,
                facts={"Identifier": f"org.example.app{number // 3}"},
            )
            for number in range(size.applications)
        ),
        batch_size=BATCH,
    )
    Tag.objects.bulk_create(Tag(name=f"tag {number}") for number in range(30))
    Command.objects.bulk_create(
        Command(request_type=name, keys_plist=plist.dumps({}))
        for name in ("DeviceInformation", "SecurityInfo")
    )


COUNTING = (
    "WITH RECURSIVE number(n) AS "
    "(SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < %s - 1) "
)


def _rows(size: Size) -> Iterator[tuple[str, list[Any]]]:
    """Yield the statements that write what each device has many of."""
    now = timezone.now()
    if connection.vendor == "postgresql":  # the rows are right by construction
        yield "SET session_replication_role = replica", []
    first = Application.objects.order_by("pk").values_list("pk", flat=True)[0]
    others = size.applications - COMMON if size.applications > COMMON else 1
    common = min(COMMON, size.each // 2)
    yield (
        "INSERT INTO devices_installedapplication (device_id, user_id, application_id)"
        f" {COUNTING}SELECT d.id, '', %s + CASE WHEN n < %s THEN n ELSE"
        " %s + (d.id * 31 + n * 29) %% %s END FROM devices_device d, number",
        [size.each, first, common, COMMON, others],
    )
    yield (
        "INSERT INTO devices_installedprofile"
        " (device_id, user_id, identifier, uuid, name, is_managed)"
        f" {COUNTING}SELECT d.id, '', 'org.example.profile.' || (d.id %% 7 + n * 7),"
        " 'UUID-' || n, 'Profile ' || (d.id %% 7 + n * 7), d.id %% 2 = 0"
        " FROM devices_device d, number",
        [3],
    )
    yield (
        "INSERT INTO devices_installedcertificate (device_id, user_id, common_name,"
        " fingerprint, issuer, is_identity, not_after)"
        f" {COUNTING}SELECT e.device_id, '', 'Certificate ' || n,"
        " CASE WHEN n = 0 THEN i.fingerprint ELSE 'shared' || n END, 'Issuer',"
        " n = 0, i.not_after FROM devices_identity i"
        " JOIN devices_enrollment e ON e.id = i.enrollment_id, number",
        [3],
    )
    for request_type in ("DeviceInformation", "SecurityInfo", "ProfileList"):
        yield (
            "INSERT INTO devices_inventory"
            " (device_id, user_id, request_type, answer, digest, received_at)"
            " SELECT id, '', %s, %s, '', %s FROM devices_device",
            [request_type, '{"a": "%s"}' % ("x" * 500), now],
        )
    for state, command, share in (("acknowledged", 0, 1), ("queued", 1, 10)):
        yield (
            "INSERT INTO commands_delivery (command_id, channel_id, uuid, state,"
            " priority, queued_at, attempts, postponements, settled_at, error_chain)"
            " SELECT (SELECT min(id) + %s FROM commands_command), id,"
            f" '{state}-' || id, %s, 0, %s, 0, 0, %s, '[]' FROM devices_channel"
            " WHERE user_id = '' AND id %% %s = 0",
            [
                *(command, state, now - dt.timedelta(days=2)),
                now if state == "acknowledged" else None,
                share,
            ],
        )
    yield (
        "INSERT INTO devices_change (device_id, user_id, at, request_type, kind, name,"
        f" before, after) {COUNTING}SELECT d.id, '', %s, 'DeviceInformation',"
        " 'changed', 'OSVersion', '17.' || n, '18.' || n FROM devices_device d, number",
        [5, now],
    )
    yield (
        "INSERT INTO devices_device_tags (device_id, tag_id) SELECT d.id, t.id"
        " FROM devices_device d JOIN devices_tag t ON t.id %% 30 = d.id %% 30",
        [],
    )
    yield (
        "INSERT INTO devices_devicegroup_devices (device_id, devicegroup_id)"
        " SELECT d.id, g.id FROM devices_device d JOIN devices_devicegroup g"
        " ON g.id %% 20 = d.id %% 20 WHERE g.conditions IS NULL",
        [],
    )
    yield (
        "INSERT INTO compliance_standing"
        " (device_id, policy_id, state, reasons, since, checked_at)"
        " SELECT e.device_id, p.id, CASE WHEN (e.device_id + p.id) %% 20 = 0"
        " THEN 'violates' ELSE 'complies' END, '[]', %s, %s"
        " FROM devices_enrollment e, compliance_policy p WHERE e.state = 'active'",
        [now, now],
    )
    if connection.vendor == "postgresql":
        yield "SET session_replication_role = DEFAULT", []


# --- Groups and policies


def _below(version: int) -> dict[str, Any]:
    return _all(("platform", "is", "macOS"), ("os_version", "below", f"{version}.0"))


def _all(*conditions: tuple[str, str, str]) -> dict[str, Any]:
    names = ("field", "operator", "value")
    rows = [dict(zip(names, each, strict=True)) for each in conditions]
    return {"match": "all", "conditions": rows}


SMART = {
    **{f"macOS below {version}": _below(version) for version in (13, 14, 15, 16)},
    "Unencrypted": _all(("encrypted", "is", "no")),
    "Without a passcode": _all(("passcode", "is", "no")),
    "Could update": _all(("update_available", "any", "")),
    "On loan": _all(("asset_tag", "begins", "A-00")),
    "Has application 99": _all(("application", "installed", "org.example.app99")),
    "People of Lind": _all(("owner", "contains", "lind")),
}
"""Ten smart groups and their conditions."""
POLICIES = {
    "Encrypted": _all(("encrypted", "is", "yes")),
    "Passcode": _all(("passcode", "is", "yes")),
    "OS of this year": _all(("os_version", "at_least", "17.0")),
}


def _groups() -> None:
    DeviceGroup.objects.bulk_create(
        DeviceGroup(name=f"Department {number}") for number in range(20)
    )
    for name, conditions in SMART.items():
        wanted = read(conditions).q()
        group = DeviceGroup.objects.create(name=name, conditions=conditions)
        if "application" not in str(conditions):  # those are not written yet
            insert(group, Device.objects.filter(wanted).order_by())
    Policy.objects.bulk_create(
        Policy(name=name, conditions=conditions)
        for name, conditions in POLICIES.items()
    )


__all__ = ["FULL", "SHORT", "Size", "build", "device"]
