"""The list of devices and the page of one."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from commands.models import Delivery
from devices.admin.device import newest
from devices.models import AuditEntry, Channel, Device, Secret, User

from .conftest import Fleet, SignIn

LIST = "admin:devices_device_changelist"


def names(client: Client, **query: str) -> list[str]:
    rows = client.get(reverse(LIST), query).context["cl"].result_list
    return [device.name for device in rows]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("name", "Reception"),
        ("serial_number", "C02XYZ"),
        ("udid", "UDID-WANTED"),
        ("imei", "35 1234"),
        ("wifi_mac", "a4:83"),
    ],
)
def test_a_device_is_found_by_what_people_know_of_it(
    admin: Client, fleet: Fleet, column: str, value: str
) -> None:
    wanted = fleet(2)[1].enrollment.device
    Device.objects.filter(pk=wanted.pk).update(**{column: value})
    wanted.refresh_from_db()
    assert names(admin, q=value.lower()) == [wanted.name]


def test_a_device_is_found_by_its_owner(admin: Client, fleet: Fleet) -> None:
    fleet(2)
    owner = User.objects.create_user("maria", first_name="Maria")
    Device.objects.filter(name="Device 1").update(owner=owner)
    assert names(admin, q="maria") == ["Device 1"]


def test_the_state_is_a_filter(admin: Client, fleet: Fleet) -> None:
    fleet(2)[0].enrollment.end("checked out")
    assert names(admin, state="active") == ["Device 1"]
    assert names(admin, state="left") == ["Device 0"]


@pytest.mark.parametrize("state", ["held", "ended"])
def test_what_others_claim_of_a_device_does_not_hide_it(
    admin: Client, fleet: Fleet, state: str
) -> None:
    stay = fleet(1)[0].enrollment
    stay.device.enrollments.create(state=state, topic=stay.topic)
    page = admin.get(reverse("admin:devices_device_change", args=[stay.device_id]))
    assert page.context["stay"] == stay
    [row] = admin.get(reverse(LIST)).context["cl"].result_list
    assert newest(row) == stay


def test_silent_devices_are_found_by_how_long(admin: Client, fleet: Fleet) -> None:
    silent = fleet(2)[0]
    long_ago = timezone.now() - dt.timedelta(days=31)
    Channel.objects.filter(pk=silent.pk).update(last_seen_at=long_ago)
    assert names(admin, seen="missing") == ["Device 0"]
    assert names(admin, seen="hour") == ["Device 1"]


@pytest.mark.parametrize("column", range(1, 8))
def test_the_list_sorts_by_each_of_its_columns(
    admin: Client, fleet: Fleet, column: int
) -> None:
    fleet(3)
    assert len(names(admin, o=str(column))) == 3


def test_devices_cannot_be_added_by_hand(admin: Client) -> None:
    assert admin.get("/admin/devices/device/add/").status_code == 403


def test_the_page_offers_what_the_device_can_do_and_says_why_not(
    admin: Client, fleet: Fleet
) -> None:
    [channel] = fleet(is_supervised=False)
    page = admin.get(channel.enrollment.device.get_absolute_url())
    assert {each.title for each in page.context["possible"]} >= {"Lock", "Erase"}
    refused = {each.title: each.refused for each in page.context["impossible"]}
    assert refused["Restart"] == "needs a supervised device"


def test_who_may_not_destroy_is_not_offered_to(sign_in: SignIn, fleet: Fleet) -> None:
    [channel] = fleet()
    client = sign_in("devices.view_device", "commands.add_command")
    page = client.get(channel.enrollment.device.get_absolute_url())
    refused = {each.title: each.refused for each in page.context["impossible"]}
    assert refused["Erase"] == "your account may not order this"


def test_the_passcode_is_not_offered_to_be_cleared_without_a_token(
    admin: Client, fleet: Fleet
) -> None:
    [channel] = fleet()
    Secret.objects.all().delete()
    page = admin.get(channel.enrollment.device.get_absolute_url())
    refused = {each.title: each.refused for each in page.context["impossible"]}
    assert refused["Clear passcode"] == "the device handed over no unlock token"


def test_a_device_that_left_is_offered_nothing(admin: Client, fleet: Fleet) -> None:
    [channel] = fleet()
    channel.enrollment.end("checked out")
    page = admin.get(channel.enrollment.device.get_absolute_url()).content.decode()
    assert "It left management" in page
    assert "Send a command…" not in page


def test_asking_again_queues_the_questions(admin: Client, fleet: Fleet) -> None:
    device = fleet()[0].enrollment.device
    admin.post(reverse("admin:devices_device_ask", args=[device.pk]))
    asked = set(Delivery.objects.values_list("command__request_type", flat=True))
    assert {"DeviceInformation", "SecurityInfo"} <= asked


def test_a_push_is_asked_for_without_a_command(admin: Client, fleet: Fleet) -> None:
    [channel] = fleet()
    device = channel.enrollment.device
    admin.post(reverse("admin:devices_device_push", args=[device.pk]))
    channel.refresh_from_db()
    assert channel.push_at is not None
    assert not Delivery.objects.exists()


def test_a_dead_token_is_not_pushed_to_but_explained(
    admin: Client, fleet: Fleet
) -> None:
    [channel] = fleet()
    Channel.objects.update(push_dead=True)
    url = reverse("admin:devices_device_push", args=[channel.enrollment.device_id])
    page = admin.post(url, follow=True).content.decode()
    assert "Apple says its push token is dead" in page


def test_only_who_may_order_can_ask_or_push(sign_in: SignIn, fleet: Fleet) -> None:
    device = fleet()[0].enrollment.device
    client = sign_in("devices.view_device")
    for name in ("ask", "push"):
        url = reverse(f"admin:devices_device_{name}", args=[device.pk])
        assert client.post(url).status_code == 403
        assert client.get(url).status_code == 405


def test_an_owner_is_assigned_and_nothing_else_changed(
    admin: Client, fleet: Fleet
) -> None:
    device = fleet()[0].enrollment.device
    owner = User.objects.create_user("maria")
    url = reverse("admin:devices_device_owner", args=[device.pk])
    answer = admin.post(url, {"owner": owner.pk, "name": "Renamed"})
    assert answer.headers["Location"] == device.get_absolute_url()
    device.refresh_from_db()
    assert (device.owner, device.name) == (owner, "Device 0")
    assert AuditEntry.objects.filter(action="owner assigned").exists()


def test_deleting_says_what_goes_and_keeps_the_secrets(
    admin: Client, fleet: Fleet
) -> None:
    device = fleet()[0].enrollment.device
    url = reverse("admin:devices_device_delete", args=[device.pk])
    assert b"Deleting does not unenroll the device" in admin.get(url).content
    admin.post(url, {"post": "yes"})
    assert not Device.objects.exists()
    assert Secret.objects.count() == 1


def test_only_a_superuser_deletes(sign_in: SignIn, fleet: Fleet) -> None:
    device = fleet()[0].enrollment.device
    client = sign_in("devices.view_device", "devices.delete_device")
    url = reverse("admin:devices_device_delete", args=[device.pk])
    assert client.get(url).status_code == 403
