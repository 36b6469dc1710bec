"""What a device says is kept, merged, and told apart from what it said before."""

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from commands import forgetting, inventory, results
from commands.models import Command, Delivery, State
from devices.models import (
    Change,
    Channel,
    Device,
    Enrollment,
    Inventory,
    RegroupMark,
    Secret,
)

from .answering import enrolled, said, say, user_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def phone() -> Channel:
    return enrolled(is_supervised=False)


def tell(channel: Channel, **facts: Any) -> None:
    say(channel, "DeviceInformation", {"QueryResponses": facts})


def device(channel: Channel) -> Device:
    return Device.objects.get(enrollments__channels=channel)


def kept(channel: Channel, request_type: str = "DeviceInformation") -> Any:
    row = Inventory.objects.get(
        device=channel.enrollment.device,
        user_id=channel.user_id,
        request_type=request_type,
    )
    return row.answer


def history() -> list[tuple[str, str, str, str]]:
    rows = Change.objects.order_by("pk")
    return list(rows.values_list("kind", "name", "before", "after"))


# --- Facts


def test_what_an_answer_lacks_is_still_known(phone: Channel) -> None:
    tell(phone, DeviceName="Old", IMEI="356789", Odd={"a": 1})
    tell(phone, DeviceName="New")
    assert kept(phone) == {"DeviceName": "New", "IMEI": "356789", "Odd": {"a": 1}}
    assert (device(phone).name, device(phone).imei) == ("New", "356789")


def test_a_change_is_history_and_the_first_answer_is_not(phone: Channel) -> None:
    tell(phone, DeviceName="Old", OSVersion="17.5", IsRoaming=False)
    assert history() == []
    tell(phone, DeviceName="Old", OSVersion="17.6", IsRoaming=1, ModelNumber="X")
    assert sorted(history()) == [
        ("changed", "IsRoaming", "false", "1"),
        ("changed", "OSVersion", "17.5", "17.6"),
    ]


def test_what_changes_by_itself_is_no_history(phone: Channel) -> None:
    settings = {"PreviousScanDate": dt.datetime(2026, 1, 1), "AutoCheckEnabled": True}
    tell(phone, BatteryLevel=0.5, AvailableDeviceCapacity=10.0, S=settings)
    later = {**settings, "PreviousScanDate": dt.datetime(2026, 1, 2)}
    tell(phone, BatteryLevel=0.4, AvailableDeviceCapacity=9.5, S=later)
    assert history() == []
    assert device(phone).battery_level == 0.4


def test_a_part_of_a_fact_is_named_with_it(phone: Channel) -> None:
    for enabled in (False, True):
        firewall = {"FirewallEnabled": enabled, "StealthMode": False}
        answer = {"SecurityInfo": {"FirewallSettings": firewall}}
        say(phone, "SecurityInfo", answer)
    assert history() == [
        ("changed", "FirewallSettings.FirewallEnabled", "false", "true")
    ]
    assert device(phone).firewall_enabled is True


def test_long_values_are_shortened_in_the_history(phone: Channel) -> None:
    tell(phone, Notes="a" * 5000)
    tell(phone, Notes="b" * 5000)
    assert len(Change.objects.get().after) == 200
    assert len(kept(phone)["Notes"]) == 5000


def test_secrets_are_neither_kept_nor_history(phone: Channel) -> None:
    for key in (b"one", b"two"):
        answer = {"FDE_Enabled": True, "FDE_PersonalRecoveryKeyCMS": key}
        say(phone, "SecurityInfo", {"SecurityInfo": answer})
    apps = {"com.example.app": {"Status": "Managed", "UnusedRedemptionCode": "XYZ"}}
    say(phone, "ManagedApplicationList", {"ManagedApplicationList": apps})
    assert kept(phone, "SecurityInfo") == {"FDE_Enabled": True}
    assert kept(phone, "ManagedApplicationList") == {
        "com.example.app": {"Status": "Managed"}
    }
    assert history() == []


def test_an_answer_like_the_one_before_writes_only_when_it_came(phone: Channel) -> None:
    tell(phone, DeviceName="Same")
    RegroupMark.objects.all().delete()
    before = Inventory.objects.get()
    tell(phone, DeviceName="Same")
    after = Inventory.objects.get()
    assert (after.answer, after.digest) == (before.answer, before.digest)
    assert after.received_at > before.received_at
    assert not RegroupMark.objects.exists(), "nothing to look at anew"


def test_an_older_answer_tells_nothing_any_more(phone: Channel) -> None:
    tell(phone, DeviceName="New")
    old = timezone.now() - dt.timedelta(hours=1)
    said(phone, "DeviceInformation", {"QueryResponses": {"DeviceName": "Old"}}, at=old)
    results.read_waiting()
    assert (device(phone).name, kept(phone)) == ("New", {"DeviceName": "New"})


# --- Columns


def test_a_sim_is_told_by_service_subscriptions(phone: Channel) -> None:
    first = {"IMEI": "1", "ICCID": "11", "IsDataPreferred": False}
    second = {
        "IMEI": "2",
        "ICCID": "22",
        "PhoneNumber": "+4917",
        "CurrentCarrierNetwork": "Carrier",
        "IsDataPreferred": True,
    }
    tell(phone, ServiceSubscriptions=[first, "odd", second])
    now = device(phone)
    assert (now.imei, now.iccid) == ("2", "22")
    assert (now.phone_number, now.carrier) == ("+4917", "Carrier")


def test_an_unknown_charge_is_not_minus_one(phone: Channel) -> None:
    tell(phone, BatteryLevel=-1.0)
    assert device(phone).battery_level is None


def test_the_newest_system_offered_is_known_until_it_is_installed() -> None:
    mac = enrolled(1, "macOS", os_version="15.9")
    updates = [
        {
            "ProductKey": "1",
            "HumanReadableName": "macOS Sequoia 15.9.1",
            "Version": "15.9.1",
        },
        {
            "ProductKey": "2",
            "HumanReadableName": "macOS Sequoia 15.10",
            "Version": "15.10",
        },
        {"ProductKey": "3", "HumanReadableName": "Safari", "Version": "18.3"},
        {"ProductKey": "4", "Version": "99", "IsConfigDataUpdate": True},
        {"ProductKey": "5"},
    ]
    say(mac, "AvailableOSUpdates", {"AvailableOSUpdates": updates})
    assert device(mac).update_available == "15.10"
    tell(mac, OSVersion="15.10")
    assert device(mac).update_available == ""
    say(mac, "AvailableOSUpdates", {"AvailableOSUpdates": updates[:1]})
    say(mac, "AvailableOSUpdates", {"AvailableOSUpdates": []})
    assert device(mac).update_available == ""


def test_nothing_that_names_a_persons_own_device_is_kept() -> None:
    own = enrolled(3, mode=Enrollment.Mode.USER, udid="", enrollment_id="E-1")
    sim = [{"ICCID": "3", "IMEI": "2"}]
    names = {"SerialNumber": "S", "IMEI": "1", "UDID": "U", "WiFiMAC": "aa"}
    tell(own, DeviceName="Mine", ServiceSubscriptions=sim, **names)
    now = device(own)
    assert (now.name, now.serial_number, now.imei, now.iccid) == ("Mine", "", "", "")
    assert now.wifi_mac == ""
    assert kept(own) == {"DeviceName": "Mine"}


def test_a_user_says_nothing_of_the_device() -> None:
    mac = enrolled(1, "macOS", name="Mac")
    ada = user_of(mac)
    tell(ada, DeviceName="Ada's", IsSupervised=True)
    say(ada, "SecurityInfo", {"SecurityInfo": {"FDE_Enabled": True}})
    say(ada, "ProfileList", {"ProfileList": [{"PayloadIdentifier": "of ada"}]})
    now = device(mac)
    assert (now.name, now.is_supervised, now.is_encrypted) == ("Mac", None, None)
    assert now.inventory_at is None
    assert kept(ada) == {"DeviceName": "Ada's", "IsSupervised": True}
    assert now.profiles.get().user_id == "ADA"


def test_lost_mode_is_known_as_soon_as_it_is_acknowledged(phone: Channel) -> None:
    say(phone, "EnableLostMode", {})
    assert device(phone).in_lost_mode is True
    say(phone, "DisableLostMode", {})
    assert device(phone).in_lost_mode is False


# --- Lists


LISTS: list[tuple[str, dict[str, Any], dict[str, Any], list[tuple[str, str]]]] = [
    (
        "UserList",
        {"Users": [{"UserName": "ada", "IsLoggedIn": True}, {"UserName": "bo"}]},
        {"Users": [{"UserName": "ada", "IsLoggedIn": False}, {"UserName": "cy"}]},
        [("added", "cy"), ("removed", "bo")],
    ),
    (
        "ProvisioningProfileList",
        {"ProvisioningProfileList": [{"Name": "App", "UUID": "1"}]},
        {"ProvisioningProfileList": [{"Name": "App", "UUID": "2"}]},
        [("changed", "App.UUID")],
    ),
    (
        "ManagedApplicationList",
        {"ManagedApplicationList": {"com.a": {"Status": "Installing"}}},
        {"ManagedApplicationList": {"com.a": {"Status": "Managed"}, "com.b": {}}},
        [("added", "com.b"), ("changed", "com.a.Status")],
    ),
    (
        "Restrictions",
        {"GlobalRestrictions": {"restrictedBool": {"allowCamera": {"value": True}}}},
        {
            "GlobalRestrictions": {"restrictedBool": {"allowCamera": {"value": False}}},
            "ProfileRestrictions": {"com.a": {}},
        },
        [("changed", "allowCamera")],
    ),
    (
        "AvailableOSUpdates",
        {"AvailableOSUpdates": []},
        {"AvailableOSUpdates": [{"HumanReadableName": "iOS 18.1", "Version": "18.1"}]},
        [("added", "iOS 18.1")],
    ),
    (
        "OSUpdateStatus",
        {"OSUpdateStatus": [{"ProductKey": "1", "DownloadPercentComplete": 0.1}]},
        {"OSUpdateStatus": [{"ProductKey": "1", "DownloadPercentComplete": 0.2}]},
        [],
    ),
    (
        "ManagedMediaList",
        {"Books": []},
        {"Books": [{"Title": "Emma", "Version": "1"}]},
        [("added", "Emma")],
    ),
    (
        "ContentCachingInformation",
        {"StatusResponse": {"Activated": False}},
        {"StatusResponse": {"Activated": True, "CacheUsed": 7}},
        [],
    ),
    (
        "ActiveNSExtensions",
        {"Extensions": [{"Identifier": "com.a"}]},
        {"Extensions": []},
        [("removed", "com.a")],
    ),
]


@pytest.mark.parametrize(("request_type", "before", "after", "expected"), LISTS)
def test_a_list_replaces_the_one_before(
    phone: Channel,
    request_type: str,
    before: dict[str, Any],
    after: dict[str, Any],
    expected: list[tuple[str, str]],
) -> None:
    say(phone, request_type, before)
    assert history() == []
    say(phone, request_type, after)
    assert sorted((kind, name) for kind, name, _, _ in history()) == expected
    answer = kept(phone, request_type)
    assert answer in (after, *after.values())


@pytest.mark.parametrize("request_type", sorted({*results.READERS}))
@pytest.mark.parametrize("answer", [{}, "text", [["x"]], {"a": {"b": [1]}}])
def test_no_answer_holds_up_those_behind_it(
    phone: Channel, request_type: str, answer: Any
) -> None:
    keys = {"Users", "Books", "Extensions", "StatusResponse", request_type}
    keys |= {"QueryResponses", "GlobalRestrictions", "ApplicationConfigurations"}
    odd = said(phone, request_type, dict.fromkeys(keys, answer))
    results.read_waiting()
    odd.refresh_from_db()
    assert odd.read_at is not None


# --- What follows from an answer


def waiting(channel: Channel) -> list[str]:
    rows = Delivery.objects.filter(channel=channel, state=State.QUEUED).order_by("pk")
    return list(rows.values_list("command__request_type", flat=True))


def test_a_device_that_refuses_a_query_is_asked_once_for_less(phone: Channel) -> None:
    keys = {"Queries": ["DeviceName", "SoftwareUpdateSettings"]}
    said(phone, "DeviceInformation", {}, state=State.FAILED, keys=keys)
    results.read_waiting()
    again = Command.objects.get(deliveries__state=State.QUEUED)
    assert {"DeviceName", "SerialNumber"} <= set(again.keys["Queries"])
    assert "SoftwareUpdateSettings" not in again.keys["Queries"]
    Delivery.objects.update(state=State.FAILED)
    said(phone, "DeviceInformation", {}, state=State.FAILED, keys=again.keys)
    results.read_waiting()
    assert waiting(phone) == []


def test_a_supervised_device_is_asked_once_for_its_bypass_code() -> None:
    phone = enrolled(4)
    tell(phone, IsSupervised=True)
    assert waiting(phone).count("ActivationLockBypassCode") == 1
    tell(phone, IsSupervised=True)
    assert waiting(phone).count("ActivationLockBypassCode") == 1


def test_one_that_handed_its_bypass_code_over_is_not_asked() -> None:
    phone = enrolled(4)
    Secret.keep(phone.enrollment, Secret.Kind.BYPASS_CODE, b"code")
    tell(phone, IsSupervised=True)
    assert "ActivationLockBypassCode" not in waiting(phone)


def test_what_needs_supervision_is_asked_once_the_device_says_it_has_it() -> None:
    phone = enrolled(4)
    inventory.ask(phone)
    assert "AvailableOSUpdates" not in waiting(phone), "it would be refused"
    tell(phone, IsSupervised=True)
    assert waiting(phone).count("AvailableOSUpdates") == 1
    tell(phone, IsSupervised=True)
    assert waiting(phone).count("AvailableOSUpdates") == 1
    assert waiting(phone).count("ProfileList") == 1, "nothing else is asked again"


def test_managed_applications_are_asked_for_more_when_their_list_changed(
    phone: Channel,
) -> None:
    apps = {
        "com.a": {"Status": "Managed", "HasConfiguration": True, "HasFeedback": False},
        "com.b": {"Status": "Managed", "HasConfiguration": False},
    }
    say(phone, "ManagedApplicationList", {"ManagedApplicationList": apps})
    asked = ["ManagedApplicationConfiguration", "ManagedApplicationAttributes"]
    assert waiting(phone) == asked
    orders = Command.objects.filter(deliveries__state=State.QUEUED).order_by("pk")
    of_whom = [one.keys["Identifiers"] for one in orders]
    assert of_whom == [["com.a"], ["com.a", "com.b"]]
    say(phone, "ManagedApplicationList", {"ManagedApplicationList": apps})
    assert waiting(phone) == asked


# --- Forgetting


def test_old_history_is_forgotten(phone: Channel, settings: Any) -> None:
    tell(phone, DeviceName="One")
    tell(phone, DeviceName="Two")
    old = timezone.now() - dt.timedelta(days=settings.HISTORY_DAYS + 1)
    Change.objects.update(at=old)
    tell(phone, DeviceName="Three")
    assert forgetting.changes() == 1
    assert [after for *_, after in history()] == ["Three"]
