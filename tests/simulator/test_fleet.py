"""A fleet: many devices enroll and obey, and none stops another."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mdmportal.simulator import fleet
from mdmportal.simulator.account import EVERY, Account
from mdmportal.simulator.apns import run_in_thread
from mdmportal.simulator.apple import SimulatedApple
from mdmportal.simulator.courier import Courier
from mdmportal.simulator.errors import ProfileRefused, ServerRefused
from mdmportal.simulator.factory import Factory
from mdmportal.simulator.fleet import Fleet
from mdmportal.simulator.hardware import IPHONE, MAC
from mdmportal.simulator.timetable import Timetable
from mdmportal.simulator.transport import Unreachable
from mdmportal.simulator.trouble import advice

from . import small_portal
from .small_server import SmallServer, running


@pytest.fixture
def server() -> Iterator[SmallServer]:
    with running() as server:
        yield server


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet, "pause", lambda attempt: 0.01)


def fleet_of(
    server: SmallServer, count: int, lines: list[str], **options: object
) -> Fleet:
    settings: dict[str, object] = {
        "mix": (IPHONE,),
        "key_pool": 2,
        "workers": 4,
        "poll": 0.05,
        "out": lines.append,
    }
    return Fleet(f"{server.url}/profile", count, **settings | options)  # type: ignore[arg-type]


def until(done: threading.Event, what: str) -> Callable[[str], None]:
    """Return a way to print that sets ``done`` once a line has ``what`` in it."""

    def out(line: str) -> None:
        if what in line:
            done.set()

    return out


def run_until(running_fleet: Fleet, done: threading.Event) -> None:
    """Run the fleet until ``done``, or for as long as no test should take."""
    thread = threading.Thread(target=running_fleet.run, args=(30,))
    thread.start()
    done.wait(30)
    running_fleet.stop()
    thread.join()
    assert done.is_set()


def test_each_device_gets_a_profile_and_an_identity_of_its_own(
    server: SmallServer,
) -> None:
    lines: list[str] = []
    ours = fleet_of(server, 5, lines)
    assert ours.enroll() == 5
    assert len({request.challenge for request in server.requests}) == 5
    assert len({device.unit.udid for device in ours.devices}) == 5
    assert len({device.stay.identity.certificate for device in ours.devices}) == 5
    assert len(lines) == 5


def test_two_people_log_in_to_each_mac(server: SmallServer) -> None:
    ours = fleet_of(server, 1, [], mix=(MAC,))
    ours.enroll()
    users = [one for one in server.messages if "UserShortName" in one]
    assert [one["UserShortName"] for one in users] == ["ada", "alan"]


def test_devices_that_poll_answer_commands(server: SmallServer) -> None:
    lines: list[str] = []
    ours = fleet_of(server, 2, lines)
    ours.enroll()
    for _ in range(3):
        server.order("ProfileList")
    server.order("MakeCoffee")
    done = threading.Event()
    ours.out = until(done, "MakeCoffee")
    run_until(ours, done)
    assert ours.counts.commands == 4
    assert ours.counts.errors == 1
    assert ours.counts.troubles == 0


def test_a_pushed_device_connects_and_the_others_sleep(
    server: SmallServer, tmp_path: Path
) -> None:
    with run_in_thread(SimulatedApple(tmp_path)) as apns:
        courier = Courier("127.0.0.1", apns.courier_port)
        ours = fleet_of(server, 3, [], courier=courier)
        ours.enroll()
        done = threading.Event()
        ours.out = until(done, "ProfileList")
        server.order("ProfileList")
        device = ours.devices[1]
        device.take_push(device.state.push_magic)
        run_until(ours, done)
        courier.close()
    assert {report["UDID"] for report in server.reports} == {device.unit.udid}


def test_a_busy_server_is_asked_again(server: SmallServer) -> None:
    lines: list[str] = []
    server.statuses = {"profile": (503, b""), "Authenticate": (502, b"")}
    ours = fleet_of(server, 1, lines)
    assert ours.enroll() == 1
    assert ours.counts.retries == 2
    assert ours.counts.troubles == 0


def test_a_device_in_trouble_says_what_to_do_and_stops_no_other(
    server: SmallServer,
) -> None:
    lines: list[str] = []
    server.statuses = {"profile": (404, b"")}
    ours = fleet_of(server, 3, lines)
    assert ours.enroll() == 2
    assert ours.counts.troubles == 1
    assert any("There is no such way in" in line for line in lines)


def test_an_erased_device_has_left(server: SmallServer) -> None:
    ours = fleet_of(server, 1, [])
    ours.enroll()
    server.order("EraseDevice")
    done = threading.Event()
    ours.out = until(done, "no longer managed")
    run_until(ours, done)
    assert (ours.counts.enrolled, ours.counts.left) == (0, 1)


def test_a_fleet_comes_back_from_its_folder_without_enrolling_again(
    server: SmallServer, tmp_path: Path
) -> None:
    first = fleet_of(server, 3, [], folder=tmp_path / "fleet")
    first.enroll()
    again = fleet_of(server, 4, [], folder=tmp_path / "fleet")
    assert again.enroll() == 4
    assert len(server.requests) == 4
    assert {device.unit for device in first.devices} < {
        device.unit for device in again.devices
    }


def test_the_command_ends_with_0_if_all_went_well(
    server: SmallServer, tmp_path: Path
) -> None:
    lines: list[str] = []
    status = fleet.run(
        profile_url=f"{server.url}/profile",
        count=2,
        folder=str(tmp_path),
        seconds=0,
        key_pool=1,
        out=lines.append,
    )
    assert status == 0
    assert lines[-1].startswith("2 enrolled")
    server.statuses = {"profile": (404, b"")}
    url = f"{server.url}/profile"
    assert fleet.run(profile_url=url, count=1, seconds=0, key_pool=1, out=str) == 1


def test_every_error_has_an_advice() -> None:
    url = "http://127.0.0.1/enroll/x/profile"
    errors = [
        Unreachable(),
        ProfileRefused(),
        *(ServerRefused(url, status) for status in (403, 404, 500)),
        RuntimeError(),
    ]
    assert len({advice(error, url) for error in errors}) == len(errors)


def test_a_timetable_gives_each_thing_once_when_it_is_due() -> None:
    timetable: Timetable[str] = Timetable()
    timetable.put("late", 60)
    timetable.put("twice", 60)
    timetable.put("twice")
    timetable.put("twice", 60)
    assert timetable.take(1) == "twice"
    assert timetable.take(0) is None


def test_one_of_several_comes_in_by_account_and_its_person_signs_in_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "AGAIN_AFTER", 0.01)
    with small_portal.running() as portal:
        account = Account("ada@example.com", "lovelace", portal.url)
        factory = Factory(tmp_path)
        others = fleet_of(portal, EVERY - 1, [], account=account, factory=factory)
        assert others.enroll() == EVERY - 1
        assert not any(device.account for device in others.devices)
        portal.offers_account()
        ours = fleet_of(
            portal, 1, [], account=account, factory=factory, first=EVERY - 1
        )
        assert ours.enroll() == 1
        assert ours.devices[0].account is not None
        done = threading.Event()
        ours.out = until(done, "has signed in again")
        portal.order("ProfileList")
        portal.next_bearer = "second"
        run_until(ours, done)
        assert ours.counts.troubles == 0
