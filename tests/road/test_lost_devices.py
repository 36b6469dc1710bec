"""Lost devices: Lost Mode by what was done, and the places that they tell."""

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from commands import forgetting, queue, results
from commands.models import Delivery, Result, State
from devices.models import Change, Channel, Device, Location
from mdmportal.simulator.device import SimulatedDevice

from .answering import enrolled, said, say
from .conftest import channel

pytestmark = pytest.mark.django_db

PLACE = {
    "Latitude": 52.5163,
    "Longitude": 13.3777,
    "HorizontalAccuracy": 12.5,
    "VerticalAccuracy": 3.0,
    "Altitude": -4.0,
    "Speed": 1.5,
    "Course": 270.0,
    "Timestamp": "2026-11-26T03:00:00Z",
}
INFORMATION = "DeviceInformation"


@pytest.fixture
def lost() -> Channel:
    return enrolled(is_supervised=True, in_lost_mode=True)


def device_of(channel: Channel) -> Device:
    return Device.objects.get(pk=channel.enrollment.device_id)


def locate(channel: Channel, **keys: Any) -> Result:
    result = said(channel, "DeviceLocation", {**PLACE, **keys})
    results.read_waiting()
    result.refresh_from_db()
    return result


def test_lost_mode_is_on_as_soon_as_the_device_says_so_and_it_is_asked_where() -> None:
    channel = enrolled(is_supervised=True)
    say(channel, "EnableLostMode", {})
    assert device_of(channel).in_lost_mode is True
    asked = channel.deliveries.get(state=State.QUEUED)
    assert asked.command.request_type == "DeviceLocation"
    assert asked.priority == 0


def test_it_is_located_in_the_session_in_which_it_goes_into_lost_mode(
    iphone: SimulatedDevice,
) -> None:
    """Its answer is not read yet when the next command is picked."""
    iphone.supervised = True
    facts = {"is_supervised": True, "in_lost_mode": False}
    Device.objects.update(**facts)
    own = channel(iphone)
    queue.enqueue([own.pk], "EnableLostMode", {"Message": "Please bring it back"})
    queue.enqueue([own.pk], "DeviceLocation")
    iphone.session()
    results.read_waiting()
    states = own.deliveries.filter(command__request_type="DeviceLocation")
    assert State.REFUSED not in states.values_list("state", flat=True)
    assert Location.objects.exists()


def test_lost_mode_is_off_as_soon_as_the_device_says_so(lost: Channel) -> None:
    say(lost, "DisableLostMode", {})
    assert device_of(lost).in_lost_mode is False
    told = Change.objects.get(name="Lost Mode")
    assert (told.before, told.after) == ("on", "off")


def test_that_it_ended_otherwise_is_learned_and_told_once(lost: Channel) -> None:
    for is_on in (True, False, False):
        say(lost, INFORMATION, {"QueryResponses": {"IsMDMLostModeEnabled": is_on}})
    assert device_of(lost).in_lost_mode is False
    assert Change.objects.get().name == "Lost Mode"


def test_never_having_been_lost_is_no_news() -> None:
    channel = enrolled(is_supervised=True)
    say(channel, INFORMATION, {"QueryResponses": {"IsMDMLostModeEnabled": False}})
    assert device_of(channel).in_lost_mode is False
    assert not Change.objects.exists()


@pytest.mark.parametrize("state", [State.CANCELLED, State.EXPIRED])
def test_an_answer_that_comes_too_late_says_that_it_is_lost_all_the_same(
    state: str,
) -> None:
    channel = enrolled(is_supervised=True)
    said(channel, "EnableLostMode", {}, state=state)
    results.read_waiting()
    assert device_of(channel).in_lost_mode is True


def test_a_refusal_changes_nothing() -> None:
    channel = enrolled(is_supervised=True)
    result = said(channel, "EnableLostMode", {}, state=State.FAILED)
    results.read_waiting()
    assert device_of(channel).in_lost_mode is None
    result.refresh_from_db()
    assert result.problem == ""


def test_a_place_is_kept_with_all_that_was_measured(lost: Channel) -> None:
    locate(lost)
    place = Location.objects.get()
    assert (place.latitude, place.longitude) == (52.5163, 13.3777)
    assert (place.horizontal_accuracy, place.altitude) == (12.5, -4.0)
    assert (place.speed, place.course) == (1.5, 270.0)
    assert place.taken_at == dt.datetime(2026, 11, 26, 3, tzinfo=dt.UTC)
    assert place.device_id == lost.enrollment.device_id


def test_an_answer_that_is_read_twice_is_one_place(lost: Channel) -> None:
    result = locate(lost)
    Result.objects.filter(pk=result.pk).update(read_at=None, tries=0)
    results.read_waiting()
    assert Location.objects.count() == 1


def test_negative_measures_are_unknown(lost: Channel) -> None:
    unknown = ("HorizontalAccuracy", "VerticalAccuracy", "Speed", "Course")
    locate(lost, **dict.fromkeys(unknown, -1.0))
    place = Location.objects.get()
    measured = (place.horizontal_accuracy, place.vertical_accuracy, place.altitude)
    assert (*measured, place.speed, place.course) == (None,) * 5


@pytest.mark.parametrize(
    "moment",
    [None, "", "yesterday", 7, "2099-01-01T00:00:00Z", "1970-01-01T00:00:00Z"],
)
def test_a_clock_that_cannot_be_right_counts_as_now(
    lost: Channel, moment: object
) -> None:
    keys = dict(PLACE)
    del keys["Timestamp"]
    if moment is not None:
        keys["Timestamp"] = moment
    say(lost, "DeviceLocation", keys)
    place = Location.objects.get()
    assert place.taken_at == place.received_at


@pytest.mark.parametrize(
    "keys",
    [
        {"Latitude": 91.0},
        {"Longitude": -180.5},
        {"Latitude": float("nan")},
        {"Longitude": float("inf")},
        {"Latitude": "north"},
        {"Latitude": True},
        {"Latitude": [1.0]},
    ],
)
def test_a_place_on_no_map_is_none_and_holds_no_one_up(
    lost: Channel, keys: dict[str, Any]
) -> None:
    result = locate(lost, **keys)
    assert not Location.objects.exists()
    assert "degrees" in result.problem
    locate(lost)
    assert Location.objects.count() == 1


def test_places_are_forgotten_with_the_answers_that_told_them(
    lost: Channel, settings: Any
) -> None:
    settings.LOCATION_DAYS = 7
    old, new = locate(lost, Timestamp=""), locate(lost, Timestamp="")
    age = timezone.now() - dt.timedelta(days=8)
    Result.objects.filter(pk=old.pk).update(received_at=age)
    Location.objects.filter(delivery_uuid=old.delivery.uuid).update(taken_at=age)
    assert forgetting.locations() == 1
    assert Location.objects.get().delivery_uuid == new.delivery.uuid
    assert list(Result.objects.values_list("pk", flat=True)) == [new.pk]
    assert Delivery.objects.filter(pk=old.delivery_id).exists()
    assert forgetting.locations() == 0
