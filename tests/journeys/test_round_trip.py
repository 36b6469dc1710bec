"""Every command of the catalogue goes to a device and back, with all of its keys."""

from collections.abc import Iterator

import pytest

from mdmportal.catalogue import commands
from mdmportal.simulator.courier import Courier

from ..portal import Portal
from .trips import CELLULAR, NOT_SAID, Journey, Travel


@pytest.fixture(scope="module")
def journey(portal: Portal) -> Iterator[Journey]:
    courier = Courier(*portal.courier)
    try:
        yield Travel(portal, courier).go()
    finally:
        courier.close()


@pytest.mark.parametrize("request_type", list(commands()))
def test_a_command_is_there_and_back(journey: Journey, request_type: str) -> None:
    trips = journey.of(request_type)
    assert trips, [why for why in journey.refused if why.startswith(request_type)]
    for trip in trips:
        assert trip.executed
        report = trip.executed.report
        assert trip.executed.status == "Acknowledged", f"{trip}: {report}"
        assert trip.executed.oddities == (), str(trip)
        assert trip.state == "acknowledged", str(trip)
        assert trip.is_read, str(trip)
        assert trip.problem == "", str(trip)


@pytest.mark.parametrize("request_type", list(commands()))
def test_a_command_is_sent_with_every_key_there_is(
    journey: Journey, request_type: str
) -> None:
    known, used = (
        each.get(request_type, set()) for each in (journey.known, journey.used)
    )
    unsaid = {one.removeprefix(f"{request_type}.") for one in NOT_SAID}
    assert known - used - unsaid == set()


def test_the_portal_sends_all_that_a_device_can_take(journey: Journey) -> None:
    assert journey.refused == []


def test_each_setting_was_made(journey: Journey) -> None:
    items = {
        (item["Item"], outcome["Status"])
        for trip in journey.of("Settings")
        if trip.executed
        for item, outcome in zip(
            trip.executed.request["Settings"],
            trip.executed.report["Settings"],
            strict=True,
        )
    }
    assert {status for _, status in items} == {"Acknowledged"}
    assert set(CELLULAR) <= {name for name, _ in items}


def test_what_is_erased_with_a_profile_returns_to_service(journey: Journey) -> None:
    back = {one.hardware.platform for one in journey.devices if one.enrolled}
    assert back == {"iOS", "tvOS"}
    assert {problem for one in journey.devices for problem in one.oddities} == set()
