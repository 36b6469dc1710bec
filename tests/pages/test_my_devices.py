"""My devices: what an owner sees, and what they may have a device do."""

import uuid

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from commands.models import Command, Delivery, State
from devices.models import AuditEntry, Channel, Enrollment, Identity, User
from enrollment.models import Challenge, EnrollmentProfile

from .conftest import Fleet

HERE = "/enroll/devices/"


@pytest.fixture
def anna(db: None) -> User:
    cache.clear()
    return User.objects.create_user("anna", password="of this test")


@pytest.fixture
def annas(anna: User) -> Client:
    client = Client()
    client.force_login(anna)
    return client


@pytest.fixture
def way(db: None) -> EnrollmentProfile:
    return EnrollmentProfile.objects.create(name="Staff", code="staff")


def owned(
    fleet: Fleet, owner: User, way: EnrollmentProfile, **device: object
) -> Channel:
    """Return the channel of a device of this owner that came by this way."""
    [channel] = fleet(owner=owner, **device)
    now, name = timezone.now(), str(uuid.uuid4())
    stay = channel.enrollment
    identity = Identity.objects.create(
        enrollment=stay, fingerprint=name, not_before=now, not_after=now
    )
    Challenge.objects.create(way=way, digest=name, expires_at=now, identity=identity)
    Enrollment.objects.filter(pk=stay.pk).update(
        owner=owner, profile_identifier=way.profile_identifier
    )
    return channel


def url_of(channel: Channel, action: str) -> str:
    return reverse("my-device-action", args=[channel.enrollment.device_id, action])


def page(client: Client) -> str:
    return client.get(HERE).content.decode()


def test_who_is_not_signed_in_signs_in_first(client: Client, db: None) -> None:
    assert client.get(HERE)["Location"] == f"/accounts/login/?next={HERE}"


def test_a_person_sees_their_own_devices_and_no_others(
    annas: Client, anna: User, way: EnrollmentProfile, fleet: Fleet
) -> None:
    ben = User.objects.create_user("ben")
    owned(fleet, anna, way, name="Anna’s iPhone")
    owned(fleet, ben, way, name="Ben’s iPad")
    text = page(annas)
    assert "Anna’s iPhone" in text
    assert "Last seen" in text
    assert "Ben’s iPad" not in text


def test_who_has_none_is_told_how_to_get_one(annas: Client) -> None:
    assert "You have no devices here yet" in page(annas)


@pytest.mark.parametrize("action", ["lock", "lost", "found", "remove"])
def test_nobody_reaches_the_device_of_somebody_else(
    annas: Client, way: EnrollmentProfile, fleet: Fleet, action: str
) -> None:
    channel = owned(fleet, User.objects.create_user("ben"), way)
    assert annas.get(url_of(channel, action)).status_code == 404
    assert annas.post(url_of(channel, action)).status_code == 404
    assert not Command.objects.exists()


def test_a_lost_phone_is_locked_with_a_message(
    annas: Client, anna: User, way: EnrollmentProfile, fleet: Fleet
) -> None:
    channel = owned(fleet, anna, way)
    assert "Nothing is deleted" in annas.get(url_of(channel, "lock")).content.decode()
    assert not Command.objects.exists()
    given = {"Message": "Bring me back", "PhoneNumber": ""}
    answer = annas.post(url_of(channel, "lock"), given, follow=True)
    command = Command.objects.get()
    assert command.request_type == "DeviceLock"
    assert command.keys == {"Message": "Bring me back"}
    assert command.ordered_by == anna
    assert AuditEntry.objects.get().action == "ordered DeviceLock"
    assert "waiting for the device" in answer.content.decode()
    Delivery.objects.update(state=State.ACKNOWLEDGED)
    assert "Lock: done" in page(annas)


def test_a_mac_is_locked_with_six_digits(
    annas: Client, anna: User, way: EnrollmentProfile, fleet: Fleet
) -> None:
    channel = owned(fleet, anna, way, platform="macOS", os_version="14.5")
    answer = annas.post(url_of(channel, "lock"), {"PIN": "12345x"})
    assert "Six digits" in answer.content.decode()
    assert not Command.objects.exists()
    annas.post(url_of(channel, "lock"), {"PIN": "123456"})
    assert Command.objects.get().keys == {"PIN": "123456"}
    assert "123456" not in str(list(AuditEntry.objects.values()))


def test_a_way_can_forbid_it(
    annas: Client, anna: User, way: EnrollmentProfile, fleet: Fleet
) -> None:
    channel = owned(fleet, anna, way)
    EnrollmentProfile.objects.update(owner_may_lock=False, owner_may_remove=False)
    text = page(annas)
    for action in ("lock", "lost", "remove"):
        assert url_of(channel, action) not in text
        annas.post(url_of(channel, action), {"Message": "x"})
    assert not Command.objects.exists()


def test_what_the_device_gave_no_right_to_is_not_offered(
    annas: Client, anna: User, way: EnrollmentProfile, fleet: Fleet
) -> None:
    channel = owned(fleet, anna, way)
    Enrollment.objects.update(access_rights=8191 - 4)
    assert url_of(channel, "lock") not in page(annas)


def test_lost_mode_is_for_supervised_devices_and_can_be_ended(
    annas: Client, anna: User, way: EnrollmentProfile, fleet: Fleet
) -> None:
    plain = owned(fleet, anna, way, is_supervised=None)
    channel = owned(fleet, anna, way)
    text = page(annas)
    assert url_of(plain, "lost") not in text
    assert url_of(channel, "lost") in text
    assert url_of(channel, "found") not in text
    answer = annas.post(url_of(channel, "lost"), {"Message": "", "PhoneNumber": ""})
    assert "Say at least one" in answer.content.decode()
    annas.post(url_of(channel, "lost"), {"Message": "Lost", "PhoneNumber": "555"})
    assert Command.objects.get().request_type == "EnableLostMode"
    assert url_of(channel, "lost") not in page(annas)
    annas.post(url_of(channel, "found"))
    newest = Command.objects.order_by("-pk")[0]
    assert newest.request_type == "DisableLostMode"


def test_a_device_is_removed_once_that_is_confirmed(
    annas: Client, anna: User, way: EnrollmentProfile, fleet: Fleet
) -> None:
    channel = owned(fleet, anna, way)
    Enrollment.objects.update(access_rights=1)  # a server may remove its own, ever
    asked = annas.get(url_of(channel, "remove")).content.decode()
    assert "came from work" in asked
    assert "with their data" in asked
    assert not Command.objects.exists()
    annas.post(url_of(channel, "remove"))
    command = Command.objects.get()
    assert command.request_type == "RemoveProfile"
    assert command.keys == {"Identifier": way.profile_identifier}
    assert command.deliveries.get().channel == channel
    assert AuditEntry.objects.get().action == "ordered RemoveProfile"


def test_an_order_needs_the_forms_token(
    anna: User, way: EnrollmentProfile, fleet: Fleet
) -> None:
    channel = owned(fleet, anna, way)
    client = Client(enforce_csrf_checks=True)
    client.force_login(anna)
    assert client.post(url_of(channel, "remove")).status_code == 403
    assert not Command.objects.exists()


def test_a_device_that_left_is_listed_without_actions(
    annas: Client, anna: User, way: EnrollmentProfile, fleet: Fleet
) -> None:
    channel = owned(fleet, anna, way)
    channel.enrollment.end("checked out")
    assert "No longer enrolled" in page(annas)
    annas.post(url_of(channel, "lock"), {"Message": "x"})
    assert not Command.objects.exists()


def test_a_stay_that_somebody_else_claims_is_not_shown_to_the_owner(
    annas: Client, anna: User, way: EnrollmentProfile, fleet: Fleet
) -> None:
    channel = owned(fleet, anna, way)
    Enrollment.objects.create(
        device=channel.enrollment.device,
        state="held",
        owner=User.objects.create_user("ben"),
        topic="t",
    )
    assert ">enrolled<" in page(annas)


def test_the_page_costs_no_more_with_more_devices(
    annas: Client, anna: User, way: EnrollmentProfile, fleet: Fleet
) -> None:
    counts = []
    for _ in range(2):
        for _ in range(3):
            owned(fleet, anna, way)
        with CaptureQueriesContext(connection) as queries:
            page(annas)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 7
