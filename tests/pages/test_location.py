"""The Location tab, and what the head of a device's page says is going on."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from commands.models import Command, Delivery, State
from devices.models import (
    AuditEntry,
    Channel,
    Device,
    Enrollment,
    Inventory,
    Location,
    Secret,
)
from mdmportal.protocol import plist

from .conftest import Fleet, SignIn

NOW = timezone.now()
SEES = ("devices.view_device", "devices.view_location")


def place(device: Device, minutes: int = 5, **columns: Any) -> Location:
    at = NOW - dt.timedelta(minutes=minutes)
    values = {"latitude": 52.5163, "longitude": 13.3777, "horizontal_accuracy": 12.5}
    return Location.objects.create(
        device=device,
        taken_at=at,
        received_at=at,
        delivery_uuid=f"PLACE-{Location.objects.count()}",
        **{**values, **columns},
    )


def order(channel: Channel, request_type: str, state: str, **columns: Any) -> Delivery:
    command = Command.objects.create(
        request_type=request_type, keys_plist=plist.dumps({})
    )
    values = {"settled_at": NOW - dt.timedelta(minutes=20), **columns}
    return Delivery.objects.create(
        command=command, channel=channel, state=state, **values
    )


def page(client: Client, device: Device, tab: str = "location") -> str:
    answer = client.get(device.get_absolute_url(), {"tab": tab})
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def lost(fleet: Fleet) -> Device:
    return fleet(in_lost_mode=True)[0].enrollment.device


# --- The tab


def test_the_last_place_is_on_a_map_and_opens_in_others_only_by_a_click(
    admin: Client, lost: Device
) -> None:
    place(lost, 60, latitude=48.1)
    place(lost, 5, speed=10.0, course=90.0)
    shown = page(admin, lost)
    assert "52.51630, 13.37770" in shown
    assert "± 12 m" in shown
    assert "36 km/h to the east" in shown
    assert "https://maps.apple.com/?ll=52.516300,13.377700" in shown
    assert "openstreetmap.org/?mlat=52.516300" in shown
    assert "2 places" in shown
    assert "data-tiles" not in shown
    assert "<script>" not in shown.partition("data-map")[2]
    assert 'value="DeviceLocation"' in shown


def test_only_who_may_see_it_has_the_tab(sign_in: SignIn, lost: Device) -> None:
    place(lost)
    client = sign_in("devices.view_device")
    shown = page(client, lost)
    assert "52.51630" not in shown
    assert "?tab=location" not in shown
    assert "52.51630" in page(sign_in(*SEES), lost)


def test_places_are_in_the_timeline_for_who_may_see_them(
    sign_in: SignIn, lost: Device
) -> None:
    place(lost)
    assert "Located: 52.51630" in page(sign_in(*SEES), lost, "timeline")
    assert "Located" not in page(sign_in("devices.view_device"), lost, "timeline")


def test_who_looked_is_written_down_once_an_hour(sign_in: SignIn, lost: Device) -> None:
    client = sign_in(*SEES)
    page(client, lost)
    entries = AuditEntry.objects.filter(action="location seen", device=lost)
    assert not entries.exists()  # there was nothing to see
    place(lost)
    for _ in range(3):
        page(client, lost)
    assert entries.count() == 1
    page(sign_in(*SEES), lost)
    assert entries.count() == 2
    entries.update(at=NOW - dt.timedelta(hours=2))
    page(client, lost)
    assert entries.count() == 3


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"platform": "macOS"}, "this is macOS"),
        ({"is_supervised": False}, "not supervised"),
        ({"in_lost_mode": False}, "It is not in Lost Mode"),
        ({}, "It is not in Lost Mode"),
        ({"in_lost_mode": True}, "It was not asked yet"),
    ],
)
def test_why_nothing_is_known_is_said(
    admin: Client, fleet: Fleet, columns: dict[str, Any], words: str
) -> None:
    shown = page(admin, fleet(**columns)[0].enrollment.device)
    assert "Where it is, is not known" in shown
    assert words in shown
    assert ("Ask where it is" in shown) == bool(columns.get("in_lost_mode"))


def test_a_device_that_is_found_shows_where_it_was(admin: Client, fleet: Fleet) -> None:
    device = fleet(in_lost_mode=False)[0].enrollment.device
    place(device)
    shown = page(admin, device)
    assert "Where it was last" in shown
    assert 'value="DeviceLocation"' not in shown


def test_street_maps_are_those_of_the_settings(
    admin: Client, lost: Device, settings: Any
) -> None:
    settings.MAP_TILES_URL = "https://tiles.example.org/{z}/{x}/{y}.png"
    settings.MAP_TILES_ATTRIBUTION = "© the streets"
    place(lost)
    shown = page(admin, lost)
    assert "https://tiles.example.org/{z}/{x}/{y}.png" in shown
    assert "© the streets" in shown


def test_the_raw_answer_does_not_tell_the_place(sign_in: SignIn, lost: Device) -> None:
    from commands.models import Result

    channel = Channel.objects.get(enrollment__device=lost)
    delivery = order(channel, "DeviceLocation", State.ACKNOWLEDGED)
    answer = {"Status": "Acknowledged", "Latitude": 52.5163, "Longitude": 13.3777}
    Result.objects.create(delivery=delivery, body=plist.dumps(answer))
    client = sign_in("commands.view_delivery")
    shown = client.get(f"/admin/commands/delivery/{delivery.pk}/change/")
    assert "52.5163" not in shown.content.decode()
    assert "It said where it is" in shown.content.decode()


# --- What the head of the page says


def head(client: Client, channel: Channel) -> str:
    return page(client, channel.enrollment.device, "overview")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State.QUEUED, "To be erased, ordered"),
        (State.SENT, "It may be erased already"),
        (State.FAILED, "It refused to be erased and stays managed"),
        (State.ACKNOWLEDGED, "it was not erased"),
    ],
)
def test_how_far_an_erasure_is_stands_on_the_page(
    admin: Client, fleet: Fleet, state: str, words: str
) -> None:
    [channel] = fleet()
    order(channel, "EraseDevice", state)
    assert words in head(admin, channel)


def test_an_erased_device_is_said_to_be_and_begins_anew_when_it_enrolls(
    admin: Client, fleet: Fleet
) -> None:
    [channel] = fleet()
    order(channel, "EraseDevice", State.ACKNOWLEDGED)
    channel.enrollment.end(Enrollment.ERASED)
    assert "It erases itself, or is erased" in head(admin, channel)
    anew = Enrollment.objects.create(
        device=channel.enrollment.device,
        state=Enrollment.State.ACTIVE,
        topic="topic",
        access_rights=8191,
    )
    Channel.objects.create(enrollment=anew, push_token="ab", push_magic="magic")
    assert "erase" not in head(admin, channel).partition("mp-tabs")[0].replace(
        "EraseDevice", ""
    )


def test_a_withdrawn_order_says_nothing(admin: Client, fleet: Fleet) -> None:
    [channel] = fleet()
    order(channel, "EraseDevice", State.CANCELLED)
    assert "To be erased" not in head(admin, channel)


def locked(channel: Channel) -> Secret:
    delivery = order(channel, "DeviceLock", State.ACKNOWLEDGED)
    return Secret.objects.create(
        device=channel.enrollment.device,
        enrollment=channel.enrollment,
        kind=Secret.Kind.LOCK_PIN,
        value=b"123456",
        delivery_uuid=delivery.uuid,
    )


def test_a_mac_locked_with_a_pin_says_so_until_it_speaks_again(
    admin: Client, sign_in: SignIn, fleet: Fleet
) -> None:
    [channel] = fleet(platform="macOS")
    Channel.objects.update(last_seen_at=NOW - dt.timedelta(minutes=19))
    pin = locked(channel)
    assert f"/admin/devices/secret/{pin.pk}/reveal/" in head(admin, channel)
    blind = sign_in("devices.view_device")
    assert "Locked with a PIN since" in head(blind, channel)
    assert "Reveal the PIN" not in head(blind, channel)
    Channel.objects.update(last_seen_at=NOW)
    assert "Locked with a PIN" not in head(admin, channel)


def test_a_cleared_passcode_is_to_be_set_anew_within_an_hour(
    admin: Client, fleet: Fleet
) -> None:
    [channel] = fleet(passcode_present=False)
    delivery = order(channel, "ClearPasscode", State.ACKNOWLEDGED)
    assert "to set another" in head(admin, channel)
    hours_ago = NOW - dt.timedelta(hours=3)
    Delivery.objects.filter(pk=delivery.pk).update(settled_at=hours_ago)
    assert "is not known yet" in head(admin, channel)
    Inventory.objects.create(
        device=channel.enrollment.device,
        request_type="SecurityInfo",
        answer={"PasscodePresent": False},
        received_at=NOW,
    )
    assert "it has had none since" in head(admin, channel)
    Device.objects.update(passcode_present=True)
    assert "passcode was cleared" not in head(admin, channel)


@pytest.mark.parametrize(
    ("state", "chain", "words"),
    [
        (State.ACKNOWLEDGED, [], "right"),
        (State.ACKNOWLEDGED, [{"LocalizedDescription": "x"}], "wrong"),
        (State.FAILED, [{"LocalizedDescription": "too soon"}], "not checked: too soon"),
    ],
)
def test_whether_a_password_holds_that_was_tried_stands_beside_it(
    admin: Client, fleet: Fleet, state: str, chain: list[Any], words: str
) -> None:
    [channel] = fleet(platform="macOS")
    Secret.keep(channel.enrollment, Secret.Kind.RECOVERY_LOCK, b"password")
    order(channel, "VerifyRecoveryLock", state, error_chain=chain)
    shown = page(admin, channel.enrollment.device, "secrets")
    assert "Checked on" in shown
    assert f">{words}</span>" in shown


def test_what_a_mac_caches_for_others_stands_on_its_network_tab(
    admin: Client, fleet: Fleet
) -> None:
    [channel] = fleet(platform="macOS")
    device = channel.enrollment.device
    answers: dict[str, Any] = {
        "DeviceInformation": {"HostName": "mac"},
        "ContentCachingInformation": {
            "Activated": True,
            "Active": False,
            "CacheStatus": "LOWSPACE",
            "CacheLimit": 0,
            "CacheUsed": 5 * 1024**3,
            "CacheDetails": {"iCloud": 1024, "Mac Software": "much"},
            "Alerts": [{"className": "Disk", "resource": "/Volumes/X"}, 7],
            "Parents": [{"address": "10.0.0.1"}],
        },
    }
    for request_type, answer in answers.items():
        Inventory.objects.create(
            device=device, request_type=request_type, answer=answer, received_at=NOW
        )
    shown = page(admin, device, "network")
    for words in ("Content caching", "not ready", "short", "all there is", "10.0.0.1"):
        assert words in shown
    assert "Disk, /Volumes/X" in shown
    assert "5.0" in shown


def test_a_lost_device_says_so_and_leads_to_where_it_is(
    admin: Client, fleet: Fleet
) -> None:
    [channel] = fleet()
    delivery = order(channel, "EnableLostMode", State.QUEUED)
    assert "Lost Mode was ordered" in head(admin, channel)
    Delivery.objects.filter(pk=delivery.pk).update(state=State.ACKNOWLEDGED)
    Device.objects.update(in_lost_mode=True)
    assert "In Lost Mode since" in head(admin, channel)
    Device.objects.update(in_lost_mode=False)
    assert "In Lost Mode since" not in head(admin, channel)
