"""What real devices said is found on the pages of the device that says it."""

from typing import Any

import pytest
from django.test import Client

from commands import queue, results
from devices.models import Device, User
from mdmportal.protocol import plist
from mdmportal.simulator.device import SimulatedDevice

from ..captures import capture, names
from .answering import captured
from .conftest import channel, row

pytestmark = pytest.mark.django_db

ON_PAGES: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "certificatelist-ios-11.3.1": (
        "iphone",
        "CertificateList",
        "certificates",
        ("2 certificates", "COMMON-NAME", "device-identity", "identity"),
    ),
    "deviceinformation-ios-11.3.1": (
        "iphone",
        "DeviceInformation",
        "overview",
        ("15.5 GB free of 26.9 GB", "15E302", "iPad4,1", "VoiceRoamingEnabled"),
    ),
    "installedapplicationlist-ios-12.1": (
        "iphone",
        "InstalledApplicationList",
        "apps",
        ("12 apps", "1Password", "7.2.2", "83.2\xa0MB", "192.0\xa0KB"),
    ),
    "macos-13-device-information-answer": (
        "mac",
        "DeviceInformation",
        "network",
        ("22:7a:00:00:00:00", "Yolo.local"),
    ),
    "macos-13-installed-application-list-answer": (
        "mac",
        "InstalledApplicationList",
        "apps",
        ("com.apple.dt.Xcode", "21.5\xa0GB"),
    ),
    "macos-13-profile-list-answer": (
        "mac",
        "ProfileList",
        "profiles",
        ("Santa configuration", "com.apple.ManagedClient.preferences", "zentral"),
    ),
    "macos-13-security-info-answer": (
        "mac",
        "SecurityInfo",
        "security",
        ("full security", "Approved by its user", "Needed for software updates"),
    ),
    "managedapplicationlist-ios-12.1-installing": (
        "iphone",
        "ManagedApplicationList",
        "apps",
        ("com.apple.Numbers", "installing"),
    ),
    "managedapplicationlist-ios-12.1-rejectedprompting": (
        "iphone",
        "ManagedApplicationList",
        "apps",
        ("com.apple.iWork.Keynote", "refused by its user"),
    ),
    "profilelist-ios-11.3.1": (
        "iphone",
        "ProfileList",
        "profiles",
        ("Commandment Enrollment Profile", "Commandment Inc"),
    ),
    "securityinfo-ios-11.3.1": (
        "iphone",
        "SecurityInfo",
        "security",
        ("not set", "in force only with a passcode", "at once"),
    ),
    "securityinfo-macos-10.13.1": (
        "mac",
        "SecurityInfo",
        "security",
        ("pia_openvpn_client", "may be reached", "Stealth mode"),
    ),
}
"""Capture: who says it to which query, and what then stands on which tab."""

OTHERS = (
    "devicelock-ios-11.3.1",
    "errors-10.12.5-invalid-command",
    "errors-invalid-request-type",
    "errors-ios-11.3.1-commandformaterror",
    "installapplication-ios-12.1-prompting",
    "notnow-ios-11.3.1",
)
"""Those that say how a command went."""


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    return client


def page(client: Client, device: Device, tab: str) -> str:
    return client.get(device.get_absolute_url(), {"tab": tab}).content.decode()


def test_every_capture_is_accounted_for() -> None:
    there = {name.split("/")[1].removesuffix(".plist") for name in names("results")}
    assert there <= {*ON_PAGES, *OTHERS}


@pytest.mark.parametrize("name", ON_PAGES)
def test_what_was_captured_is_on_its_tab(
    request: pytest.FixtureRequest, staff: Client, name: str
) -> None:
    hardware, request_type, tab, words = ON_PAGES[name]
    said = captured(name)
    device: SimulatedDevice = request.getfixturevalue(hardware)
    queue.enqueue([channel(device).pk], request_type)
    device.connect("Acknowledged", to=device.connect(), **said)
    results.read_waiting()
    shown = page(staff, row(device), tab)
    assert [each for each in words if each not in shown] == []


@pytest.mark.parametrize("name", OTHERS)
def test_how_a_captured_command_went_is_in_the_timeline(
    staff: Client, iphone: SimulatedDevice, name: str
) -> None:
    said: dict[str, Any] = dict(plist.loads(capture(f"results/{name}.plist")))
    queue.enqueue([channel(iphone).pk], "DeviceLock", note="as captured")
    keys = {key: said[key] for key in said.keys() - {"CommandUUID", "UDID", "Status"}}
    iphone.connect(said["Status"], to=iphone.connect(), **keys)
    shown = page(staff, row(iphone), "timeline")
    expected = {
        "Acknowledged": "Done: Lock",
        "NotNow": "the device was busy or locked",
    }
    assert expected.get(said["Status"], "Failed: Lock") in shown
