"""Devices that go away by a command, and come back, or do not."""

import functools
import threading
from collections.abc import Iterator

import pytest

from mdmportal.protocol import plist
from mdmportal.simulator import absence
from mdmportal.simulator.absence import Returns
from mdmportal.simulator.device import SimulatedDevice
from mdmportal.simulator.hardware import IPHONE, MAC, MACBOOK_PRO_INTEL, Hardware
from mdmportal.simulator.identity import KeyPool
from mdmportal.simulator.transport import HTTPTransport

from .small_server import SmallServer, running
from .test_answers import configuration
from .test_fleet import fleet_of, run_until, until

PIN = "123456"
KEYS = KeyPool(2)


@pytest.fixture(scope="module")
def the_server() -> Iterator[SmallServer]:
    with running() as server:
        yield server


@pytest.fixture
def server(the_server: SmallServer) -> SmallServer:
    the_server.commands.clear()
    return the_server


@functools.cache
def network() -> HTTPTransport:
    return HTTPTransport()


def enrolled(server: SmallServer, hardware: Hardware) -> SimulatedDevice:
    device = SimulatedDevice(hardware, network(), supervised=True, make_key=KEYS)
    device.install(server.profile())
    return device


def done(device: SimulatedDevice) -> list[tuple[str, str]]:
    return [(one.request_type, one.status) for one in device.session()]


def test_a_device_that_restarts_does_not_get_to_the_next_command(
    server: SmallServer,
) -> None:
    phone = enrolled(server, IPHONE)
    server.order("RestartDevice")
    server.order("ProfileList")  # the answer to the report has it, and nobody reads it
    assert done(phone) == [("RestartDevice", "Acknowledged")]
    assert phone.is_away
    server.order("ProfileList")
    assert done(phone) == [("ProfileList", "Acknowledged")]


def test_a_device_that_is_off_hears_the_last_push_when_it_is_switched_on(
    server: SmallServer,
) -> None:
    phone = enrolled(server, IPHONE)
    server.order("ShutDownDevice")
    assert done(phone) == [("ShutDownDevice", "Acknowledged")]
    phone.take_push(phone.kept.push_magic)
    assert not phone.pushed.is_set()
    server.order("ProfileList")
    assert done(phone) == []
    phone.switch_on()
    assert phone.pushed.is_set()
    assert done(phone) == [("ProfileList", "Acknowledged")]


def test_a_locked_mac_comes_back_only_with_the_pin(server: SmallServer) -> None:
    mac = enrolled(server, MAC)
    ada = mac.log_in("ada")
    server.order("DeviceLock", PIN=PIN, Message="Bring me back")
    assert done(mac) == [("DeviceLock", "Acknowledged")]
    server.order("ProfileList")
    mac.switch_on()
    assert done(mac) == []
    assert ada.session() == []
    with pytest.raises(ValueError, match="PIN is wrong"):
        mac.unlock("654321")
    mac.unlock(PIN)
    assert done(mac) == [("ProfileList", "Acknowledged")]
    with pytest.raises(ValueError, match="not locked"):
        mac.unlock(PIN)


def test_a_locked_phone_goes_on_speaking(server: SmallServer) -> None:
    phone = enrolled(server, IPHONE)
    server.order("DeviceLock", Message="Bring me back")
    server.order("ProfileList")
    assert [name for name, _ in done(phone)] == ["DeviceLock", "ProfileList"]
    assert phone.state.locked_with == {"Message": "Bring me back"}


def test_a_firmware_password_is_pending_until_the_mac_restarts(
    server: SmallServer,
) -> None:
    mac = enrolled(server, MACBOOK_PRO_INTEL)
    server.order("SetFirmwarePassword", NewPassword="secret", AllowOroms=True)
    server.order("SecurityInfo")
    server.order("RestartDevice")
    told = [one.report for one in mac.session()][1]["SecurityInfo"]
    status = {"PasswordExists": True, "AllowOroms": True}
    assert told["FirmwarePasswordStatus"] == {**status, "ChangePending": True}
    server.order("SecurityInfo")
    (after,) = mac.session()
    told = after.report["SecurityInfo"]
    assert told["FirmwarePasswordStatus"] == {**status, "ChangePending": False}


# Erasing


def test_a_device_returns_to_service_by_itself(server: SmallServer) -> None:
    phone = enrolled(server, IPHONE)
    before = phone.stay.identity.certificate
    wifi = configuration(identifier="com.example.wifi")
    service = {
        "Enabled": True,
        "WiFiProfileData": wifi,
        "MDMProfileData": server.profile(),
    }
    server.order("EraseDevice", ReturnToService=service)
    server.order("ProfileList")  # for the stay that is over
    assert done(phone) == [("EraseDevice", "Acknowledged")]
    assert phone.enrolled
    assert phone.stay.identity.certificate != before
    assert server.messages[-2]["MessageType"] == "Authenticate"
    assert "com.example.wifi" in phone.state.profiles
    server.order("DeviceInformation", Queries=["OSVersion"])
    assert done(phone) == [("DeviceInformation", "Acknowledged")]


@pytest.mark.parametrize(
    "profile", [b"nothing", configuration()], ids=["no profile", "none that enrolls"]
)
def test_without_a_profile_that_enrolls_nothing_is_erased(
    server: SmallServer, profile: bytes
) -> None:
    phone = enrolled(server, IPHONE)
    service = {"Enabled": True, "MDMProfileData": profile}
    server.order("EraseDevice", ReturnToService=service)
    assert done(phone) == [("EraseDevice", "Error")]
    assert phone.enrolled


def test_a_device_that_cannot_return_says_so_to_who_simulates_it(
    server: SmallServer,
) -> None:
    phone = enrolled(server, IPHONE)
    elsewhere = server.profile(checkin_url="http://127.0.0.1:9/checkin")
    service = {"Enabled": True, "MDMProfileData": elsewhere}
    server.order("EraseDevice", ReturnToService=service)
    assert done(phone) == [("EraseDevice", "Acknowledged")]
    assert not phone.enrolled
    assert "did not return to service" in phone.oddities[-1]


def test_a_mac_that_cannot_erase_its_content_alone_loses_its_system(
    server: SmallServer,
) -> None:
    mac = enrolled(server, MACBOOK_PRO_INTEL)
    server.order("EraseDevice", PIN=PIN, ObliterationBehavior="DoNotObliterate")
    server.order("EraseDevice", PIN=PIN)
    assert [status for _, status in done(mac)] == ["Error", "Acknowledged"]
    assert mac.is_away
    mac.install(server.profile())  # by somebody who installed a system first
    assert not mac.is_away


# In a fleet


def test_somebody_switches_on_what_a_fleet_has_of_devices(
    server: SmallServer,
) -> None:
    ours = fleet_of(server, 1, [])
    ours.returns = Returns({absence.Absence.OFF: 0.05})
    ours.enroll()
    server.order("ShutDownDevice")
    server.order("ProfileList")  # lost in the shutdown
    server.order("ProfileList")
    back = threading.Event()
    ours.out = until(back, "ProfileList")
    run_until(ours, back)
    assert ours.counts.commands == 2


def test_what_a_server_should_not_have_sent_is_counted(server: SmallServer) -> None:
    ours = fleet_of(server, 1, [])
    ours.enroll()
    server.order("ProfileList", Surprise=1)
    told = threading.Event()
    ours.out = until(told, "Surprise")
    run_until(ours, told)
    assert "(0 with an error, 1 odd)" in str(ours.counts)


def test_who_is_to_stay_away_does_not_come_back(server: SmallServer) -> None:
    mac = enrolled(server, MAC)
    returns = Returns()
    assert returns.wait(mac) == 0
    absence.begin(mac, absence.Absence.OBLITERATED)
    assert returns.wait(mac) == float("inf")
    assert plist.dumps(mac.state.to_plist())
