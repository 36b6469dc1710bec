"""Schemas: what check and unavailable say; nothing but a ProtocolError escapes."""

import contextlib
import datetime as dt
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdmportal import catalogue
from mdmportal.protocol import ProtocolError, schema
from mdmportal.protocol.rights import AccessRights

COMMANDS = catalogue.commands()


def problems(request_type: str, keys: Any) -> list[str]:
    return [str(problem) for problem in schema.check(COMMANDS[request_type], keys)]


LOM_REQUEST = {
    "DeviceRequestType": "Reset",
    "DeviceRequestUUID": "B1F6",
    "DeviceDNSName": "mac.example.com",
    "PrimaryIPv6AddressList": ["fe80::1"],
    "SecondaryIPv6AddressList": [],
    "LOMProtocolVersion": 1,
}

VALID: list[tuple[str, Mapping[str, Any]]] = [
    ("SecurityInfo", {}),
    ("SecurityInfo", {"RequestRequiresNetworkTether": True}),
    ("DeviceLock", {"Message": "Found me?", "PIN": "123456"}),
    ("EraseDevice", {"ReturnToService": {"Enabled": True, "WiFiProfileData": b"<"}}),
    ("EraseDevice", {"ObliterationBehavior": "Always"}),
    ("InstallProfile", {"Payload": b"<plist/>"}),
    ("RemoveProfile", {"Identifier": "com.example.wifi"}),
    ("ClearPasscode", {"UnlockToken": b"token"}),
    ("DeviceInformation", {"Queries": ["UDID", "OSVersion"]}),
    ("InstalledApplicationList", {"Items": ["Name", "Version"]}),
    ("InstallApplication", {"iTunesStoreID": 361309726, "ManagementFlags": 5}),
    ("InstallApplication", {"Configuration": {"server": {"any": ["thing", 1]}}}),
    ("ManagedApplicationFeedback", {"Identifiers": [], "DeleteFeedback": False}),
    ("RotateFileVaultKey", {"KeyType": "personal", "FileVaultUnlock": {}}),
    ("ScheduleOSUpdate", {"Updates": [{"InstallAction": "Default"}]}),
    ("LOMDeviceRequest", {"RequestList": [LOM_REQUEST]}),
    (
        "Settings",
        {
            "Settings": [
                {"Item": "Bluetooth", "Enabled": True},
                {"Item": "Wallpaper", "Image": b"\x89PNG", "Where": 3},
                {"Item": "ApplicationConfiguration", "Identifier": "com.example"},
                {"Item": "OrganizationInfo"},
            ]
        },
    ),
]


@pytest.mark.parametrize(("request_type", "keys"), VALID)
def test_what_the_schema_allows_has_no_problem(request_type, keys):
    assert problems(request_type, keys) == []


INTEGER = "iTunesStoreID must be an integer"

INVALID: list[tuple[str, Any, list[str]]] = [
    ("SecurityInfo", {"Extra": 1}, ["Extra is not a key of SecurityInfo"]),
    ("SecurityInfo", [], ["must be a dictionary"]),
    ("DeviceLock", {"PIN": 123456}, ["PIN must be a string"]),
    ("EraseDevice", {"ReturnToService": {}}, ["ReturnToService.Enabled is required"]),
    (
        "EraseDevice",
        {"ReturnToService": {"Enabled": 1, "Wifi": b""}},
        [
            "ReturnToService.Enabled must be a boolean",
            "ReturnToService.Wifi is not a key of ReturnToService",
        ],
    ),
    (
        "EraseDevice",
        {"ObliterationBehavior": "Sometimes"},
        [
            "ObliterationBehavior must be one of "
            "Default, DoNotObliterate, ObliterateWithWarning, Always"
        ],
    ),
    ("InstallProfile", {}, ["Payload is required"]),
    ("InstallProfile", {"Payload": "<plist/>"}, ["Payload must be data"]),
    ("RemoveProfile", {"Identifier": None}, ["Identifier must be a string"]),
    ("InviteToProgram", {}, ["ProgramID is required", "InvitationURL is required"]),
    (
        "InviteToProgram",
        {"ProgramID": "x", "InvitationURL": "https://example.com"},
        ["ProgramID must be com.apple.cloudvpp"],
    ),
    (
        "InstallApplication",
        {"iTunesStoreID": True},
        ["iTunesStoreID must be an integer"],
    ),
    (
        "InstallApplication",
        {"ManagementFlags": 2},
        ["ManagementFlags must be one of 1, 4, 5"],
    ),
    (
        "InstallApplication",
        {"Attributes": {"AssociatedDomains": ["a", 1]}},
        ["Attributes.AssociatedDomains[1] must be a string"],
    ),
    (
        "ManagedApplicationFeedback",
        {"Identifiers": "a"},
        ["Identifiers must be an array"],
    ),
    (
        "ScheduleOSUpdate",
        {"Updates": [{"InstallAction": "Default"}, {}]},
        ["Updates[1].InstallAction is required"],
    ),
    (
        "LOMDeviceRequest",
        {"RequestList": [{**LOM_REQUEST, "LOMProtocolVersion": 1.0}]},
        ["RequestList[0].LOMProtocolVersion must be an integer"],
    ),
    (
        "Settings",
        {"Settings": [{"Item": "Bluetooth"}, {"Item": "HostName", "Enabled": True}]},
        [
            "Settings[0].Enabled is required",
            "Settings[1].HostName is required",
            "Settings[1].Enabled is not a key of HostName",
        ],
    ),
    ("Settings", {"Settings": ["Bluetooth"]}, ["Settings[0] must be a dictionary"]),
]


@pytest.mark.parametrize(("request_type", "keys", "expected"), INVALID)
def test_a_problem_names_its_field_in_apples_words(request_type, keys, expected):
    assert problems(request_type, keys) == expected


@pytest.mark.parametrize("item", [{}, {"Item": "Bluethooth"}, {"Item": ["Bluetooth"]}])
def test_an_item_of_settings_must_say_which_it_is(item):
    (problem,) = problems("Settings", {"Settings": [item]})
    assert problem.startswith("Settings[0].Item must be one of Wallpaper, DataRoaming")


def test_a_query_must_be_one_that_apple_lists():
    (problem,) = problems("DeviceInformation", {"Queries": ["UDID", "Secrets"]})
    assert problem.startswith("Queries[1] must be one of UDID, ProvisioningUDID")
    assert problem.endswith(", …")


def test_a_problem_does_not_quote_the_value():
    (problem,) = problems("DeviceLock", {"PIN": b"hunter2"})
    assert "hunter2" not in problem


def command_of(*keys: dict[str, Any]) -> schema.Command:
    document = {"commands": {"Try": {"os": {}, "keys": list(keys)}}}
    return schema.read(document)["Try"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0, ""),
        (1.0, ""),
        (-1, "at least 0"),
        (1.5, "at most 1"),
        (True, "must be a number"),
    ],
)
def test_a_range_includes_its_ends(value, message):
    command = command_of({"name": "Level", "type": "real", "minimum": 0, "maximum": 1})
    found = schema.check(command, {"Level": value})
    assert message in "".join(map(str, found))
    assert bool(found) == bool(message)


def test_a_format_is_a_regular_expression():
    command = command_of({"name": "URL", "type": "string", "format": "^https://.*$"})
    assert schema.check(command, {"URL": "https://example.com"}) == []
    assert schema.check(command, {"URL": "http://example.com"}) != []


def test_a_format_that_python_cannot_read_refuses_nothing():
    command = command_of({"name": "Name", "type": "string", "format": r"^\p{Lu}+$"})
    assert schema.check(command, {"Name": "anything"}) == []


def test_a_type_of_a_later_schema_fits_everything():
    command = command_of({"name": "New", "type": "quaternion"})
    assert schema.check(command, {"New": object()}) == []


def test_a_wildcard_takes_any_name_but_not_any_value():
    wildcard = {"name": "ANY index", "type": "integer"}
    command = command_of({"name": "Map", "type": "dictionary", "wildcard": wildcard})
    assert schema.check(command, {"Map": {"a": 1, "b": 2}}) == []
    assert (
        str(*schema.check(command, {"Map": {"a": "1"}})) == "Map.a must be an integer"
    )


def test_a_recursive_key_takes_anything_where_it_starts_again():
    again = {"name": "Folder", "type": "dictionary", "recursive": True}
    outer = {"name": "Folder", "type": "dictionary", "keys": [again]}
    assert schema.check(command_of(outer), {"Folder": {"Folder": {"x": [1]}}}) == []


TEXTS = st.text("aé☃.\0", max_size=4)

PLIST_VALUES = st.recursive(
    st.booleans()
    | st.integers()
    | st.floats()
    | TEXTS
    | st.binary(max_size=8)
    | st.datetimes()
    | st.sampled_from(["Bluetooth", "Wallpaper", "UDID", "Default"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["Item", "Enabled", "InstallAction", "Attributes", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@st.composite
def some_keys(draw: st.DrawFn) -> tuple[schema.Command, dict[str, Any]]:
    command = COMMANDS[draw(st.sampled_from(sorted(COMMANDS)))]
    names = st.sampled_from([*command.keys, "Unknown"])
    return command, draw(st.dictionaries(names, PLIST_VALUES, max_size=4))


@given(some_keys())
def test_check_finds_problems_and_never_raises(ordered):
    command, keys = ordered
    for problem in schema.check(command, keys):
        assert problem.message
        assert problem.path


@given(PLIST_VALUES)
def test_check_bears_what_is_no_dictionary(value):
    for command in COMMANDS.values():
        assert isinstance(schema.check(command, value), list)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["commands", "os", "keys", "name", "type", "items", "iOS"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON_VALUES)
def test_what_is_no_catalogue_is_a_protocol_error(value):
    with contextlib.suppress(ProtocolError):
        schema.read(value)
    with pytest.raises(ProtocolError):
        schema.read({"commands": {"Try": {"keys": value}}})


def unavailable(what: schema.Command | schema.Key, **device: Any) -> str:
    return schema.unavailable(what, schema.Target(**device))


UNAVAILABLE: list[tuple[str, dict[str, Any], str]] = [
    # The operating system and its version.
    ("DeviceLocation", {"os": "macOS"}, "not on macOS"),
    ("DeviceLocation", {"os": "iPadOS"}, ""),
    ("DeviceLocation", {"os": ""}, ""),
    ("PlayLostModeSound", {"os": "iOS", "version": (10, 2, 1)}, "needs iOS 10.3"),
    ("PlayLostModeSound", {"os": "iPadOS", "version": (9,)}, "needs iPadOS 10.3"),
    ("PlayLostModeSound", {"os": "iOS", "version": (10, 3)}, ""),
    ("PlayLostModeSound", {"os": "iOS"}, ""),
    ("InstallProfile", {"os": "tvOS", "version": (9,)}, ""),
    # Supervision.
    ("DeviceLocation", {"os": "iOS", "supervised": False}, "needs a supervised device"),
    ("DeviceLocation", {"os": "iOS", "supervised": True}, ""),
    ("DeviceLocation", {"os": "iOS", "supervised": None}, ""),
    # Channels: those of a Mac, and those of a Shared iPad.
    ("DeviceLock", {"os": "macOS", "channel": "user"}, "not on the user channel"),
    (
        "ActiveNSExtensions",
        {"os": "macOS", "channel": "device"},
        "not on the device channel",
    ),
    ("InstallProfile", {"os": "macOS", "channel": "user"}, ""),
    ("SecurityInfo", {"os": "iOS", "channel": "user"}, "not on the user channel"),
    ("InstallProfile", {"os": "iOS", "channel": "user", "mode": "shared"}, ""),
    ("InviteToProgram", {"os": "iOS", "mode": "device"}, ""),
    ("InviteToProgram", {"os": "iOS", "mode": "shared"}, "not on the device channel"),
    # The way in.
    ("EraseDevice", {"os": "iOS", "mode": "user"}, "not under User Enrollment"),
    ("EraseDevice", {"os": "iOS", "mode": "device"}, ""),
    ("ClearPasscode", {"os": "iOS", "mode": "shared"}, "not on Shared iPad"),
    ("UserList", {"os": "iOS", "mode": "automated"}, "only on Shared iPad"),
    ("UserList", {"os": "iOS", "mode": "shared"}, ""),
    ("UserList", {"os": "iOS", "mode": "unheard of"}, ""),
    (
        "AccountConfiguration",
        {"os": "macOS", "mode": "account"},
        "needs Automated Device Enrollment",
    ),
    ("AccountConfiguration", {"os": "macOS", "mode": "automated"}, ""),
    # AccessRights.
    (
        "EraseDevice",
        {"os": "iOS", "rights": 8191 - 8},
        "needs the right to erase the device",
    ),
    ("EraseDevice", {"os": "iOS", "rights": 8}, ""),
    ("EraseDevice", {"os": "iOS", "rights": 0}, ""),
    ("InstallProfile", {"os": "iOS", "rights": 1, "mode": "user"}, ""),
]


@pytest.mark.parametrize(("request_type", "device", "reason"), UNAVAILABLE)
def test_a_command_says_why_it_cannot_be_used(request_type, device, reason):
    assert unavailable(COMMANDS[request_type], **device) == reason


def test_what_was_removed_is_told_so():
    facts = {"iOS": {"introduced": "4.0", "removed": "18.0"}}
    command = schema.read({"commands": {"Old": {"os": facts}}})["Old"]
    assert unavailable(command, os="iOS", version=(17, 7)) == ""
    reason = unavailable(command, os="iOS", version=(18,))
    assert reason == "removed in iOS 18.0"


def test_a_key_overrides_what_it_inherits_and_no_more():
    settings = COMMANDS["Settings"].keys["Settings"].items
    bluetooth = schema.shape_of(settings, {"Item": "Bluetooth"})
    assert bluetooth is not None
    ios = bluetooth.support["iOS"]
    assert (ios.introduced, ios.supervised) == ((11, 3), True)
    assert ios.access_right == AccessRights.AllowSettings
    assert unavailable(bluetooth, os="tvOS") == "not on tvOS"


def test_a_query_is_asked_about_by_itself():
    queries = COMMANDS["DeviceInformation"].keys["Queries"].items[0].choices
    reason = unavailable(queries["UDID"], os="iOS", mode="user")
    assert reason == "not under User Enrollment"
    assert unavailable(queries["WiFiMAC"], os="iOS", rights=16) == (
        "needs the right to query network information"
    )
    assert unavailable(queries["OSVersion"], os="iOS", mode="user") == ""


def test_a_version_is_compared_by_its_numbers():
    assert schema.parse_version("10.13.4") == (10, 13, 4)
    assert schema.parse_version("") == ()
    with pytest.raises(ProtocolError):
        schema.parse_version("17 beta")


def test_dates_are_taken_for_dates():
    command = command_of({"name": "When", "type": "date"})
    assert schema.check(command, {"When": dt.datetime(2024, 10, 21)}) == []
    assert str(*schema.check(command, {"When": "2024-10-21"})) == "When must be a date"


# Keys that a device does not know


RETURN = {"ReturnToService": {"Enabled": True}}
WALLPAPER = {"Settings": [{"Item": "Wallpaper", "Image": b"", "Where": 1}]}

UNSUPPORTED: list[tuple[str, Mapping[str, Any], dict[str, Any], list[str]]] = [
    ("EraseDevice", RETURN, {"os": "iOS", "version": (17, 1)}, []),
    (
        "EraseDevice",
        RETURN,
        {"os": "iPadOS", "version": (16, 7)},
        ["ReturnToService needs iPadOS 17.0"],
    ),
    ("EraseDevice", RETURN, {"os": "macOS"}, ["ReturnToService not on macOS"]),
    ("EraseDevice", RETURN, {"os": "iOS"}, []),
    ("EraseDevice", RETURN, {"os": ""}, []),
    (
        "EraseDevice",
        {"ReturnToService": {"Enabled": True, "ShouldRetryEnrollment": True}},
        {"os": "iOS", "version": (26, 1)},
        ["ReturnToService.ShouldRetryEnrollment needs iOS 27.0"],
    ),
    # A default asks for what is done anyway.
    ("EraseDevice", {"PreserveDataPlan": False}, {"os": "macOS"}, []),
    (
        "EraseDevice",
        {"PreserveDataPlan": True, "PIN": "123456"},
        {"os": "tvOS"},
        ["PreserveDataPlan not on tvOS", "PIN not on tvOS"],
    ),
    # An item of Settings, told by its name.
    (
        "Settings",
        WALLPAPER,
        {"os": "iOS", "supervised": False},
        ["Settings[0] Wallpaper needs a supervised device"],
    ),
    ("Settings", WALLPAPER, {"os": "iOS", "supervised": True}, []),
    (
        "Settings",
        {"Settings": [{"Item": "Unheard of"}, *WALLPAPER["Settings"]]},
        {"os": "macOS"},
        ["Settings[1] Wallpaper not on macOS"],
    ),
    # A key inside an item.
    (
        "Settings",
        {
            "Settings": [
                {"Item": "MDMOptions", "MDMOptions": {"IdleRebootAllowed": True}}
            ]
        },
        {"os": "iOS", "version": (18, 3)},
        ["Settings[0].MDMOptions.IdleRebootAllowed needs iOS 18.4"],
    ),
    # A question.
    (
        "DeviceInformation",
        {"Queries": ["UDID", "IMEI", "OSVersion"]},
        {"os": "iOS", "version": (26,)},
        ["Queries[1] IMEI removed in iOS 26.0"],
    ),
    # What is no key is not asked here, nor what has the wrong type.
    ("EraseDevice", {"Unheard": True, "ReturnToService": 3}, {"os": "iOS"}, []),
    ("Settings", {"Settings": "Wallpaper"}, {"os": "macOS"}, []),
]


@pytest.mark.parametrize(("request_type", "keys", "device", "expected"), UNSUPPORTED)
def test_a_key_that_a_device_does_not_know_is_told(
    request_type: str,
    keys: Mapping[str, Any],
    device: dict[str, Any],
    expected: list[str],
) -> None:
    target = schema.Target(**device)
    found = schema.unsupported(COMMANDS[request_type], keys, target)
    assert [str(problem) for problem in found] == expected


@given(st.data())
def test_what_is_unsupported_is_found_whatever_is_given(data: st.DataObject) -> None:
    command = COMMANDS[data.draw(st.sampled_from(sorted(COMMANDS)))]
    names = st.sampled_from([*command.keys, "Unheard of"])
    values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=5,
    )
    keys = data.draw(st.dictionaries(names, values, max_size=3))
    found = schema.unsupported(command, keys, schema.Target(os="macOS"))
    assert all(problem.path and problem.message for problem in found)
