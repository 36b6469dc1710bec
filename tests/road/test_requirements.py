"""Requirements: what a device must be beyond the schema, a line for each."""

from collections.abc import Mapping
from typing import Any

import pytest

from commands import requirements
from commands.requirements import Situation
from mdmportal import catalogue

MAC = {"platform": "macOS"}
BACK = {"ReturnToService": {"Enabled": True}}
PROFILE = {"ReturnToService": {"Enabled": True, "MDMProfileData": b"<plist/>"}}


def resident(**sizes: Any) -> dict[str, Any]:
    return {"Settings": [{"Item": "SharedDeviceConfiguration", **sizes}]}


MOST = {"Settings": [{"Item": "MaximumResidentUsers", "MaximumResidentUsers": 3}]}

TRIED: list[tuple[str, Mapping[str, Any], Mapping[str, Any], str]] = [
    # Lost Mode.
    ("DeviceLocation", {}, {"in_lost_mode": False}, "turn Lost Mode on first"),
    ("DeviceLocation", {}, {"in_lost_mode": True}, ""),
    ("PlayLostModeSound", {}, {"in_lost_mode": False}, "turn Lost Mode on first"),
    ("PlayLostModeSound", {}, {"in_lost_mode": True}, ""),
    ("DisableLostMode", {}, {"in_lost_mode": False}, "nothing to turn off"),
    ("DisableLostMode", {}, {"in_lost_mode": True}, ""),
    ("EnableLostMode", {}, {"in_lost_mode": True}, "in Lost Mode already"),
    ("EnableLostMode", {}, {"in_lost_mode": False}, ""),
    ("ClearPasscode", {}, {"in_lost_mode": True}, "whoever has it could get in"),
    ("ClearPasscode", {}, {"in_lost_mode": False}, ""),
    # Setup Assistant.
    ("AccountConfiguration", {}, {"awaiting_configuration": False}, "only while it"),
    ("AccountConfiguration", {}, {"awaiting_configuration": True}, ""),
    ("DeviceConfigured", {}, {"awaiting_configuration": False}, "only while it waits"),
    ("DeviceConfigured", {}, {"awaiting_configuration": True}, ""),
    (
        "DeviceConfigured",
        {},
        {"awaiting_configuration": False, "is_user": True, **MAC},
        "",
    ),
    ("UserConfigured", {}, {"user_awaits": False, "is_user": True}, "does not wait"),
    ("UserConfigured", {}, {"user_awaits": True, "is_user": True}, ""),
    (
        "Settings",
        resident(QuotaSize=1024),
        {"awaiting_configuration": False},
        "QuotaSize can be set only while Setup Assistant waits",
    ),
    ("Settings", resident(QuotaSize=1), {"awaiting_configuration": True}, ""),
    (
        "Settings",
        resident(UserSessionTimeout=60),
        {"awaiting_configuration": False},
        "",
    ),
    ("Settings", MOST, {"awaiting_configuration": False}, "MaximumResidentUsers can"),
    # Macs.
    ("SetFirmwarePassword", {}, {"is_apple_silicon": True}, "use a recovery lock"),
    ("SetFirmwarePassword", {}, {"is_apple_silicon": False}, ""),
    ("VerifyFirmwarePassword", {}, {"is_apple_silicon": True}, "use a recovery lock"),
    ("VerifyFirmwarePassword", {}, {"is_apple_silicon": False}, ""),
    ("SetRecoveryLock", {}, {"is_apple_silicon": False}, "use a firmware password"),
    ("SetRecoveryLock", {}, {"is_apple_silicon": True}, ""),
    ("VerifyRecoveryLock", {}, {"is_apple_silicon": False}, "use a firmware password"),
    ("VerifyRecoveryLock", {}, {"is_apple_silicon": True}, ""),
    (
        "InstallApplication",
        {"iOSApp": True},
        {"is_apple_silicon": False},
        "only on Macs with Apple silicon",
    ),
    ("InstallApplication", {}, {"is_apple_silicon": False}, ""),
    (
        "InstallEnterpriseApplication",
        {"iOSApp": True},
        {"is_apple_silicon": False},
        "only on Macs with Apple silicon",
    ),
    ("InstallEnterpriseApplication", {"iOSApp": True}, {"is_apple_silicon": True}, ""),
    (
        "DeviceLock",
        {"PIN": "123456"},
        {**MAC, "is_apple_silicon": True, "version": (11, 4)},
        "would be deactivated, not locked",
    ),
    (
        "DeviceLock",
        {"PIN": "123456"},
        {**MAC, "is_apple_silicon": True, "version": (11, 5)},
        "",
    ),
    ("DeviceLock", {"PIN": "123456"}, {**MAC, "version": (11, 4)}, ""),
    # Once all is filled in.
    ("DeviceLock", {}, {**MAC, "needs_pin_to_lock": True}, "a PIN of six digits"),
    ("DeviceLock", {"PIN": "123456"}, {**MAC, "needs_pin_to_lock": True}, ""),
    ("DeviceLock", {}, {**MAC, "needs_pin_to_lock": False}, ""),
    ("EraseDevice", {}, {**MAC, "needs_pin_to_erase": True}, "a PIN of six digits"),
    ("EraseDevice", {"PIN": "123456"}, {**MAC, "needs_pin_to_erase": True}, ""),
    ("EraseDevice", {}, {"platform": "iOS", "needs_pin_to_erase": True}, ""),
    ("EraseDevice", BACK, {"mode": "device"}, "could not return to service"),
    ("EraseDevice", BACK, {"mode": "automated"}, ""),
    ("EraseDevice", PROFILE, {"mode": "device"}, ""),
    ("EraseDevice", {"ReturnToService": {"Enabled": False}}, {"mode": "device"}, ""),
]


def unmet(request_type: str, keys: Mapping[str, Any], **facts: Any) -> str:
    return requirements.unmet(request_type, keys, Situation(**facts), is_complete=True)


@pytest.mark.parametrize(("request_type", "keys", "facts", "expected"), TRIED)
def test_what_a_device_is_not_is_told(
    request_type: str, keys: Mapping[str, Any], facts: dict[str, Any], expected: str
) -> None:
    why = unmet(request_type, keys, **facts)
    assert bool(why) == bool(expected)
    assert expected in why


TABLES = {**requirements.REQUIREMENTS, **requirements.OF_COMPLETE}


@pytest.mark.parametrize("request_type", sorted(TABLES))
def test_what_is_unknown_refuses_nothing(request_type: str) -> None:
    for keys in (keys for name, keys, *_ in TRIED if name == request_type):
        assert unmet(request_type, keys) == ""


def test_every_requirement_is_tried_both_ways() -> None:
    assert set(TABLES) <= set(catalogue.commands())
    for outcome in (True, False):
        tried = {name for name, _, _, expected in TRIED if bool(expected) == outcome}
        assert tried == set(TABLES)


def test_what_the_portal_fills_in_is_not_missed_when_it_is_ordered() -> None:
    mac = Situation(platform="macOS", needs_pin_to_lock=True)
    assert requirements.unmet("DeviceLock", {}, mac) == ""


@pytest.mark.parametrize(
    ("request_type", "facts"),
    [
        ("DeviceConfigured", {"awaiting_configuration": True}),
        ("DeviceConfigured", {"platform": "macOS", "is_user": True}),
        ("UserConfigured", {"user_awaits": True, "is_user": True}),
    ],
)
def test_what_a_device_waits_for_is_never_withheld(
    request_type: str, facts: dict[str, Any]
) -> None:
    assert requirements.is_awaited(request_type, Situation(**facts))
    assert not requirements.is_awaited("EraseDevice", Situation(**facts))
    assert not requirements.is_awaited(request_type, Situation())
