"""The tabs of a device's page: what it told, why it did not, and what they cost."""

import dataclasses
import datetime as dt
from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from commands import queue
from commands.device_page import add_tab, tabs
from commands.device_page.look import Look
from commands.models import Delivery, State
from devices.models import (
    Application,
    Change,
    Channel,
    Device,
    DeviceGroup,
    Enrollment,
    InstalledApplication,
    InstalledCertificate,
    InstalledProfile,
    Inventory,
    Tag,
    User,
)

from .conftest import Fleet, SignIn

LIST = "admin:devices_device_changelist"
NOW = timezone.now()
TABS = (
    "overview",
    "apps",
    "profiles",
    "certificates",
    "provisioning",
    "restrictions",
    "security",
    "network",
    "location",
    "users",
    "updates",
    "timeline",
    "commands",
    "enrollments",
)


def told(device: Device, request_type: str, answer: Any, user_id: str = "") -> None:
    Inventory.objects.create(
        device=device,
        user_id=user_id,
        request_type=request_type,
        answer=answer,
        received_at=NOW,
    )


def install(device: Device, name: str, own: Any = None, **facts: Any) -> None:
    values = {"identifier": f"com.example.{name.lower()}", "name": name, **facts}
    values.setdefault("digest", f"{name} {values.get('short_version', '')}")
    application, _ = Application.objects.get_or_create(
        digest=values.pop("digest"), defaults=values
    )
    InstalledApplication.objects.create(device=device, application=application, own=own)


def shown(client: Client, device: Device, tab: str, **query: str) -> str:
    answer = client.get(device.get_absolute_url(), {"tab": tab, **query})
    assert answer.status_code == 200
    return answer.content.decode()


def facts(client: Client, device: Device, tab: str) -> Mapping[str, str]:
    """Return the lines of a tab's sections by their names."""
    sections = client.get(device.get_absolute_url(), {"tab": tab}).context["sections"]
    return {each.label: each.words for _, lines in sections for each in lines}


# --- Apps, profiles, certificates


def test_apps_are_listed_with_what_is_known_of_them(
    admin: Client, fleet: Fleet
) -> None:
    device = fleet()[0].enrollment.device
    install(device, "Writer", short_version="4.2", bundle_size=3_000_000)
    install(device, "Counter", {"DynamicSize": 2_000_000, "HasUpdateAvailable": True})
    managed = {
        "com.example.writer": {"Status": "Managed"},
        "com.example.refused": {"Status": "UserRejected"},
    }
    told(device, "ManagedApplicationList", managed)
    page = shown(admin, device, "apps")
    assert "2 apps" in page
    assert "4.2" in page
    assert "2.9\xa0MB" in page
    assert "1.9\xa0MB" in page
    assert "update available" in page
    assert "refused by its user" in page
    rows = admin.get(device.get_absolute_url(), {"tab": "apps"}).context["apps"]
    states = {row.row.application.name: row.managed for row in rows}
    assert states["Writer"].words == "managed"
    assert states["Counter"] is None


def test_many_apps_are_searched_and_paged(admin: Client, fleet: Fleet) -> None:
    device = fleet()[0].enrollment.device
    kept = Application.objects.bulk_create(
        Application(digest=str(n), name=f"App {n:03}", identifier=f"com.app.{n}")
        for n in range(230)
    )
    InstalledApplication.objects.bulk_create(
        InstalledApplication(device=device, application=each) for each in kept
    )
    page = shown(admin, device, "apps")
    assert ("App 199" in page, "App 200" in page) == (True, False)
    assert "App 229" in shown(admin, device, "apps", page="2")
    found = shown(admin, device, "apps", q="APP 22")
    assert ("App 229" in found, "App 100" in found) == (True, False)
    assert "No app is called" in shown(admin, device, "apps", q="missing")


def test_profiles_say_what_is_in_them_and_where_they_came_from(
    admin: Client, fleet: Fleet
) -> None:
    stay = fleet()[0].enrollment
    Enrollment.objects.update(profile_identifier="org.enroll")
    profiles = [
        {
            "PayloadDisplayName": "Wi-Fi",
            "PayloadContent": [{"PayloadType": "com.apple.wifi.managed"}],
            "IsManaged": True,
            "SignerCertificates": [{"CommonName": "Example Root"}, {}],
        },
        {"PayloadDisplayName": "Mail", "Source": "Declarative Device Management"},
        {"PayloadDisplayName": "MDM", "PayloadIdentifier": "org.enroll"},
    ]
    told(stay.device, "ProfileList", profiles)
    page = shown(admin, stay.device, "profiles")
    assert "com.apple.wifi.managed" in page
    assert "Example Root" in page
    assert "declared" in page
    assert "removing it ends management" in page
    assert "not told" in page


def test_a_certificate_has_the_colour_of_its_expiry(
    admin: Client, fleet: Fleet
) -> None:
    device = fleet()[0].enrollment.device
    for name, days in (("Old", -2), ("Soon", 10), ("Fresh", 300), ("Odd", None)):
        InstalledCertificate.objects.create(
            device=device,
            common_name=name,
            not_after=None if days is None else NOW + dt.timedelta(days=days),
        )
    answer = admin.get(device.get_absolute_url(), {"tab": "certificates"})
    tones = {each.row.common_name: each.tone for each in answer.context["certificates"]}
    assert tones == {"Old": "bad", "Soon": "warn", "Fresh": "ok", "Odd": "mute"}
    assert "unreadable" in answer.content.decode()


def test_a_provisioning_profile_says_when_it_expires(
    admin: Client, fleet: Fleet
) -> None:
    device = fleet()[0].enrollment.device
    profile = {"Name": "House app", "UUID": "U-1", "ExpiryDate": "2020-05-01T00:00:00Z"}
    told(device, "ProvisioningProfileList", [profile])
    assert "expired 1 May 2020" in shown(admin, device, "provisioning")


@pytest.mark.parametrize("whole", [True, False])
def test_restrictions_are_words(admin: Client, fleet: Fleet, whole: bool) -> None:
    device = fleet()[0].enrollment.device
    everything = {
        "restrictedBool": {"allowCamera": {"value": False}},
        "restrictedValue": {"maxInactivity": {"value": 5}},
        "intersection": {"whitelistedAppBundleIDs": {"values": ["com.a", "com.b"]}},
    }
    mine = {"org.p": {"restrictedBool": {"allowSiri": {"value": False}}}}
    answer = {"GlobalRestrictions": everything, "ProfileRestrictions": mine}
    told(device, "Restrictions", answer if whole else everything)
    InstalledProfile.objects.create(device=device, identifier="org.p", name="Quiet")
    said = facts(admin, device, "restrictions")
    assert said["Allow camera"] == "no"
    assert said["Max inactivity"] == "5"
    assert said["Whitelisted app bundle IDs"] == "com.a, com.b"
    assert ("Quiet" in shown(admin, device, "restrictions")) is whole


# --- Security, network, users, updates


def test_the_security_of_an_iphone_is_told_in_words(
    admin: Client, fleet: Fleet
) -> None:
    device = fleet()[0].enrollment.device
    info = {
        "HardwareEncryptionCaps": 3,
        "PasscodePresent": True,
        "PasscodeLockGracePeriod": 300,
    }
    told(device, "SecurityInfo", info)
    said = facts(admin, device, "security")
    assert said["Passcode"] == "set"
    assert said["Encryption"] == "block by block and file by file"
    assert said["Asked for after"] == "5 min"
    assert said["As all profiles want it"] == "unknown"
    assert said["Unlock token"].startswith("since ")
    assert "FileVault" not in said


def test_what_an_old_mac_does_not_tell_is_unknown_and_not_no(
    admin: Client, fleet: Fleet
) -> None:
    device = fleet(platform="macOS")[0].enrollment.device
    firewall = {"FirewallEnabled": False, "Applications": [{"Name": "vpn"}]}
    key = {"FDE_PersonalRecoveryKeyCMS": "c2VjcmV0"}
    told(device, "SecurityInfo", {"FirewallSettings": firewall, **key})
    said = facts(admin, device, "security")
    assert said["FileVault"] == "unknown"
    assert said["Recovery lock"] == "unknown"
    assert said["Firewall"] == "off"
    assert said["vpn"] == "blocked"
    assert said["Recovery key kept here"] == "none kept"
    assert "c2VjcmV0" not in shown(admin, device, "security")


def test_the_network_lists_addresses_and_each_sim(admin: Client, fleet: Fleet) -> None:
    device = fleet(wifi_mac="aa:bb", carrier="Example Mobile")[0].enrollment.device
    sims = [
        {"Slot": "CTSubscriptionSlotOne", "ICCID": "8949", "IsRoaming": True},
        {"Slot": "CTSubscriptionSlotTwo", "PhoneNumber": "+49 30"},
    ]
    said = {"ServiceSubscriptions": sims, "PersonalHotspotEnabled": False}
    told(device, "DeviceInformation", said)
    page = shown(admin, device, "network")
    for words in ("aa:bb", "Example Mobile", "8949", "+49 30", "Personal hotspot"):
        assert words in page


def test_users_are_told_apart_by_whether_they_are_managed(
    admin: Client, fleet: Fleet
) -> None:
    stay = fleet(platform="macOS")[0].enrollment
    ada = stay.channels.create(
        user_id="GUID-ADA", user_short_name="ada", user_long_name="Ada L."
    )
    accounts = [
        {"UserName": "ada", "FullName": "Ada L.", "IsLoggedIn": True},
        {"UserName": "guest", "FullName": "Guest"},
    ]
    told(stay.device, "UserList", accounts)
    answer = admin.get(stay.device.get_absolute_url(), {"tab": "users"})
    managed = {each.name: each.channel for each in answer.context["accounts"]}
    assert managed == {"Ada L.": ada, "Guest": None}
    [user] = answer.context["users"]
    assert user.is_logged_in is True
    page = answer.content.decode()
    assert reverse("admin:devices_channel_change", args=[ada.pk]) in page
    assert "com.apple.mdm.per-user-connections" in page


def test_an_iphone_has_no_users_and_says_so(admin: Client, fleet: Fleet) -> None:
    device = fleet()[0].enrollment.device
    assert "Only Macs and Shared iPads" in shown(admin, device, "users")


def test_an_update_says_how_far_it_is(admin: Client, fleet: Fleet) -> None:
    device = fleet(platform="macOS", update_available="15.1")[0].enrollment.device
    told(
        device,
        "AvailableOSUpdates",
        [{"ProductKey": "K", "HumanReadableName": "macOS Sequoia", "Version": "15.1"}],
    )
    progress = {"Status": "Downloading", "DownloadPercentComplete": 0.4}
    told(device, "OSUpdateStatus", [{"ProductKey": "K", **progress}])
    page = shown(admin, device, "updates")
    assert "macOS Sequoia" in page
    assert "downloading, 40 %" in page


# --- The overview


def test_the_overview_says_who_what_and_what_it_needs(
    admin: Client, fleet: Fleet
) -> None:
    device = fleet(
        asset_tag="A-17",
        capacity=100.0,
        available_capacity=4.0,
        battery_level=0.5,
        passcode_present=False,
        is_encrypted=False,
    )[0].enrollment.device
    tag = Tag.objects.create(name="loan")
    device.tags.add(tag)
    DeviceGroup.objects.create(name="Front desk").devices.add(device)
    owner = User.objects.create_user("maria", first_name="Maria")
    Device.objects.update(owner=owner)
    page = shown(admin, device, "overview")
    for words in ("A-17", "loan", "Front desk", "4.0 GB free of 100.0 GB", "50 %"):
        assert words in page
    assert reverse("admin:devices_user_change", args=[owner.pk]) in page
    assert admin.get(f"{reverse(LIST)}?tag={tag.pk}").status_code == 200
    assert f"{reverse(LIST)}?tag={tag.pk}" in page
    for need in ("It has no passcode", "It is not encrypted", "nearly full"):
        assert need in page


def test_every_fact_is_there_whole_and_no_secret(admin: Client, fleet: Fleet) -> None:
    device = fleet()[0].enrollment.device
    said = {"NewIn2031": {"Deep": [1, 2]}, "PushToken": "x", "UnlockToken": "hush"}
    told(device, "DeviceInformation", said)
    page = shown(admin, device, "overview")
    assert "NewIn2031 › Deep" in page
    assert "1, 2" in page
    assert "hush" not in page


# --- Why a tab is empty

LISTS = {
    "apps": "InstalledApplicationList",
    "profiles": "ProfileList",
    "certificates": "CertificateList",
    "provisioning": "ProvisioningProfileList",
    "restrictions": "Restrictions",
    "security": "SecurityInfo",
    "network": "DeviceInformation",
    "updates": "AvailableOSUpdates",
}


@pytest.mark.parametrize("tab", LISTS)
def test_an_empty_tab_offers_to_ask_and_then_says_that_it_waits(
    admin: Client, fleet: Fleet, tab: str
) -> None:
    device = fleet()[0].enrollment.device
    page = shown(admin, device, tab)
    assert "It was not asked yet." in page
    assert "Ask now" in page
    ask = reverse("admin:devices_device_ask", args=[device.pk])
    answer = admin.post(ask, {"request_type": LISTS[tab], "tab": tab})
    assert answer.headers["Location"].endswith(f"?tab={tab}")
    assert Delivery.objects.filter(command__request_type=LISTS[tab]).count() == 1
    assert "The answer comes when the device next connects" in shown(admin, device, tab)


def test_asking_for_one_list_asks_for_no_other(admin: Client, fleet: Fleet) -> None:
    device = fleet()[0].enrollment.device
    ask = reverse("admin:devices_device_ask", args=[device.pk])
    admin.post(ask, {"request_type": "ProfileList", "tab": "profiles"})
    asked = Delivery.objects.values_list("command__request_type", flat=True)
    assert list(asked) == ["ProfileList"]


def test_no_button_orders_what_is_no_question(admin: Client, fleet: Fleet) -> None:
    device = fleet()[0].enrollment.device
    ask = reverse("admin:devices_device_ask", args=[device.pk])
    admin.post(ask, {"request_type": "EraseDevice"})
    assert not Delivery.objects.filter(command__request_type="EraseDevice").exists()


def test_a_tab_says_what_the_device_cannot_tell(admin: Client, fleet: Fleet) -> None:
    device = fleet(platform="macOS")[0].enrollment.device
    page = shown(admin, device, "restrictions")
    assert "It cannot be asked" in page
    assert "Ask now" not in page


def test_a_tab_says_which_right_is_missing(admin: Client, fleet: Fleet) -> None:
    stay = fleet()[0].enrollment
    Enrollment.objects.update(access_rights=8191 - 256)
    page = shown(admin, stay.device, "apps")
    assert "It cannot be asked" in page


def test_a_tab_says_what_error_was_answered(admin: Client, fleet: Fleet) -> None:
    [channel] = fleet()
    queue.enqueue([channel.pk], "ProfileList")
    chain = [{"LocalizedDescription": "Not today", "ErrorCode": 1, "ErrorDomain": "X"}]
    Delivery.objects.update(state=State.FAILED, error_chain=chain)
    page = shown(admin, channel.enrollment.device, "profiles")
    assert "It answered with an error" in page
    assert "Not today" in page


def test_a_device_that_left_is_not_offered_to_be_asked(
    admin: Client, fleet: Fleet
) -> None:
    stay = fleet()[0].enrollment
    stay.end("checked out")
    page = shown(admin, stay.device, "profiles")
    assert "It left management and did not say before" in page
    assert "Ask now" not in page


def test_who_may_not_order_is_offered_no_question(
    sign_in: SignIn, fleet: Fleet
) -> None:
    device = fleet()[0].enrollment.device
    client = sign_in("devices.view_device")
    assert "Ask now" not in shown(client, device, "profiles")


@pytest.mark.parametrize("odd", [[1, None, {"x": []}], {"a": [None]}])
def test_what_makes_no_sense_breaks_no_tab(
    admin: Client, fleet: Fleet, odd: Any
) -> None:
    device = fleet(platform="macOS")[0].enrollment.device
    for request_type in {*LISTS.values(), "UserList", "ManagedApplicationList"}:
        told(device, request_type, odd)
    for tab in TABS:
        shown(admin, device, tab)


# --- What it costs


def everything() -> User:
    """Return somebody who may see all tabs."""
    return User(is_superuser=True)


def test_only_the_tab_that_is_open_is_gathered(
    admin: Client, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    gathered: list[str] = []

    def gather(name: str, look: Look) -> dict[str, Any]:
        gathered.append(name)
        return {}

    for name, tab in tabs.tabs(everything()).items():
        spy = dataclasses.replace(tab, gather=partial(gather, name))
        monkeypatch.setitem(tabs._TABS, name, spy)
    shown(admin, fleet()[0].enrollment.device, "enrollments")
    assert gathered == ["enrollments"]


def test_another_app_adds_a_tab_in_its_place(
    admin: Client, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tabs, "_TABS", dict(tabs._TABS))
    add_tab("secrets", "Kept here", lambda device, viewer: {})
    names = list(tabs.tabs(everything()))
    assert names.index("security") < names.index("secrets") < names.index("network")
    page = shown(admin, fleet()[0].enrollment.device, "overview")
    assert "Kept here" in page


def statements(client: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def fill(channel: Channel, many: int) -> None:
    """Give a device apps, profiles, certificates, deliveries, changes and users."""
    device = channel.enrollment.device
    apps = Application.objects.bulk_create(
        Application(digest=f"{many}-{n}", name=f"App {n}") for n in range(many)
    )
    InstalledApplication.objects.bulk_create(
        InstalledApplication(device=device, application=each) for each in apps
    )
    InstalledCertificate.objects.bulk_create(
        InstalledCertificate(device=device, common_name=str(n)) for n in range(many)
    )
    profiles = [{"PayloadDisplayName": f"P {n}"} for n in range(many // 6)]
    Inventory.objects.filter(device=device).delete()
    told(device, "ProfileList", profiles)
    told(device, "InstalledApplicationList", {})
    told(device, "CertificateList", {})
    command = queue.enqueue([channel.pk], "RestartDevice")
    Delivery.objects.bulk_create(
        Delivery(
            command=command,
            channel=channel,
            state=State.ACKNOWLEDGED if n % 2 else State.QUEUED,
            settled_at=NOW - dt.timedelta(minutes=n) if n % 2 else None,
        )
        for n in range(many * 7)
    )
    Change.objects.bulk_create(
        Change(device=device, at=NOW - dt.timedelta(hours=n), kind="changed", name="X")
        for n in range(many * 7)
    )
    for number in range(many // 30):
        channel.enrollment.channels.get_or_create(user_id=f"USER-{number}")


def test_a_tab_costs_the_same_however_much_there_is(
    admin: Client, fleet: Fleet
) -> None:
    [channel] = fleet(platform="macOS")
    url = f"{channel.enrollment.device.get_absolute_url()}?tab="
    admin.get(url)  # what is remembered from the first time on
    fill(channel, 30)
    few = {tab: statements(admin, url + tab) for tab in TABS}
    fill(channel, 300)
    many = {tab: statements(admin, url + tab) for tab in TABS}
    assert {tab: n for tab, n in many.items() if n > few[tab]} == {}
    assert {tab: n for tab, n in few.items() if n > 20} == {}
