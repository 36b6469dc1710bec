"""Rules: what keys must be together, a line for each rule kept and each broken."""

from collections.abc import Mapping
from typing import Any

import pytest

from mdmportal import catalogue
from mdmportal.protocol import rules, schema

CSR = b"\x30\x82"
PNG = b"\x89PNG\r\n"


def setting(item: str, **keys: Any) -> dict[str, Any]:
    return {"Settings": [{"Item": item, **keys}]}


def account(**keys: Any) -> dict[str, Any]:
    return {"AutoSetupAdminAccounts": [{"shortName": "admin"}], **keys}


KEPT: list[tuple[str, Mapping[str, Any]]] = [
    ("AccountConfiguration", {}),
    ("AccountConfiguration", account(SkipPrimarySetupAccountCreation=True)),
    ("AccountConfiguration", {"SkipPrimarySetupAccountCreation": False}),
    ("AccountConfiguration", {"LockPrimaryAccountInfo": True}),
    ("DeclarativeManagement", {}),
    ("DeclarativeManagement", {"Data": b'{"SyncTokens": {}}'}),
    ("DeleteUser", {"UserName": "ada"}),
    ("DeleteUser", {"DeleteAllUsers": True}),
    ("DeleteUser", {"UserName": "ada", "DeleteAllUsers": False}),
    ("DeviceInformation", {"Queries": ["UDID"]}),
    (
        "DeviceInformation",
        {
            "Queries": ["DevicePropertiesAttestation"],
            "DeviceAttestationNonce": b"n" * 32,
        },
    ),
    ("DeviceLock", {}),
    ("DeviceLock", {"PIN": "012345"}),
    ("EnableLostMode", {"Message": "Please call."}),
    ("EnableLostMode", {"PhoneNumber": "+1", "Footnote": "Thank you"}),
    ("EraseDevice", {"PIN": "654321"}),
    ("InstallApplication", {"iTunesStoreID": 1}),
    ("InstallApplication", {"Identifier": "com.example.app", "ManifestURL": ""}),
    ("InstallApplication", {"ManifestURL": "HTTPS://example.com/app.plist"}),
    ("InstallEnterpriseApplication", {"Manifest": {"items": []}}),
    (
        "InstallEnterpriseApplication",
        {
            "ManifestURL": "https://example.com/app.plist",
            "ManifestURLPinningCerts": [CSR],
            "PinningRevocationCheckRequired": True,
        },
    ),
    ("InstallMedia", {"MediaType": "Book", "iTunesStoreID": 1}),
    ("InstallMedia", {"MediaURL": "https://x", "PersistentID": "1", "Kind": "pdf"}),
    ("InviteToProgram", {"InvitationURL": "https://buy.itunes.apple.com/x"}),
    ("LOMDeviceRequest", {"RequestList": [{}]}),
    ("RemoveMedia", {"PersistentID": "1"}),
    ("RequestMirroring", {"DestinationName": "TV", "DestinationDeviceID": "1"}),
    ("RestartDevice", {}),
    ("RestartDevice", {"RebuildKernelCache": True, "KextPaths": ["/Library/x"]}),
    (
        "RotateFileVaultKey",
        {
            "KeyType": "personal",
            "FileVaultUnlock": {"Password": "p"},
            "ReplyEncryptionCertificate": CSR,
        },
    ),
    ("ScheduleOSUpdate", {"Updates": [{"ProductVersion": "18.1"}]}),
    (
        "ScheduleOSUpdate",
        {
            "Updates": [
                {
                    "ProductKey": "x",
                    "InstallAction": "InstallLater",
                    "MaxUserDeferrals": 2,
                }
            ]
        },
    ),
    ("Settings", setting("Bluetooth", Enabled=False)),
    ("Settings", setting("DefaultApplications", WebBrowser="com.example.browser")),
    (
        "Settings",
        setting("SharedDeviceConfiguration", QuotaSize=1, UserSessionTimeout=0),
    ),
    ("Settings", setting("TimeZone", TimeZone="Europe/Berlin")),
    ("Settings", setting("Wallpaper", Image=PNG, Where=1)),
    ("Settings", setting("Wallpaper", Image=b"\xff\xd8\xff\xe0", Where=1)),
    ("ShutDownDevice", {}),
]

BROKEN: list[tuple[str, Mapping[str, Any], str]] = [
    (
        "AccountConfiguration",
        {"SkipPrimarySetupAccountCreation": True},
        "SkipPrimarySetupAccountCreation needs an administrator",
    ),
    (
        "AccountConfiguration",
        {"SetPrimarySetupAccountAsRegularUser": True, "AutoSetupAdminAccounts": []},
        "SetPrimarySetupAccountAsRegularUser needs an administrator",
    ),
    (
        "AccountConfiguration",
        {"DontAutoPopulatePrimaryAccountInfo": True, "LockPrimaryAccountInfo": True},
        "cannot go with LockPrimaryAccountInfo",
    ),
    ("DeclarativeManagement", {"Data": b"<plist/>"}, "Data must be JSON"),
    ("DeleteUser", {}, "needs one of UserName, DeleteAllUsers"),
    (
        "DeleteUser",
        {"UserName": "ada", "DeleteAllUsers": True},
        "UserName cannot go with DeleteAllUsers",
    ),
    ("DeviceInformation", {"Queries": []}, "Queries must not be empty"),
    (
        "DeviceInformation",
        {"Queries": ["UDID"], "DeviceAttestationNonce": b"n"},
        "DeviceAttestationNonce needs the query DevicePropertiesAttestation",
    ),
    (
        "DeviceInformation",
        {
            "Queries": ["DevicePropertiesAttestation"],
            "DeviceAttestationNonce": b"n" * 33,
        },
        "DeviceAttestationNonce must have at most 32 bytes",
    ),
    ("DeviceLock", {"PIN": "12345"}, "PIN must have 6 digits"),
    ("DeviceLock", {"PIN": "١٢٣٤٥٦"}, "PIN must have 6 digits"),
    ("DeviceLock", {"PIN": ""}, "PIN must have 6 digits"),
    ("EnableLostMode", {}, "needs Message or PhoneNumber"),
    ("EnableLostMode", {"Message": "", "Footnote": "x"}, "needs Message"),
    ("EraseDevice", {"PIN": "12345a"}, "PIN must have 6 digits"),
    ("InstallApplication", {}, "needs one of iTunesStoreID, Identifier, ManifestURL"),
    (
        "InstallApplication",
        {"iTunesStoreID": 1, "Identifier": "com.example.app"},
        "iTunesStoreID cannot go with Identifier",
    ),
    (
        "InstallApplication",
        {"ManifestURL": "http://example.com/app.plist"},
        "ManifestURL must begin with https://",
    ),
    ("InstallEnterpriseApplication", {}, "needs one of Manifest, ManifestURL"),
    (
        "InstallEnterpriseApplication",
        {"ManifestURL": "ftp://x"},
        "ManifestURL must begin with https://",
    ),
    (
        "InstallEnterpriseApplication",
        {"Manifest": {"items": []}, "ManifestURLPinningCerts": [CSR]},
        "ManifestURLPinningCerts needs ManifestURL as well",
    ),
    (
        "InstallEnterpriseApplication",
        {"ManifestURL": "https://x", "PinningRevocationCheckRequired": True},
        "PinningRevocationCheckRequired needs ManifestURLPinningCerts",
    ),
    ("InstallMedia", {"MediaType": "Book"}, "needs one of iTunesStoreID, MediaURL"),
    ("InstallMedia", {"MediaURL": "https://x"}, "needs PersistentID and Kind as well"),
    ("InviteToProgram", {"InvitationURL": "x"}, "must begin with https://"),
    ("LOMDeviceRequest", {"RequestList": []}, "RequestList must not be empty"),
    ("RemoveMedia", {}, "needs one of iTunesStoreID, PersistentID"),
    ("RequestMirroring", {"ScanTime": 10}, "needs DestinationName"),
    ("RestartDevice", {"KextPaths": ["/x"]}, "KextPaths needs RebuildKernelCache"),
    (
        "RotateFileVaultKey",
        {"KeyType": "institutional", "FileVaultUnlock": {"Password": "p"}},
        "NewCertificate is required where KeyType is institutional",
    ),
    (
        "RotateFileVaultKey",
        {"KeyType": "personal"},
        "ReplyEncryptionCertificate is required where KeyType is personal",
    ),
    (
        "RotateFileVaultKey",
        {"FileVaultUnlock": {}},
        "FileVaultUnlock needs one of Password, PrivateKeyExport",
    ),
    (
        "RotateFileVaultKey",
        {"FileVaultUnlock": {"PrivateKeyExport": b"x"}},
        "FileVaultUnlock.PrivateKeyExport needs PrivateKeyExportPassword",
    ),
    ("ScheduleOSUpdate", {"Updates": [{}]}, "Updates[0] needs ProductKey"),
    (
        "ScheduleOSUpdate",
        {"Updates": [{"ProductKey": "x", "MaxUserDeferrals": 1}]},
        "Updates[0].MaxUserDeferrals needs the InstallAction InstallLater",
    ),
    ("Settings", {"Settings": []}, "Settings must not be empty"),
    (
        "Settings",
        setting("DefaultApplications"),
        "Settings[0] needs WebBrowser or Calling or Messaging",
    ),
    (
        "Settings",
        setting("SharedDeviceConfiguration", QuotaSize=1, ResidentUsers=2),
        "Settings[0].QuotaSize cannot go with ResidentUsers",
    ),
    (
        "Settings",
        setting("SharedDeviceConfiguration", TemporarySessionTimeout=29),
        "Settings[0].TemporarySessionTimeout must be 30 seconds or more, or 0",
    ),
    (
        "Settings",
        setting("SharedDeviceConfiguration", PasscodePolicy={"AutoLockTime": 60}),
        "Settings[0].PasscodePolicy.AutoLockTime must be 120 seconds or more",
    ),
    (
        "Settings",
        setting("TimeZone", TimeZone="Berlin"),
        "Settings[0].TimeZone must be a time zone",
    ),
    (
        "Settings",
        setting("TimeZone", TimeZone="../etc/passwd"),
        "Settings[0].TimeZone must be a time zone",
    ),
    (
        "Settings",
        setting("Wallpaper", Image=b"GIF89a", Where=1),
        "Settings[0].Image must be a PNG or JPEG picture",
    ),
]


@pytest.mark.parametrize(("request_type", "keys"), KEPT)
def test_what_keeps_the_rules_has_no_problem(
    request_type: str, keys: Mapping[str, Any]
) -> None:
    assert rules.problems(request_type, keys) == []


@pytest.mark.parametrize(("request_type", "keys", "expected"), BROKEN)
def test_a_broken_rule_is_told_at_its_key(
    request_type: str, keys: Mapping[str, Any], expected: str
) -> None:
    (problem,) = rules.problems(request_type, keys)
    assert expected in str(problem)


def test_every_rule_is_tried_both_ways() -> None:
    assert {name for name, *_ in KEPT} >= set(rules.RULES)
    assert {name for name, *_ in BROKEN} == set(rules.RULES)
    tried = {
        item["Item"]
        for _, keys, _ in BROKEN
        for item in keys.get("Settings", ())
        if "Settings" in keys
    }
    assert tried == set(rules.ITEMS)


def test_rules_name_only_keys_that_the_schema_has() -> None:
    commands = catalogue.commands()
    assert set(rules.RULES) <= set(commands)
    shapes = commands["Settings"].keys["Settings"].items
    assert set(rules.ITEMS) <= {shape.name for shape in shapes}
    for request_type, keys, _ in BROKEN:
        command = commands[request_type]
        unknown = [
            each
            for each in schema.check(command, keys)
            if "is not a key of" in each.message
        ]
        assert unknown == []
