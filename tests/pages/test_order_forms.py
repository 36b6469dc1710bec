"""The page that orders: what is offered for which devices, and when it goes out."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from commands.forms import OrderForm, WhenForm
from commands.models import Delivery, Order
from commands.targets import Targets
from devices.models import (
    Application,
    Channel,
    Device,
    InstalledApplication,
    InstalledProfile,
    Inventory,
)
from mdmportal import catalogue

from .conftest import Fleet, SignIn
from .controls import Controls, sent_by


def url(request_type: str, channel: Channel | None = None) -> str:
    path = reverse("admin:commands_command_order_form", args=[request_type])
    return f"{path}?ids={channel.enrollment.device_id}" if channel else f"{path}?list="


def page(client: Client, address: str) -> str:
    return client.get(address).content.decode()


def form_for(request_type: str) -> OrderForm:
    command = catalogue.commands()[request_type]
    return OrderForm(command, targets=Targets(Device.objects.all()))


# --- For these devices


def test_what_is_filled_in_is_what_is_ordered(admin: Client, fleet: Fleet) -> None:
    [channel] = fleet()
    said = {
        "key.Settings.12.Item": "DeviceName",
        "key.Settings.12.DeviceName": "Reception",
        "key.Settings.4.Item": "Bluetooth",
        "key.Settings.4.Enabled": "false",
    }
    admin.post(url("Settings", channel), said)
    assert Delivery.objects.get().command.keys == {
        "Settings": [
            {"Item": "Bluetooth", "Enabled": False},
            {"Item": "DeviceName", "DeviceName": "Reception"},
        ]
    }


def test_what_none_of_the_devices_knows_is_not_offered_and_it_says_why(
    admin: Client, fleet: Fleet
) -> None:
    [mac] = fleet(platform="macOS", os_version="14.5")
    shown = page(admin, url("Settings", mac))
    assert 'value="DeviceName"' in shown
    assert 'value="Wallpaper"' not in shown
    assert "Wallpaper: not on macOS" in shown
    assert "key.ObliterationBehavior" in page(admin, url("EraseDevice", mac))
    assert "key.PreserveDataPlan" not in page(admin, url("EraseDevice", mac))


def test_what_needs_supervision_is_not_offered_for_others(
    admin: Client, fleet: Fleet
) -> None:
    [phone] = fleet(is_supervised=False)
    shown = page(admin, url("Settings", phone))
    assert "Wallpaper: needs a supervised device" in shown


def test_of_what_some_do_not_take_it_is_said_how_many(
    admin: Client, fleet: Fleet
) -> None:
    fleet(2, platform="macOS", os_version="14.5")
    fleet(1)
    shown = page(admin, url("EraseDevice"))
    assert "1 of 3 do not take it: not on iOS" in shown


def test_queries_are_those_that_the_devices_can_answer(
    admin: Client, fleet: Fleet
) -> None:
    [mac] = fleet(platform="macOS", os_version="14.5")
    queries = Controls(page(admin, url("DeviceInformation", mac))).values["key.Queries"]
    assert "LocalHostName" in queries
    assert 'value="BatteryLevel"' in page(admin, url("DeviceInformation", mac))
    assert 'value="ModemFirmwareVersion"' not in page(
        admin, url("DeviceInformation", mac)
    )


def test_people_read_words_and_apples_names_beside_them(
    admin: Client, fleet: Fleet
) -> None:
    [phone] = fleet()
    shown = page(admin, url("EnableLostMode", phone))
    assert "Phone number" in shown
    assert '<code class="mp-apples">PhoneNumber</code>' in shown


# --- What the inventory knows


def suggested(drawn: str) -> set[str]:
    return {
        part.partition('"')[0] for part in drawn.split('<option value="')[1:] if part
    }


def test_a_devices_own_profiles_apps_and_users_are_suggested(fleet: Fleet) -> None:
    [channel, _] = fleet(2)
    device = channel.enrollment.device
    device.profiles.create(identifier="org.example.wifi", uuid="1", name="Wi-Fi")
    app = Application.objects.create(digest="1", identifier="com.example.app")
    InstalledApplication.objects.create(device=device, application=app)
    answers = {
        "UserList": {"Users": [{"UserName": "maria", "FullName": "Maria"}]},
        "AvailableOSUpdates": {"AvailableOSUpdates": [{"ProductKey": "iOS18"}, "x"]},
        "ProvisioningProfileList": {"ProvisioningProfileList": [{"UUID": "abc"}]},
    }
    for request_type, answer in answers.items():
        Inventory.objects.create(
            device=device,
            request_type=request_type,
            answer=answer,
            received_at=timezone.now(),
        )
    for request_type, value in (
        ("RemoveProfile", "org.example.wifi"),
        ("RemoveApplication", "com.example.app"),
        ("ManagedApplicationFeedback", "com.example.app"),
        ("DeleteUser", "maria"),
        ("ScheduleOSUpdate", "iOS18"),
        ("RemoveProvisioningProfile", "abc"),
        ("Settings", "Europe/Berlin"),
    ):
        assert value in suggested(str(form_for(request_type))), request_type


def test_for_many_the_commonest_are_suggested_at_no_further_cost(fleet: Fleet) -> None:
    channels = fleet(4)

    def profiles(identifier: str, on: list[Channel]) -> None:
        for channel in on:
            InstalledProfile.objects.create(
                device_id=channel.enrollment.device_id, identifier=identifier, uuid="1"
            )

    profiles("org.example.rare", channels[:1])
    profiles("org.example.common", channels)
    with CaptureQueriesContext(
        connection,
    ) as few:
        drawn = str(form_for("RemoveProfile"))
    assert drawn.index("org.example.common") < drawn.index("org.example.rare")
    profiles("org.example.more", fleet(20))
    with CaptureQueriesContext(connection) as many:
        str(form_for("RemoveProfile"))
    assert len(many) == len(few)


# --- When


def when(query: str, **options: Any) -> WhenForm:
    return WhenForm(QueryDict(query), **{"count": 9, **options})


def test_nothing_said_is_at_once_to_all() -> None:
    form = when("")
    assert form.is_valid()
    assert form.values == {
        "note": "",
        "priority": 0,
        "starts_at": None,
        "expires_at": None,
        "window": None,
        "spread": 0,
        "first": None,
        "most_failed": 0,
    }


def test_what_is_drawn_is_what_is_sent() -> None:
    query = (
        "note=why&priority=-10&expires=at&expires_at=2126-02-28T12:00&in_window=on"
        "&days=0&days=6&opens=22:00&closes=05:00&spread=3600&first=3&most_failed=1"
        "&starts_at=2126-01-30T12:00"
    )
    form = when(query)
    assert form.is_valid(), form.errors
    again = WhenForm(sent_by(form), count=9)
    assert again.is_valid()
    assert again.values == form.values
    assert form.values["window"] == {"days": [0, 6], "from": "22:00", "until": "05:00"}


def test_a_draft_is_shown_as_it_was_said(admin: Client, fleet: Fleet) -> None:
    fleet(3)
    said = {
        "note": "why",
        "in_window": "on",
        "opens": "22:00",
        "closes": "05:00",
        "expires": "week",
        "first": "2",
        "key.Identifier": "org.example",
    }
    admin.post(url("RemoveProfile"), said)
    draft = Order.objects.get()
    address = url("RemoveProfile").replace("list=", f"draft={draft.pk}")
    shown = dict(sent_by(page(admin, address)).lists())
    admin.post(address, {**shown, "note": "why not"})
    again = Order.objects.get()
    assert (again.note, again.first, again.window) == (
        "why not",
        2,
        {"days": [0, 1, 2, 3, 4, 5, 6], "from": "22:00", "until": "05:00"},
    )
    assert again.keys == {"Identifier": "org.example"}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("in_window=on&opens=22:00", "closes"),
        ("in_window=on&closes=05:00", "opens"),
        ("in_window=on&opens=05:00&closes=05:00", "closes"),
        ("expires=at", "expires_at"),
        ("expires=at&expires_at=2020-01-01T00:00", "expires_at"),
        (
            "starts_at=2126-01-02T00:00&expires=at&expires_at=2126-01-01T00:00",
            "expires_at",
        ),
        ("first=9", "first"),
        ("first=0", "first"),
        ("most_failed=2", "first"),
        ("spread=7", "spread"),
        ("priority=99", "priority"),
        (f"note={'x' * 256}", "note"),
        # A Monday at noon, for an hour, and a window on Thursdays alone.
        (
            "starts_at=2126-07-01T12:00&expires=hour&in_window=on&days=3"
            "&opens=10:00&closes=11:00",
            "expires",
        ),
    ],
)
def test_what_makes_no_sense_is_said_at_its_field(query: str, field: str) -> None:
    form = when(query)
    assert not form.is_valid()
    assert list(form.errors) == [field]
    assert form.is_open or field == "note"


def test_a_window_over_midnight_on_the_day_before_is_open() -> None:
    query = (
        "starts_at=2126-07-01T12:00&expires=hour&in_window=on&days=0"
        "&opens=22:00&closes=21:00"
    )
    assert when(query).is_valid()


def test_an_order_expires_from_when_it_begins() -> None:
    form = when("starts_at=2126-07-01T12:00&expires=day")
    assert form.is_valid()
    values = form.values
    assert values["expires_at"] - values["starts_at"] == dt.timedelta(days=1)


def test_one_device_is_not_asked_for_spreading() -> None:
    drawn = str(when("", count=1))
    assert 'name="spread"' not in drawn
    assert "<details" in drawn
    assert 'name="spread"' in str(when("", count=2))


# --- A command as a property list

CUSTOM = ("commands.add_command", "devices.view_device", "commands.order_custom")


def custom(channel: Channel) -> str:
    path = reverse("admin:commands_command_custom")
    return f"{path}?ids={channel.enrollment.device_id}"


def written(request_type: str, inside: str = "", *, whole: bool = True) -> str:
    inner = (
        f"<dict><key>RequestType</key><string>{request_type}</string>{inside}</dict>"
    )
    if whole:
        inner = (
            "<dict><key>CommandUUID</key><string>mine</string>"
            f"<key>Command</key>{inner}</dict>"
        )
    return f'<plist version="1.0">{inner}</plist>'


def test_a_command_written_by_hand_is_drafted_and_reviewed(
    admin: Client, fleet: Fleet
) -> None:
    [phone] = fleet()
    text = written("ProfileList", "<key>ManagedOnly</key><true/>")
    answer = admin.post(custom(phone), {"text": text, "note": "try"})
    order = Order.objects.get()
    review = reverse("admin:commands_order_review", args=[order.pk])
    assert answer.headers["Location"] == review
    assert order.is_custom
    assert (order.request_type, order.note) == ("ProfileList", "try")
    assert order.keys == {"ManagedOnly": True}
    assert not Delivery.objects.exists()
    again = custom(phone).split("?")[0] + f"?draft={order.pk}"
    shown = sent_by(page(admin, again))
    assert "<key>ManagedOnly</key>" in shown["text"]


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (written("MakeCoffee", whole=False), "MakeCoffee is not in the catalogue"),
        (written("RemoveProfile"), "Identifier is required"),
        (
            written("DeviceLock", "<key>PIN</key><string>1</string>"),
            "PIN must have 6 digits",
        ),
    ],
)
def test_what_the_schema_has_otherwise_is_a_warning_to_be_ticked(
    admin: Client, fleet: Fleet, text: str, warning: str
) -> None:
    [phone] = fleet()
    shown = admin.post(custom(phone), {"text": text}).content.decode()
    assert warning in shown
    assert str(sent_by(shown)["text"]).strip() == text
    assert not Order.objects.exists()
    admin.post(custom(phone), {"text": text, "sure": "on"})
    assert Order.objects.get().is_custom


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "Write the command"),
        ("{}", "cannot be read"),
        ('<plist version="1.0"><array/></plist>', "cannot be read"),
        ('<plist version="1.0"><dict/></plist>', "no RequestType"),
        (written("../x"), "no name that a command can have"),
        (
            '<plist version="1.0"><dict><key>Command</key><true/></dict></plist>',
            "must be a dictionary",
        ),
    ],
)
def test_what_is_no_command_is_refused(
    admin: Client, fleet: Fleet, text: str, problem: str
) -> None:
    [phone] = fleet()
    shown = admin.post(custom(phone), {"text": text, "sure": "on"}).content.decode()
    assert problem in shown
    assert not Order.objects.exists()


def test_a_command_by_hand_needs_rights_of_its_own(
    sign_in: SignIn, fleet: Fleet
) -> None:
    [phone] = fleet()
    assert sign_in(*CUSTOM[:2]).get(custom(phone)).status_code == 403
    client = sign_in(*CUSTOM)
    assert client.get(custom(phone)).status_code == 200
    text = written("EraseDevice")
    shown = client.post(custom(phone), {"text": text, "sure": "on"}).content.decode()
    assert "Nothing was ordered" in shown
    assert not Order.objects.exists()
