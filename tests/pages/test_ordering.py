"""Sending a command: who, what, its keys, the confirmation."""

import datetime as dt
import plistlib

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from commands.models import Command, Delivery
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


def test_a_command_is_queued_for_those_who_can_take_it(
    admin: Client, fleet: Fleet
) -> None:
    fleet(2)
    fleet(1, is_supervised=False)
    fleet(1)[0].enrollment.end("checked out")
    preview = admin.get(form("RestartDevice", list="")).context["preview"]
    assert preview.able == 2
    assert {(each.reason, each.count, each.names) for each in preview.refused} == {
        ("needs a supervised device", 1, ("Device 2",)),
        ("not enrolled", 1, ("Device 3",)),
    }
    page = admin.post(form("RestartDevice", list=""), {"confirm": "2"}, follow=True)
    assert Delivery.objects.count() == 2
    assert "RestartDevice is queued for 2 devices." in page.content.decode()


def test_the_page_after_ordering_is_that_of_the_order(
    admin: Client, fleet: Fleet
) -> None:
    [channel] = fleet()
    answer = admin.post(form("SecurityInfo", ids=channel.enrollment.device_id))
    command = Command.objects.get()
    page = reverse("admin:commands_command_change", args=[command.pk])
    assert answer.headers["Location"] == page
    assert f'data-live="command:{command.pk}"' in admin.get(page).content.decode()


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
    admin.post(url, {"key_Payload": upload})
    assert Command.objects.get().keys == {"Payload": PROFILE}


def test_what_is_no_profile_is_not_sent(admin: Client, fleet: Fleet) -> None:
    [channel] = fleet()
    url = form("InstallProfile", ids=channel.enrollment.device_id)
    upload = SimpleUploadedFile("letter.pdf", b"%PDF-1.7")
    page = admin.post(url, {"key_Payload": upload}).content.decode()
    assert "This is not a configuration profile" in page
    assert not Command.objects.exists()


def test_nested_keys_are_given_as_json(admin: Client, fleet: Fleet) -> None:
    [channel] = fleet()
    url = form("Settings", ids=channel.enrollment.device_id)
    settings = '[{"Item": "DeviceName", "DeviceName": "Reception"}]'
    admin.post(url, {"key_Settings": settings})
    assert Command.objects.get().keys == {
        "Settings": [{"Item": "DeviceName", "DeviceName": "Reception"}]
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[{", "This is not JSON"),
        ('[{"Item": "Colour"}]', "Settings[0].Item must be one of"),
        ('[{"Item": "DeviceName"}]', "Settings[0].DeviceName is required"),
        ('{"Item": "DeviceName"}', "Settings must be an array"),
    ],
)
def test_wrong_keys_are_named_as_apple_names_them(
    admin: Client, fleet: Fleet, text: str, problem: str
) -> None:
    [channel] = fleet()
    url = form("Settings", ids=channel.enrollment.device_id)
    page = admin.post(url, {"key_Settings": text}).content.decode()
    assert problem in page
    assert not Command.objects.exists()


def test_json_is_asked_for_in_an_empty_field_and_kept_as_it_was_typed(
    admin: Client, fleet: Fleet
) -> None:
    [channel] = fleet()
    url = form("Settings", ids=channel.enrollment.device_id)
    assert admin.get(url).context["form"]["key_Settings"].value() == ""
    for text in ("", "[{", '[\n  {\n    "Item": "Colour"\n  }\n]'):
        page = admin.post(url, {"key_Settings": text})
        assert page.context["form"].errors
        assert page.context["form"]["key_Settings"].value() == text


def test_a_missing_key_is_asked_for(admin: Client, fleet: Fleet) -> None:
    [channel] = fleet()
    url = form("RemoveProfile", ids=channel.enrollment.device_id)
    answer = admin.post(url, {"confirm": "Device 0"})
    assert "key_Identifier" in answer.context["form"].errors


def test_what_is_left_empty_is_not_sent(admin: Client, fleet: Fleet) -> None:
    [channel] = fleet()
    url = form("DeviceLock", ids=channel.enrollment.device_id)
    admin.post(url, {"key_Message": "Found me?", "key_PIN": "", "confirm": "Device 0"})
    command = Command.objects.get()
    assert command.keys == {"Message": "Found me?"}
    assert command.expires_at is None


def test_the_information_asked_for_is_what_the_devices_can_tell(
    admin: Client, fleet: Fleet
) -> None:
    [channel] = fleet()
    url = form("DeviceInformation", ids=channel.enrollment.device_id)
    queries = admin.get(url).context["form"].initial["key_Queries"]
    admin.post(url, {"key_Queries": queries})
    assert Command.objects.get().keys["Queries"] == queries.splitlines()


def test_each_device_gets_its_own_unlock_token(admin: Client, fleet: Fleet) -> None:
    first, second, _ = fleet(3)
    Secret.objects.exclude(
        enrollment__in=[first.enrollment, second.enrollment]
    ).delete()
    Secret.keep(second.enrollment, Secret.Kind.UNLOCK_TOKEN, b"another")
    page = admin.post(form("ClearPasscode", list=""), {"confirm": "3"}, follow=True)
    tokens = {command.keys["UnlockToken"] for command in Command.objects.all()}
    assert tokens == {b"unlock", b"another"}
    assert "1 could not take it" in page.content.decode()


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
