"""Devices and groups, asked for by a program."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from devices.models import Channel, Device, DeviceGroup, Enrollment, Tag, User

from .conftest import Fleet, MakeProgram, Program


def names(api: Program, query: str = "") -> list[str]:
    return [row["name"] for row in api.get(f"devices/?{query}")["results"]]


def test_a_device_is_told_with_its_stay_and_its_channels(
    api: Program, fleet: Fleet
) -> None:
    (channel,) = fleet(asset_tag="A-1", platform="macOS")
    device = Device.objects.get()
    device.owner = User.objects.create_user("ada", email="ada@corp.example")
    device.save()
    device.tags.add(Tag.objects.create(name="loan"))
    DeviceGroup.objects.create(name="Sales").devices.add(device)
    user = Channel.objects.create(enrollment=channel.enrollment, user_id="U1")
    told = api.get(f"devices/{device.pk}/")
    assert (told["serial_number"], told["asset_tag"]) == ("SERIAL0000", "A-1")
    assert told["owner"]["username"] == "ada"
    assert told["tags"] == ["loan"]
    assert [group["name"] for group in told["groups"]] == ["Sales"]
    assert (told["state"], told["stay"]["mode"]) == ("active", "device")
    assert [one["id"] for one in told["channels"]] == [channel.pk, user.pk]


def test_times_are_in_utc_wherever_the_portal_is(
    api: Program, fleet: Fleet, settings: Any
) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    fleet()
    seen = dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC)
    Channel.objects.update(last_seen_at=seen)
    device = api.get("devices/")["results"][0]
    assert device["last_seen_at"] == "2026-07-01T12:00:00Z"


def test_nothing_secret_is_told(api: Program, fleet: Fleet) -> None:
    (channel,) = fleet()
    told = api.answer("GET", f"devices/{channel.enrollment.device_id}/").content
    assert channel.push_token.encode() not in told
    assert b"unlock" not in told


def test_pages_follow_each_other_and_nothing_is_lost_or_twice(
    api: Program, fleet: Fleet
) -> None:
    fleet(5)
    found: list[str] = []
    page = api.get("devices/?limit=2&state=active")
    while True:
        found += [row["name"] for row in page["results"]]
        if not page["next"]:
            break
        page = api.get(page["next"])
    assert found == [f"Device {number}" for number in range(5)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("serial_number=SERIAL0001", ["Device 1"]),
        ("udid=UDID-000002", ["Device 2"]),
        ("udid=anonymous", ["Device 0"]),
        ("platform=macOS", ["Device 3"]),
        ("owner=ada", ["Device 1"]),
        ("search=SERIAL0002", ["Device 2"]),
        ("search=device%203", ["Device 3"]),
        ("state=ended", ["Device 2"]),
        ("state=left", ["Device 2"]),
        ("state=active", ["Device 0", "Device 1", "Device 3"]),
        ("state=active&platform=iOS", ["Device 0", "Device 1"]),
        ("serial_number=none", []),
        ("search=%00", ["wrong"]),
    ],
)
def test_devices_are_found_by_what_the_address_says(
    api: Program, fleet: Fleet, query: str, expected: list[str]
) -> None:
    fleet(3)
    fleet(platform="macOS")
    ada = User.objects.create_user("ada")
    Device.objects.filter(name="Device 1").update(owner=ada)
    Device.objects.filter(name="Device 0").update(enrollment_id="anonymous")
    stays = Enrollment.objects.filter(device__name="Device 2")
    stays.update(state="ended", ended_at=timezone.now())
    if expected == ["wrong"]:
        api.get(f"devices/?{query}", 400)
    else:
        assert names(api, query) == expected


def test_devices_of_a_group(api: Program, fleet: Fleet) -> None:
    fleet(3)
    group = DeviceGroup.objects.create(name="Sales")
    group.devices.set(Device.objects.order_by("pk")[1:])
    (told,) = api.get("groups/")["results"]
    assert (told["name"], told["is_smart"]) == ("Sales", False)
    assert names(api, f"group={told['id']}") == ["Device 1", "Device 2"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("serial=X", "serial"),
        ("state=gone", "state"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("after=x", "after"),
        (f"after={2**63}", "after"),
        ("group=-1", "group"),
    ],
)
def test_what_the_address_says_wrong_is_named_and_not_passed_over(
    api: Program, fleet: Fleet, query: str, field: str
) -> None:
    fleet()
    answer = api.get(f"devices/?{query}", 400)
    assert [each["field"] for each in answer["fields"]] == [field]


@pytest.mark.parametrize("path", ["devices/77/", "devices/" + "9" * 18 + "/"])
def test_a_device_that_is_not_there_is_not_found(api: Program, path: str) -> None:
    assert api.get(path, 404)["code"] == "not_found"


@pytest.mark.parametrize(
    "path", ["nothing", "devices", "devices/x/", "devices/" + "9" * 30 + "/"]
)
def test_an_address_with_nothing_at_it_says_where_there_is_something(
    api: Program, path: str
) -> None:
    assert "/api/v1/schema/" in api.get(path, 404)["detail"]


def statements(api: Program, path: str) -> int:
    api.get(path)
    with CaptureQueriesContext(connection) as captured:
        api.get(path)
    return len(captured)


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("devices/", 4),
        ("devices/?state=active&platform=iOS&search=Device", 8),
        ("groups/", 2),
    ],
)
def test_a_list_costs_as_much_for_thirty_as_for_three(
    api: Program, fleet: Fleet, path: str, most: int
) -> None:
    fleet(3)
    few = statements(api, path)
    fleet(27)
    assert statements(api, path) == few
    assert few <= most


def test_rights_cost_two_statements_more(program: MakeProgram, fleet: Fleet) -> None:
    fleet(3)
    assert statements(program("devices.view_device"), "devices/") == 6
