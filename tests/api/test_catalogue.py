"""The catalogue: every command, with its keys as JSON Schema."""

from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from api import json_schema
from commands import schema_json
from mdmportal import catalogue
from mdmportal.protocol import schema

from .conftest import Fleet, Program

COMMANDS = catalogue.commands()


def keys_of(request_type: str) -> dict[str, Any]:
    words = catalogue.words(request_type).keys
    return json_schema.of_command(COMMANDS[request_type], words)


def test_every_command_is_listed(api: Program) -> None:
    found = {row["request_type"]: row for row in api.get("commands/")["results"]}
    assert found.keys() == COMMANDS.keys()
    assert len(found) >= 66
    assert found["DeviceLock"]["title"] == "Lock"
    levels = {name: found[name]["level"] for name in ("EraseDevice", "SecurityInfo")}
    assert levels == {"EraseDevice": "erasing", "SecurityInfo": "harmless"}


@pytest.mark.parametrize("request_type", COMMANDS)
def test_the_keys_of_every_command_are_valid_json_schema(request_type: str) -> None:
    jsonschema.Draft202012Validator.check_schema(keys_of(request_type))


DEEP = 6
TEXTS = {"date-time": "2026-01-31T12:00:00Z", "base64": "aGVsbG8="}
OTHERS: dict[str, Any] = {"boolean": True, "number": 0.5}


def value(node: dict[str, Any], depth: int = 0) -> Any:
    """Return a value with everything in it that the JSON Schema knows."""
    if "oneOf" in node:
        return value(node["oneOf"][-1], depth)
    if "enum" in node:
        return node["enum"][0]
    kind = node.get("type", "string")
    if kind == "object":
        inner = node.get("properties", {}) if depth < DEEP else {}
        return {name: value(each, depth + 1) for name, each in inner.items()}
    if kind == "array":
        return [value(node["items"], depth + 1)] if "items" in node else []
    if kind == "integer":
        return int(node.get("minimum", node.get("maximum", 0)))
    if kind == "string":
        written = node.get("format") or node.get("contentEncoding", "")
        return TEXTS.get(written, "text")
    return OTHERS[kind]


@pytest.mark.parametrize("request_type", COMMANDS)
def test_what_the_json_schema_allows_is_what_the_portal_takes(
    request_type: str,
) -> None:
    command = COMMANDS[request_type]
    written = value(keys_of(request_type))
    read = {
        name: schema_json.from_json(command.keys[name], each)
        for name, each in written.items()
    }
    wrong = [str(each) for each in schema.check(command, read)]
    assert [each for each in wrong if "must match" not in each] == []


@pytest.mark.parametrize(
    ("request_type", "keys"),
    [
        ("DeviceLock", {"Mesage": "x"}),
        ("DeviceLock", {"Message": 7}),
        ("InstallProfile", {}),
        ("Settings", {"Settings": [{"Item": "Nope"}]}),
        ("Settings", {"Settings": [{"Item": "DeviceName", "DeviceName": 7}]}),
        ("DeviceInformation", {"Queries": "UDID"}),
    ],
)
def test_what_the_portal_refuses_does_not_fit_either(
    request_type: str, keys: dict[str, Any]
) -> None:
    assert schema.check(COMMANDS[request_type], keys)
    validator = jsonschema.Draft202012Validator(keys_of(request_type))
    assert not validator.is_valid(keys)


def test_a_command_is_told_with_all_that_it_takes(api: Program) -> None:
    told = api.get("commands/EraseDevice/")
    assert told["level"] == "erasing"
    assert "erased" in told["consequence"]
    assert told["description"]
    assert told["support"]["macOS"]["introduced"] == "10.7"
    assert "PIN" in told["filled"]
    pin = told["keys"]["properties"]["PIN"]
    assert pin["type"] == "string"
    assert pin["description"]
    assert list(pin["x-apple-support"]) == ["macOS"]


def test_what_the_portal_fills_in_need_not_be_given(api: Program) -> None:
    told = api.get("commands/ClearPasscode/")
    assert "UnlockToken" in told["filled"]
    assert "required" not in told["keys"]


def test_data_and_dates_say_how_they_are_written() -> None:
    payload = keys_of("InstallProfile")["properties"]["Payload"]
    assert payload["contentEncoding"] == "base64"


def test_whether_a_device_can_take_it_is_said_with_the_reason(
    api: Program, fleet: Fleet
) -> None:
    (iphone,) = fleet()
    (mac,) = fleet(platform="macOS", os_version="15.0")

    def refused(device: int) -> str:
        told = api.get(f"commands/EnableLostMode/?device={device}")
        return str(told["refused"])

    assert refused(iphone.enrollment.device_id) == ""
    assert refused(mac.enrollment.device_id) == "not on macOS"
    iphone.enrollment.end("it left")
    assert refused(iphone.enrollment.device_id) == "not enrolled"
    api.get("commands/EnableLostMode/?device=4711", 400)


def test_a_command_that_is_not_there_is_not_found(api: Program) -> None:
    api.get("commands/Nonsense/", 404)
