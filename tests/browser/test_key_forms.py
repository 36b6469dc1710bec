"""The forms of the most nested commands, filled in and sent by a person.

Two of them each time; all with ``make forms``.
"""

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from devices.models.inventory import to_json
from mdmportal import catalogue
from mdmportal.protocol.schema import Key

from ..portal import Portal
from .conftest import Visitor
from .filler import Filler

COUNT = 10
MAKE = """
import json
from devices.models import Channel, Device, Enrollment, EscrowCertificate, Secret
ids = {}
for name, platform, version, mode in (
    ("phone", "iOS", "18.2", "automated"),
    ("pad", "iPadOS", "18.2", "shared"),
    ("mac", "macOS", "15.1", "automated"),
):
    device, _ = Device.objects.get_or_create(
        udid=f"FORMS-{name}",
        defaults=dict(name=f"The {name}", platform=platform, os_version=version,
                      serial_number=f"FORMS{name}", is_supervised=True),
    )
    ids[name] = device.pk
    if not device.enrollments.exists():
        stay = Enrollment.objects.create(
            device=device, state="active", topic="t", access_rights=8191, mode=mode,
            awaiting_configuration=True)
        Channel.objects.create(enrollment=stay)
        Secret.keep(stay, Secret.Kind.FILEVAULT_KEY, b"AAAA-BBBB")
        EscrowCertificate.objects.create(
            device=device, device_label=f"FORMS{name}", certificate=b"1",
            private_key=b"1")
print(json.dumps(ids))
"""
LATEST = """
import json
from commands.models import Order
from devices.models.inventory import to_json
order = Order.objects.latest("pk")
print(json.dumps({"type": order.request_type, "keys": to_json(order.keys)}))
"""

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABh6FO1AAA"
    "AABJRU5ErkJggg=="
)
PROFILE = (
    b'<plist version="1.0"><dict><key>PayloadType</key><string>Configuration</string>'
    b"</dict></plist>"
)
FREE = {"server": "https://example.org", "retries": 3, "ratio": 0.5, "verbose": True}

KEYS: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("Settings", "phone"): {
        "Settings": [
            {"Item": "Wallpaper", "Image": PNG, "Where": 1},
            {"Item": "Bluetooth", "Enabled": False},
            {
                "Item": "ApplicationConfiguration",
                "Identifier": "com.example.app",
                "Configuration": FREE,
            },
            {
                "Item": "ApplicationAttributes",
                "Identifier": "com.example.app",
                "Attributes": {
                    "VPNUUID": "A-VPN",
                    "ContentFilterUUID": "A-FILTER",
                    "AssociatedDomains": ["example.org", "example.com"],
                    "Removable": False,
                },
            },
            {"Item": "DeviceName", "DeviceName": "Reception’s iPhone"},
            {
                "Item": "OrganizationInfo",
                "OrganizationInfo": {"OrganizationName": "Example & Sons"},
            },
            {"Item": "TimeZone", "TimeZone": "Europe/Berlin"},
            {"Item": "Wallpaper", "Image": PNG, "Where": 2},
        ]
    },
    ("Settings", "pad"): {
        "Settings": [
            {
                "Item": "SharedDeviceConfiguration",
                "QuotaSize": 4096,
                "ManagedAppleIDDefaultDomains": ["example.org"],
                "AwaitUserConfiguration": {"Enabled": True},
                "PasscodePolicy": {
                    "PasscodeLockGracePeriod": 300,
                    "AutoLockTime": 240,
                },
            }
        ]
    },
    ("LOMDeviceRequest", "mac"): {
        "RequestList": [
            {
                "DeviceRequestType": kind,
                "DeviceRequestUUID": f"REQUEST-{kind}",
                "DeviceDNSName": "mac.example.org",
                "PrimaryIPv6AddressList": ["fe80::1", "fe80::2"],
                "SecondaryIPv6AddressList": [],
                "LOMProtocolVersion": 1,
            }
            for kind in ("PowerON", "Reset")
        ]
    },
    ("InstallApplication", "phone"): {
        "iTunesStoreID": 361309726,
        "Options": {"PurchaseMethod": 1},
        "ManagementFlags": 5,
        "Configuration": FREE,
        "Attributes": {"VPNUUID": "A-VPN", "AssociatedDomains": ["example.org"]},
        "ChangeManagementState": "Managed",
    },
    ("AccountConfiguration", "mac"): {
        "SkipPrimarySetupAccountCreation": True,
        "AutoSetupAdminAccounts": [
            {"shortName": "admin", "fullName": "Admin", "hidden": True},
            {"shortName": "second", "fullName": "Second"},
        ],
    },
    ("ScheduleOSUpdate", "mac"): {
        "Updates": [
            {
                "ProductVersion": "15.2",
                "InstallAction": "InstallLater",
                "MaxUserDeferrals": 3,
                "Priority": "High",
            },
            {"ProductKey": "MSU-1", "InstallAction": "DownloadOnly"},
        ]
    },
    ("InstallEnterpriseApplication", "mac"): {
        "Manifest": {"items": "by hand"},
        "InstallAsManaged": True,
        "ManagementFlags": 1,
        "Configuration": FREE,
    },
    ("EraseDevice", "phone"): {
        "PreserveDataPlan": True,
        "ReturnToService": {
            "Enabled": True,
            "WiFiProfileData": PROFILE,
            "MDMProfileData": PROFILE,
        },
    },
    ("InstalledApplicationList", "phone"): {
        "Identifiers": ["com.example.a", "com.example.b"],
        "ManagedAppsOnly": True,
        "Items": ["Name", "Version"],
    },
    ("RestartDevice", "mac"): {
        "RebuildKernelCache": True,
        "KextPaths": ["/Library/Extensions/A.kext"],
    },
    ("RotateFileVaultKey", "mac"): {},
    ("DeviceInformation", "phone"): {"Queries": ["DeviceName", "OSVersion"]},
    ("ManagedApplicationFeedback", "phone"): {
        "Identifiers": ["com.example.a"],
        "DeleteFeedback": False,
    },
}
SHORT = (("Settings", "pad"), ("AccountConfiguration", "mac"))
CHOSEN = tuple(KEYS) if os.environ.get("FORMS") == "all" else SHORT
SHOTS = os.environ.get("SHOTS", "")


def depth(key: Key) -> int:
    inner = [*key.keys.values(), *key.items, *filter(None, [key.wildcard])]
    return 1 + max(map(depth, inner), default=0)


def test_the_most_nested_are_among_those_filled_in() -> None:
    def nestedness(name: str) -> tuple[int, int]:
        keys = catalogue.commands()[name].keys.values()
        return max(map(depth, keys), default=0), len(keys)

    ranked = sorted(catalogue.commands(), key=nestedness, reverse=True)
    assert {name for name, _ in KEYS} >= set(ranked[:COUNT])


@pytest.fixture
def files(tmp_path: Path) -> Mapping[bytes, str]:
    found = {PNG: "wallpaper.png", PROFILE: "profile.mobileconfig"}
    for content, name in found.items():
        (tmp_path / name).write_bytes(content)
    return {content: str(tmp_path / name) for content, name in found.items()}


@pytest.fixture
def devices(portal: Portal) -> Mapping[str, int]:
    found: Mapping[str, int] = portal.manage("shell", "--no-imports", "--command", MAKE)
    return found


@pytest.mark.parametrize(
    ("request_type", "device"), CHOSEN, ids=lambda value: str(value)
)
def test_what_a_person_fills_in_is_ordered(
    staff: Visitor,
    portal: Portal,
    devices: Mapping[str, int],
    files: Mapping[bytes, str],
    request_type: str,
    device: str,
) -> None:
    page, keys = staff.page, KEYS[request_type, device]
    path = f"/admin/commands/command/order/{request_type}/?ids={devices[device]}"
    assert staff.open(path) == 200
    shoot(staff, f"{request_type}-{device}-empty")
    filler = Filler(page, files)
    filler.fill(catalogue.commands()[request_type].keys, keys)
    assert staff.overflow <= 0
    shoot(staff, f"{request_type}-{device}-filled")
    if page.locator("[name=confirm]").count():
        page.fill("[name=confirm]", f"The {device}")
    page.locator(".mp-split form button:not([type=button])").first.click()
    page.wait_for_url("**/admin/commands/order/**/change/")
    latest = portal.manage("shell", "--no-imports", "--command", LATEST)
    assert latest == {
        "type": request_type,
        "keys": json.loads(json.dumps(to_json(keys))),
    }
    assert staff.complaints == []


def shoot(visitor: Visitor, name: str) -> None:
    """Keep a picture, where somebody wants to look at them."""
    if SHOTS:
        width = visitor.page.viewport_size["width"]  # type: ignore[index]
        file = str(Path(SHOTS) / f"{name}-{width}.png")
        visitor.page.screenshot(path=file, full_page=True)


def test_an_element_is_taken_away_with_the_keyboard(
    staff: Visitor, devices: Mapping[str, int]
) -> None:
    page = staff.page
    path = "/admin/commands/command/order/ScheduleOSUpdate/"
    staff.open(f"{path}?ids={devices['mac']}")
    several = page.locator("#id_key-Updates")
    several.locator("[data-add]").focus()
    page.keyboard.press("Enter")
    elements = several.locator("[data-element]")
    expect(elements).to_have_count(2)
    expect(elements.nth(1).locator("select").first).to_be_focused()
    elements.nth(0).locator("[data-remove]").focus()
    page.keyboard.press("Enter")
    expect(elements).to_have_count(1)
    expect(page.locator('[name="key.Updates.1.InstallAction"]')).to_have_count(1)
    expect(several.locator("[data-add]")).to_be_focused()
    page.locator(".mp-split form button:not([type=button])").first.click()
    expect(page.locator("#id_key-Updates-about")).to_contain_text("This is required.")
    assert staff.overflow <= 0
    assert staff.complaints == []
