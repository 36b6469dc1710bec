"""What real devices answered lands where it is looked for."""

from typing import Any

import pytest

from devices.models import Channel, Device, Inventory

from .answering import captured, enrolled, say

pytestmark = pytest.mark.django_db


@pytest.fixture
def phone() -> Channel:
    return enrolled()


@pytest.fixture
def mac() -> Channel:
    return enrolled(1, "macOS", os_version="13.0")


def columns(channel: Channel, *names: str) -> tuple[Any, ...]:
    device = Device.objects.get(enrollments__channels=channel)
    return tuple(getattr(device, name) for name in names)


def kept(channel: Channel, request_type: str) -> Any:
    device = channel.enrollment.device
    return Inventory.objects.get(device=device, request_type=request_type).answer


def test_an_ipad_of_ios_11_tells_what_it_is(phone: Channel) -> None:
    say(phone, "DeviceInformation", captured("deviceinformation-ios-11.3.1"))
    assert columns(
        phone,
        *("name", "platform", "product_name", "model", "model_name", "os_version"),
        *("os_version_key", "build_version", "serial_number", "wifi_mac"),
        *("bluetooth_mac", "is_roaming", "capacity", "battery_level"),
    ) == (
        *("iPad", "iPadOS", "iPad4,1", "MD786X", "iPad", "11.3.1"),
        *("00011.00003.00001", "15E302", "C00000000004", "00:00:00:00:00:00"),
        *("00:00:00:00:00:00", False, pytest.approx(26.91, abs=0.01), None),
    )
    assert kept(phone, "DeviceInformation")["VoiceRoamingEnabled"] is False


def test_a_mac_of_macos_13_tells_what_it_is(mac: Channel) -> None:
    say(mac, "DeviceInformation", captured("macos-13-device-information-answer"))
    assert columns(
        mac,
        *("name", "platform", "os_version", "build_version", "ethernet_mac"),
        *("is_supervised", "is_activation_locked", "available_capacity"),
    ) == (
        *("Yolo", "macOS", "13.0", "22A5321d", "22:7a:00:00:00:00"),
        *(True, False, 10.0),
    )
    answer = kept(mac, "DeviceInformation")
    assert answer["XsanConfiguration"] == {"role": "unconfigured"}, "unknown keys too"
    assert answer["OSUpdateSettings"]["PreviousScanDate"].startswith("2022-09-09T08:38")


@pytest.mark.parametrize(
    ("name", "platform", "expected"),
    [
        ("securityinfo-ios-11.3.1", "iOS", (False, True, False, None)),
        ("securityinfo-macos-10.13.1", "macOS", (None, None, False, False)),
        ("macos-13-security-info-answer", "macOS", (None, None, True, False)),
    ],
)
def test_devices_tell_how_secure_they_are(
    name: str, platform: str, expected: tuple[bool | None, ...]
) -> None:
    channel = enrolled(2, platform)
    say(channel, "SecurityInfo", captured(name))
    assert expected == columns(
        channel,
        *("passcode_present", "passcode_compliant"),
        *("is_encrypted", "firewall_enabled"),
    )
    assert kept(channel, "SecurityInfo") == captured(name)["SecurityInfo"]


def test_profiles_of_an_ipad_are_found_by_their_identifier(phone: Channel) -> None:
    say(phone, "ProfileList", captured("profilelist-ios-11.3.1"))
    row = phone.enrollment.device.profiles.get()
    assert (row.identifier, row.name, row.uuid, row.is_managed) == (
        "dev.commandment.enroll",
        "Commandment Enrollment Profile",
        "ac9e8c32-5c15-40b9-b187-70a81c49aa4e",
        False,
    )
    whole = kept(phone, "ProfileList")
    assert len(whole[0]["PayloadContent"]) == 4


def test_signers_of_profiles_are_kept_by_name_and_not_whole(mac: Channel) -> None:
    answer = captured("macos-13-profile-list-answer")
    say(mac, "ProfileList", answer)
    rows = mac.enrollment.device.profiles
    assert rows.count() == len(answer["ProfileList"])
    assert rows.get(name="Zentral - Santa configuration").is_managed is None, "unsaid"
    first = kept(mac, "ProfileList")[0]
    assert first["SignerCertificates"][0]["CommonName"] == "zentral"
    assert len(first["SignerCertificates"][0]["SHA256"]) == 64


def test_applications_of_an_iphone_are_rows(phone: Channel) -> None:
    answer = captured("installedapplicationlist-ios-12.1")
    say(phone, "InstalledApplicationList", answer)
    rows = phone.enrollment.device.applications.select_related("application")
    assert rows.count() == 12
    row = rows.get(application__identifier="com.agilebits.onepassword-ios")
    application = row.application
    assert (application.name, application.short_version, application.version) == (
        "1Password",
        "7.2.2",
        "70202006",
    )
    assert application.bundle_size == 87191552
    assert application.facts["ExternalVersionIdentifier"] == 829185909
    own = row.own or {}
    assert (own["DynamicSize"], own["HasUpdateAvailable"]) == (196608, True)
    assert "DynamicSize" not in application.facts


def test_a_mac_lists_what_has_no_identifier_and_is_larger_than_32_bits(
    mac: Channel,
) -> None:
    answer = captured("macos-13-installed-application-list-answer")
    say(mac, "InstalledApplicationList", answer)
    found = {
        (row.application.identifier, row.application.name): row.application
        for row in mac.enrollment.device.applications.select_related("application")
    }
    assert found["com.apple.dt.Xcode", "Xcode"].bundle_size == 23048830844
    nameless = found["", "https+++lucid"]
    assert (nameless.version, nameless.bundle_size) == ("", 819268)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        (
            "managedapplicationlist-ios-12.1-installing",
            {"com.apple.Numbers": "Installing"},
        ),
        (
            "managedapplicationlist-ios-12.1-rejectedprompting",
            {
                "com.apple.iWork.Keynote": "UserRejected",
                "com.tinyspeck.slackmacgap": "UserRejected",
            },
        ),
    ],
)
def test_managed_applications_are_kept_by_identifier(
    phone: Channel, name: str, status: dict[str, str]
) -> None:
    say(phone, "ManagedApplicationList", captured(name))
    answer = kept(phone, "ManagedApplicationList")
    assert {app: one["Status"] for app, one in answer.items()} == status


def test_certificates_whose_data_was_blanked_expire_at_an_unknown_time(
    phone: Channel,
) -> None:
    say(phone, "CertificateList", captured("certificatelist-ios-11.3.1"))
    rows = phone.enrollment.device.certificates
    told = list(rows.values_list("common_name", "is_identity", "not_after"))
    assert told == [("COMMON-NAME", False, None), ("device-identity", True, None)]
    assert "Data" not in kept(phone, "CertificateList")[0]


@pytest.mark.parametrize(
    "name",
    [
        "devicelock-ios-11.3.1",
        "errors-10.12.5-invalid-command",
        "errors-invalid-request-type",
        "errors-ios-11.3.1-commandformaterror",
        "installapplication-ios-12.1-prompting",
        "notnow-ios-11.3.1",
    ],
)
def test_other_captures_leave_no_trace_in_the_inventory(
    phone: Channel, name: str
) -> None:
    say(phone, "DeviceLock", captured(name))
    assert not Inventory.objects.exists()
