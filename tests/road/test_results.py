"""Answers become what we know of a device."""

import plistlib
from typing import Any

import pytest
from django.db import OperationalError

from commands import queue, results
from commands.models import Result, State
from commands.results import kept
from devices.models import Channel, Device, Inventory, Secret
from enrollment import profiles
from enrollment.models import EnrollmentProfile
from mdmportal.protocol import plist
from mdmportal.simulator.device import SimulatedDevice
from mdmportal.simulator.errors import ServerRefused

from ..captures import capture
from .conftest import channel, row

pytestmark = pytest.mark.django_db


def answer(device: SimulatedDevice, request_type: str, **keys: Any) -> Result:
    """Have the device answer so, and have that read."""
    command = queue.enqueue([channel(device).pk], request_type)
    device.connect("Acknowledged", to=device.connect(), **keys)
    results.read_waiting()
    return command.deliveries.get().result


def captured(name: str) -> dict[str, Any]:
    """Return the answer in a capture, without its envelope."""
    keys = plist.loads(capture(f"results/{name}.plist"))
    for name in ("Status", "CommandUUID", "UDID", "UserID"):
        keys.pop(name, None)
    return keys


def test_an_enrolled_device_is_known_by_its_first_answers(
    iphone: SimulatedDevice,
) -> None:
    results.read_waiting()
    device = row(iphone)
    assert device.name == iphone.state.name
    assert device.os_version == "18.1"
    assert device.imei
    assert device.capacity == 128.0
    assert device.inventory_at is not None
    kept = set(device.inventory.values_list("request_type", flat=True))
    assert kept >= {"DeviceInformation", "SecurityInfo", "InstalledApplicationList"}
    assert not Result.objects.exclude(problem="").exists()


def test_every_raw_answer_is_kept(iphone: SimulatedDevice) -> None:
    for result in Result.objects.select_related("delivery"):
        assert plist.loads(result.body)["CommandUUID"] == result.delivery.uuid


@pytest.mark.parametrize(
    ("name", "request_type"),
    [
        ("deviceinformation-ios-11.3.1", "DeviceInformation"),
        ("macos-13-device-information-answer", "DeviceInformation"),
        ("securityinfo-ios-11.3.1", "SecurityInfo"),
        ("securityinfo-macos-10.13.1", "SecurityInfo"),
        ("macos-13-security-info-answer", "SecurityInfo"),
        ("profilelist-ios-11.3.1", "ProfileList"),
        ("macos-13-profile-list-answer", "ProfileList"),
        ("installedapplicationlist-ios-12.1", "InstalledApplicationList"),
        ("macos-13-installed-application-list-answer", "InstalledApplicationList"),
        ("managedapplicationlist-ios-12.1-installing", "ManagedApplicationList"),
        ("managedapplicationlist-ios-12.1-rejectedprompting", "ManagedApplicationList"),
        ("certificatelist-ios-11.3.1", "CertificateList"),
    ],
)
def test_every_captured_answer_is_read(
    iphone: SimulatedDevice, name: str, request_type: str
) -> None:
    Inventory.objects.all().delete()
    result = answer(iphone, request_type, **captured(name))
    result.refresh_from_db()
    assert result.problem == ""
    kept = Inventory.objects.get(request_type=request_type)
    assert kept.answer


@pytest.mark.parametrize(
    "name", ["devicelock-ios-11.3.1", "installapplication-ios-12.1-prompting"]
)
def test_other_captured_answers_are_kept(iphone: SimulatedDevice, name: str) -> None:
    result = answer(iphone, "DeviceLock", **captured(name))
    assert result.problem == ""


def test_an_absent_key_erases_nothing(iphone: SimulatedDevice) -> None:
    results.read_waiting()
    before = row(iphone)
    answer(iphone, "DeviceInformation", QueryResponses={"DeviceName": "Renamed"})
    after = row(iphone)
    assert after.name == "Renamed"
    assert (after.imei, after.os_version) == (before.imei, before.os_version)


def test_an_old_mac_says_1_for_true(mac: SimulatedDevice) -> None:
    answer(mac, "DeviceInformation", QueryResponses={"IsSupervised": 1})
    assert row(mac).is_supervised is True


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"QueryResponses": "text"},
        {"QueryResponses": {"DeviceName": ["x"] * 100, "DeviceCapacity": "much"}},
        {"QueryResponses": {"DeviceName": "n" * 3000}},
    ],
)
def test_an_answer_that_makes_no_sense_holds_no_one_up(
    iphone: SimulatedDevice, keys: dict[str, Any]
) -> None:
    answer(iphone, "DeviceInformation", **keys)
    answer(iphone, "DeviceInformation", QueryResponses={"DeviceName": "After"})
    assert row(iphone).name == "After"
    assert not Result.objects.filter(read_at=None).exists()


def test_nul_characters_do_not_reach_the_database(iphone: SimulatedDevice) -> None:
    command = queue.enqueue([channel(iphone).pk], "DeviceInformation")
    sent = iphone.connect()
    assert sent is not None
    body = plistlib.dumps(
        {
            "Status": "Acknowledged",
            "CommandUUID": sent["CommandUUID"],
            "QueryResponses": {"DeviceName": "a\0b", "x\0": ["\0"]},
            **iphone.who(),
        },
        fmt=plistlib.FMT_BINARY,
    )
    assert command.deliveries.get().state == State.SENT
    Result.objects.create(delivery=command.deliveries.get(), body=body)
    command.deliveries.update(state=State.ACKNOWLEDGED)
    results.read_waiting()
    assert row(iphone).name == "ab"


def test_the_answer_of_a_user_is_not_the_devices(mac: SimulatedDevice) -> None:
    mac.log_in("ada", "Ada L.")
    results.read_waiting()
    of_profiles = Inventory.objects.filter(request_type="ProfileList")
    before = of_profiles.get(user_id="").answer
    ada = channel(mac, "ada")
    queue.enqueue([ada.pk], "ProfileList")
    mac.users["ada"].session()
    results.read_waiting()
    assert of_profiles.get(user_id=ada.user_id).answer == []
    assert of_profiles.get(user_id="").answer == before


def test_a_bypass_code_becomes_a_secret_and_no_inventory(
    iphone: SimulatedDevice,
) -> None:
    code = "ABCDE-12345"
    answer(iphone, "ActivationLockBypassCode", ActivationLockBypassCode=code)
    assert (
        bytes(Secret.objects.get(kind="ActivationLockBypassCode").value)
        == b"ABCDE-12345"
    )
    assert not Inventory.objects.filter(request_type__contains="Bypass").exists()


def test_what_was_installed_is_asked_for_anew(iphone: SimulatedDevice) -> None:
    answer(iphone, "InstallProfile")
    asked = [one.request_type for one in iphone.session()]
    assert asked == ["ProfileList", "CertificateList"]


def test_an_erased_device_has_left(iphone: SimulatedDevice) -> None:
    answer(iphone, "EraseDevice")
    assert row(iphone).enrollments.get().end_reason == "erased"
    assert not Channel.objects.exclude(push_at=None).exists()


def test_a_device_that_speaks_again_was_not_erased(iphone: SimulatedDevice) -> None:
    answer(iphone, "EraseDevice")
    assert iphone.connect() is None
    assert row(iphone).enrollments.get().state == "active"
    queue.enqueue([channel(iphone).pk], "DeviceLock")
    assert iphone.connect() is not None


def test_an_erased_device_that_enrolled_again_stays_in_its_new_stay(
    iphone: SimulatedDevice, way: EnrollmentProfile
) -> None:
    old = iphone.stay
    answer(iphone, "EraseDevice")
    iphone.wipe()
    iphone.install(profiles.make(way))
    with pytest.raises(ServerRefused):
        iphone.put(connect={"Status": "Idle", **iphone.who()}, enrollment=old)
    assert iphone.connect() is not None


def test_an_answer_that_ends_the_reading_process_is_left_raw(
    iphone: SimulatedDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise SystemExit

    results.read_waiting()
    command = queue.enqueue([channel(iphone).pk], "ProfileList")
    iphone.connect("Acknowledged", to=iphone.connect(), ProfileList=[])
    with monkeypatch.context() as patch:
        patch.setitem(results.READERS, "ProfileList", die)
        for _ in range(results.MAX_TRIES):
            with pytest.raises(SystemExit):
                results.read_waiting()
    assert results.read_waiting() == 0
    assert command.deliveries.get().result.problem == "Reading it was cut off."


def test_a_database_that_was_away_costs_no_answer(
    iphone: SimulatedDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(*_: object) -> None:
        raise OperationalError("deadlock detected")

    queue.enqueue([channel(iphone).pk], "DeviceInformation")
    keys = {"QueryResponses": {"DeviceName": "After all"}}
    iphone.connect("Acknowledged", to=iphone.connect(), **keys)
    with monkeypatch.context() as patch:
        patch.setitem(results.READERS, "DeviceInformation", lose)
        with pytest.raises(OperationalError):
            results.read_waiting()
    results.read_waiting()
    assert row(iphone).name == "After all"


def test_what_the_database_never_takes_is_left_raw_in_the_end(
    iphone: SimulatedDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OperationalError("number of parameters must be between 0 and 65535")

    results.read_waiting()
    command = queue.enqueue([channel(iphone).pk], "ProfileList")
    iphone.connect("Acknowledged", to=iphone.connect(), ProfileList=[])
    monkeypatch.setitem(results.READERS, "ProfileList", refuse)
    for _ in range(results.MAX_TRIES):
        with pytest.raises(OperationalError):
            results.read_waiting()
    assert results.read_waiting() == 0
    assert "65535" in command.deliveries.get().result.problem


@pytest.mark.parametrize("name", ["InstalledApplicationList", "ProfileList"])
def test_a_list_that_no_device_has_is_left_raw(
    iphone: SimulatedDevice, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(kept, "MOST", 2)
    results.read_waiting()
    command = queue.enqueue([channel(iphone).pk], name)
    said = {name: [{"Identifier": str(number)} for number in range(3)]}
    iphone.connect("Acknowledged", to=iphone.connect(), **said)
    results.read_waiting()
    assert "3 items, more than 2" in command.deliveries.get().result.problem


def test_a_device_that_refused_to_be_erased_has_not_left(
    iphone: SimulatedDevice,
) -> None:
    queue.enqueue([channel(iphone).pk], "EraseDevice")
    iphone.connect("Error", to=iphone.connect(), ErrorChain=[])
    results.read_waiting()
    assert row(iphone).enrollments.get().state == "active"


def test_devices_are_listed_by_what_they_said(mac: SimulatedDevice) -> None:
    results.read_waiting()
    device = Device.objects.get(platform="macOS")
    assert device.is_encrypted is not None
    assert device.model_name
