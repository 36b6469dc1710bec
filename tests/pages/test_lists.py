"""Lists: searching, filtering, sorting and choosing columns."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from devices.admin import base
from devices.admin.columns import COLUMNS
from devices.models import (
    Application,
    Channel,
    Device,
    Identity,
    InstalledApplication,
    InstalledCertificate,
    InstalledProfile,
    User,
)

from .conftest import Fleet, SignIn
from .test_devices import LIST, names
from .test_statements import statements

EVERYTHING = ",".join(COLUMNS)


@pytest.fixture
def known(fleet: Fleet) -> Device:
    """A device of which much is known, among others."""
    fleet(2)
    maria = User.objects.create_user(
        "mw", "maria@example.org", first_name="Maria", last_name="Örtli"
    )
    [channel] = fleet(
        1,
        name="Reception iPad",
        udid="00008120-001A2B3C4D5E6F70",
        enrollment_id="ENROLL-17",
        serial_number="C02XYZ123456",
        imei="35 123456 789012 3",
        meid="A1000012345678",
        wifi_mac="a4:83:e7:00:11:22",
        bluetooth_mac="A4:83:E7:00:11:33",
        ethernet_mac="A4:83:E7:00:11:44",
        phone_number="+49 170 1234567",
        asset_tag="ASSET-9",
        owner=maria,
    )
    Channel.objects.create(
        enrollment=channel.enrollment,
        user_id="ABCD",
        user_short_name="jdoe",
        user_long_name="Jane Doe",
    )
    return channel.enrollment.device


@pytest.mark.parametrize(
    "term",
    [
        *("Reception iPad", "reception", "ipad RECEPTION", '"reception ipad"'),
        *("C02XYZ123456", "c02xyz123456", "XYZ12"),
        *("00008120-001A2B3C4D5E6F70", "00008120-001a2b3c4d5e6f70", "ENROLL-17"),
        *("351234567890123", "35 123456 789012 3", "35-123456-789012-3", "5678901"),
        *("A1000012345678", "a10000123"),
        *("a483e7001122", "A4:83:E7:00:11:22", "A4-83-E7-00-11-22", "00:11:33"),
        *("a483e7001133", "A483E7001144", "a4:83:e7:00:11:44"),
        *("+491701234567", "+49 170 1234567", "+49 (170) 123-4567", "1701234567"),
        *("ASSET-9", "asset-9"),
        *("mw", "maria", "Maria Örtli", "örtli", "maria@example.org"),
        *("jdoe", "jane doe", "Doe Reception"),
    ],
)
def test_a_device_is_found_by_whatever_people_know_of_it(
    admin: Client, known: Device, term: str
) -> None:
    assert names(admin, q=term) == [known.name]


@pytest.mark.parametrize("term", ["reception nobody", "%", "a4:83:e7:00:11:99"])
def test_what_describes_no_device_finds_none(
    admin: Client, known: Device, term: str
) -> None:
    assert names(admin, q=term) == []


def test_a_person_with_several_words_is_one_device_once(
    admin: Client, known: Device
) -> None:
    for number in range(3):
        Channel.objects.create(
            enrollment=known.enrollments.get(),
            user_id=f"U{number}",
            user_short_name=f"jane{number}",
        )
    assert names(admin, q="jane") == [known.name]


def test_many_found_are_all_found(
    admin: Client, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devices.admin.search.FEW", 2)
    fleet(4)
    assert len(names(admin, q="device")) == 4
    assert len(names(admin, q="Device 1")) == 1


# --- Filters


@pytest.mark.parametrize(
    ("parameter", "column"),
    [
        ("supervised", "is_supervised"),
        ("encrypted", "is_encrypted"),
        ("passcode", "passcode_present"),
        ("firewall", "firewall_enabled"),
        ("lost_mode", "in_lost_mode"),
        ("activation_lock", "is_activation_locked"),
    ],
)
def test_what_is_told_or_not_is_a_filter(
    admin: Client, fleet: Fleet, parameter: str, column: str
) -> None:
    for value in (True, False, None):
        fleet(1, **{column: value})
    assert names(admin, **{parameter: "yes"}) == ["Device 0"]
    assert names(admin, **{parameter: "no"}) == ["Device 1"]
    assert names(admin, **{parameter: "unknown"}) == ["Device 2"]


def test_the_os_version_is_a_filter_even_of_a_version_not_seen_yet(
    admin: Client, fleet: Fleet
) -> None:
    fleet(1)
    names(admin)  # the versions that occur are remembered from now on
    fleet(1, os_version="18.1")
    assert names(admin, os_version="18.1") == ["Device 1"]
    url = f"{reverse(LIST)}?os_version=18.1&os_version=17.6"
    assert len(admin.get(url).context["cl"].result_list) == 2


def test_updates_ways_and_modes_are_filters(admin: Client, fleet: Fleet) -> None:
    fleet(1, update_available="18.1")
    stay = fleet(1)[0].enrollment
    stay.way, stay.mode = "Own devices", "user"
    stay.save()
    assert names(admin, update="available") == ["Device 0"]
    assert names(admin, way="Own devices") == ["Device 1"]
    assert names(admin, mode="user") == ["Device 1"]


def test_owners_are_a_filter(admin: Client, fleet: Fleet) -> None:
    maria = User.objects.create_user("maria")
    fleet(1, owner=maria)
    fleet(1)
    assert names(admin, owner__id__exact=str(maria.pk)) == ["Device 0"]
    assert names(admin, owner__isempty="1") == ["Device 1"]


def test_what_is_on_devices_is_a_filter(admin: Client, fleet: Fleet) -> None:
    one, two, three = (each.enrollment.device for each in fleet(3))
    for number, device in (("1.0", one), ("2.0", two)):
        application = Application.objects.create(
            digest=number, identifier="org.example.app", short_version=number
        )
        for user in ("", "U"):
            InstalledApplication.objects.create(
                device=device, user_id=user, application=application
            )
    InstalledProfile.objects.create(device=two, identifier="org.example.wifi")
    soon = timezone.now() + dt.timedelta(days=5)
    InstalledCertificate.objects.create(device=three, not_after=soon)
    assert names(admin, app="org.example.app") == ["Device 0", "Device 1"]
    assert names(admin, app="org.example.app:2.0") == ["Device 1"]
    assert names(admin, app="org.example") == []
    assert names(admin, profile="org.example.wifi") == ["Device 1"]
    assert names(admin, certificate="30") == ["Device 2"]
    assert names(admin, certificate="expired") == []


# --- Columns


def test_every_column_can_be_shown_and_sorted_by(admin: Client, fleet: Fleet) -> None:
    fleet(3)
    for number in range(1, len(COLUMNS) + 1):
        query = {"columns": EVERYTHING, "o": f"-{number}"}
        assert len(names(admin, **query)) == 3, list(COLUMNS)[number - 1]


def test_a_page_takes_few_statements_whatever_it_shows(
    admin: Client, fleet: Fleet
) -> None:
    fleet(30)
    url = f"{reverse(LIST)}?columns={EVERYTHING}"
    assert statements(admin, url) <= 12


def test_chosen_columns_are_kept_for_the_person_and_no_one_else(
    admin: Client, sign_in: SignIn, fleet: Fleet
) -> None:
    fleet()
    chosen = {"column": ["serial_number", "tags"], "query": "state=active"}
    answer = admin.post("/admin/devices/device/columns/", chosen)
    assert answer.headers["Location"] == f"{reverse(LIST)}?state=active"
    assert shown(admin) == ["title", "serial_number", "tags"]
    assert "tags" not in shown(sign_in("devices.view_device"))
    admin.post("/admin/devices/device/columns/", {"usual": "1"})
    assert "tags" not in shown(admin)


def test_the_address_says_which_columns_for_now(admin: Client, fleet: Fleet) -> None:
    fleet()
    assert shown(admin, columns="imei,title,nonsense") == ["title", "imei"]
    assert "imei" not in shown(admin)


def shown(client: Client, **query: str) -> list[str]:
    listing = client.get(reverse(LIST), query).context["cl"]
    return [each.__name__ for each in listing.list_display if callable(each)]


def test_columns_tell_of_the_stay_the_identity_and_the_users(
    admin: Client, known: Device
) -> None:
    stay = known.enrollments.get()
    now = timezone.now()
    Identity.objects.create(
        enrollment=stay,
        fingerprint="f",
        certificate=b"",
        not_before=now,
        not_after=dt.datetime(2027, 5, 1, tzinfo=dt.UTC),
    )
    query = {"q": "C02XYZ123456", "columns": "title,users,identity_expires,mode"}
    page = admin.get(reverse(LIST), query).content.decode()
    assert "1 May 2027" in page


def test_the_seen_last_are_sorted_with_those_that_left(
    admin: Client, fleet: Fleet
) -> None:
    now = timezone.now()
    for number, channel in enumerate(fleet(3)):
        channel.last_seen_at = now - dt.timedelta(hours=(5, 1, 3)[number])
        channel.save()
    Channel.objects.get(enrollment__device__name="Device 2").enrollment.end("left")
    assert names(admin, o="7") == ["Device 0", "Device 2", "Device 1"]
    assert names(admin, o="-7") == ["Device 1", "Device 2", "Device 0"]


def test_pages_do_not_repeat_devices_that_are_alike(
    admin: Client, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet(120, name="Alike")
    seen = [
        row.pk
        for page in ("1", "2", "3")
        for row in admin.get(reverse(LIST), {"p": page, "o": "3"})
        .context["cl"]
        .result_list
    ]
    assert len(seen) == len(set(seen)) == 120


# --- Long lists


def test_a_count_that_was_not_finished_says_so(
    admin: Client, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = fleet()[0].enrollment.device
    for number in range(4):
        InstalledProfile.objects.create(device=device, identifier=f"p{number}")
    url = reverse("admin:devices_installedprofile_changelist")
    assert "more than" not in admin.get(url).content.decode()
    monkeypatch.setattr(base, "COUNTED", 3)
    assert "more than 3" in admin.get(url).content.decode()


def test_applications_say_on_how_many_devices_they_are(
    admin: Client, fleet: Fleet
) -> None:
    url = reverse("admin:devices_application_changelist")
    admin.get(url)
    devices = [each.enrollment.device for each in fleet(3)]
    for number in range(3):
        application = Application.objects.create(
            digest=str(number), identifier=f"app{number}", short_version="1.0"
        )
        InstalledApplication.objects.bulk_create(
            InstalledApplication(device=each, user_id=user, application=application)
            for each in devices[: number + 1]
            for user in ("", "U")
        )
    few = statements(admin, url)
    listing = admin.get(url).context["cl"]
    assert {row.identifier: row.on for row in listing.result_list} == {
        "app0": 1,
        "app1": 2,
        "app2": 3,
    }
    page = admin.get(url).content.decode()
    assert "/admin/devices/device/?app=app1%3A1.0" in page
    assert few <= 8


def test_certificates_begin_with_what_expires_first(
    admin: Client, fleet: Fleet
) -> None:
    device = fleet()[0].enrollment.device
    for days in (30, -1, 5):
        InstalledCertificate.objects.create(
            device=device,
            common_name=f"in {days} days",
            not_after=timezone.now() + dt.timedelta(days=days),
        )
    url = reverse("admin:devices_installedcertificate_changelist")
    rows = admin.get(url).context["cl"].result_list
    assert [str(row) for row in rows] == ["in -1 days", "in 5 days", "in 30 days"]
    rows = admin.get(url, {"expires": "expired"}).context["cl"].result_list
    assert [str(row) for row in rows] == ["in -1 days"]


def test_what_devices_say_is_not_edited_by_people(admin: Client, fleet: Fleet) -> None:
    for name in ("application", "installedprofile", "installedcertificate"):
        assert admin.get(f"/admin/devices/{name}/add/").status_code == 403
