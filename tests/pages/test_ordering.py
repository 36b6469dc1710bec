"""Sending a command: who, what, its keys, the confirmation."""

import datetime as dt
import plistlib
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from commands.models import Command, Delivery, Order
from devices.models import Device, Secret
from mdmportal import catalogue

from .conftest import Fleet, SignIn

CHOOSE = "admin:commands_command_order"
PROFILE = plistlib.dumps(
    {"PayloadType": "Configuration", "PayloadIdentifier": "org.example.wifi"}
)


def form(request_type: str, **who: object) -> str:
    path = reverse("admin:commands_command_order_form", args=[request_type])
    return f"{path}?" + "&".join(f"{key}={value}" for key, value in who.items())


@pytest.mark.parametrize("request_type", sorted(catalogue.commands()))
def test_every_command_of_the_catalogue_has_a_form(
    admin: Client, fleet: Fleet, request_type: str
) -> None:
    [channel] = fleet()
    answer = admin.get(form(request_type, ids=channel.enrollment.device_id))
    assert answer.status_code == 200


def test_first_it_is_asked_for_whom(admin: Client, fleet: Fleet) -> None:
    fleet(2)
    page = admin.get(reverse(CHOOSE)).content.decode()
    assert "Who is it for?" in page
    assert "All 2 enrolled devices" in page


def test_a_selection_of_the_list_leads_to_the_choice(
    admin: Client, fleet: Fleet
) -> None:
    ids = [each.enrollment.device_id for each in fleet(3)][:2]
    chosen = {"action": "send", "_selected_action": ids}
    page = admin.post(reverse("admin:devices_device_changelist"), chosen, follow=True)
    assert page.context["targets"].count == 2


def test_all_that_a_filter_finds_can_be_chosen_at_once(
    admin: Client, fleet: Fleet
) -> None:
    fleet(3)
    fleet(2, platform="macOS")
    url = reverse("admin:devices_device_changelist") + "?platform=macOS"
    first = Device.objects.filter(platform="macOS")[0]
    chosen = {"action": "send", "_selected_action": [first.pk], "select_across": "1"}
    page = admin.post(url, chosen, follow=True)
    assert page.context["targets"].count == 2


def test_the_page_after_ordering_is_that_of_the_order(
    admin: Client, fleet: Fleet
) -> None:
    [channel] = fleet()
    answer = admin.post(form("SecurityInfo", ids=channel.enrollment.device_id))
    order = Order.objects.get()
    assert answer.headers["Location"] == order.get_absolute_url()
    page = admin.get(order.get_absolute_url()).content.decode()
    assert f'data-live="order:{order.pk}"' in page
    assert f'data-live="delivery:{Delivery.objects.get().pk}"' in page


@pytest.mark.parametrize("typed", ["", "device 0", "Device", "1"])
def test_what_destroys_wants_the_devices_name(
    admin: Client, fleet: Fleet, typed: str
) -> None:
    [channel] = fleet()
    url = form("EraseDevice", ids=channel.enrollment.device_id)
    page = admin.post(url, {"confirm": typed}).content.decode()
    assert "Nothing was sent" in page
    assert "Everything on the device is erased" in page
    assert not Command.objects.exists()
    admin.post(url, {"confirm": "Device 0"})
    assert Command.objects.get().request_type == "EraseDevice"


def test_the_name_may_be_typed_with_what_a_keyboard_has(
    admin: Client, fleet: Fleet
) -> None:
    [channel] = fleet(name="Maria’s iPhone")
    url = form("EraseDevice", ids=channel.enrollment.device_id)
    admin.post(url, {"confirm": "Maria's  iPhone "})
    assert Command.objects.exists()


def test_what_destroys_needs_a_right_of_its_own(sign_in: SignIn, fleet: Fleet) -> None:
    [channel] = fleet()
    url = form("EraseDevice", ids=channel.enrollment.device_id)
    client = sign_in("commands.add_command", "devices.view_device")
    assert client.get(url).status_code == 403
    assert client.post(url, {"confirm": "Device 0"}).status_code == 403
    assert not Command.objects.exists()


def test_ordering_at_all_needs_a_right(sign_in: SignIn, fleet: Fleet) -> None:
    [channel] = fleet()
    client = sign_in("devices.view_device")
    assert client.get(reverse(CHOOSE)).status_code == 403
    answer = client.post(form("SecurityInfo", ids=channel.enrollment.device_id))
    assert answer.status_code == 403


def test_who_may_see_no_devices_cannot_order_either(
    sign_in: SignIn, fleet: Fleet
) -> None:
    fleet(2)
    client = sign_in("commands.add_command")
    assert client.get(form("SecurityInfo", list="")).status_code == 403


def test_a_profile_is_uploaded_and_sent_as_it_is(admin: Client, fleet: Fleet) -> None:
    [channel] = fleet()
    url = form("InstallProfile", ids=channel.enrollment.device_id)
    upload = SimpleUploadedFile("wifi.mobileconfig", PROFILE)
    admin.post(url, {"key.Payload": upload})
    assert Command.objects.get().keys == {"Payload": PROFILE}


def test_what_is_no_profile_is_not_sent(admin: Client, fleet: Fleet) -> None:
    [channel] = fleet()
    url = form("InstallProfile", ids=channel.enrollment.device_id)
    upload = SimpleUploadedFile("letter.pdf", b"%PDF-1.7")
    page = admin.post(url, {"key.Payload": upload}).content.decode()
    assert "This is not a configuration profile" in page
    assert not Command.objects.exists()


def test_a_missing_key_is_asked_for(admin: Client, fleet: Fleet) -> None:
    [channel] = fleet()
    url = form("RemoveProfile", ids=channel.enrollment.device_id)
    answer = admin.post(url, {"confirm": "Device 0"})
    assert "key.Identifier" in answer.context["form"].errors


def test_what_is_left_empty_is_not_sent(admin: Client, fleet: Fleet) -> None:
    [channel] = fleet()
    url = form("DeviceLock", ids=channel.enrollment.device_id)
    admin.post(url, {"key.Message": "Found me?", "key.PIN": "", "confirm": "Device 0"})
    command = Command.objects.get()
    assert command.keys == {"Message": "Found me?"}
    assert command.expires_at is None


def test_the_information_asked_for_is_what_the_devices_can_tell(
    admin: Client, fleet: Fleet
) -> None:
    [channel] = fleet()
    url = form("DeviceInformation", ids=channel.enrollment.device_id)
    page = admin.get(url).content.decode()
    shown = re.findall(r'name="key\.Queries" value="(\w+)"[^>]* checked', page)
    assert {"OSVersion", "SerialNumber"} <= set(shown)
    admin.post(url, {"key.Queries": shown})
    assert set(Command.objects.get().keys["Queries"]) == set(shown)


def test_each_device_gets_its_own_unlock_token(admin: Client, fleet: Fleet) -> None:
    first, second, _ = fleet(3)
    Secret.objects.exclude(
        enrollment__in=[first.enrollment, second.enrollment]
    ).delete()
    Secret.keep(second.enrollment, Secret.Kind.UNLOCK_TOKEN, b"another")
    review = admin.post(form("ClearPasscode", list="")).headers["Location"]
    page = admin.post(review, {"confirm": "3"}, follow=True).content.decode()
    tokens = {command.keys["UnlockToken"] for command in Command.objects.all()}
    assert tokens == {b"unlock", b"another"}
    assert "1 could not take it" in page
    assert "the device handed over no unlock token" in page


@pytest.mark.parametrize(
    ("choice", "life"),
    [
        ("hour", dt.timedelta(hours=1)),
        ("day", dt.timedelta(days=1)),
        ("week", dt.timedelta(days=7)),
    ],
)
def test_an_order_expires_if_told_to(
    admin: Client, fleet: Fleet, choice: str, life: dt.timedelta
) -> None:
    [channel] = fleet()
    before = timezone.now()
    url = form("SecurityInfo", ids=channel.enrollment.device_id)
    admin.post(url, {"expires": choice})
    delivery = Delivery.objects.get()
    assert delivery.expires_at is not None
    assert before + life <= delivery.expires_at <= timezone.now() + life


def test_a_user_of_a_mac_is_told_on_the_users_channel(
    admin: Client, fleet: Fleet
) -> None:
    [channel] = fleet(platform="macOS", os_version="14.5")
    user = channel.enrollment.channels.create(user_id="U1", user_short_name="maria")
    admin.post(form("ProfileList", channel=user.pk))
    assert Delivery.objects.get().channel == user


@pytest.mark.parametrize(
    "who", [{"ids": "x"}, {"ids": "99999999999999999999"}, {"ids": ""}]
)
def test_an_address_that_names_no_device_sends_nothing(
    admin: Client, fleet: Fleet, who: dict[str, str]
) -> None:
    fleet()
    page = admin.post(form("SecurityInfo", **who)).content.decode()
    assert "None of the chosen devices" in page
    assert not Command.objects.exists()


def test_an_unknown_command_or_channel_is_not_found(
    admin: Client, fleet: Fleet
) -> None:
    assert admin.get(form("MakeCoffee", list="")).status_code == 404
    assert admin.get(form("SecurityInfo", channel="17")).status_code == 404
