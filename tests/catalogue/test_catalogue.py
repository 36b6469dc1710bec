"""The catalogue that is delivered: complete, as compiled, without Apple's sentences."""

import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from mdmportal import catalogue
from mdmportal.catalogue import compiler
from mdmportal.protocol import schema
from mdmportal.protocol.rights import AccessRights

ROOT = Path(__file__).parents[2]
CHECKOUT = ROOT.parent / "shared" / "apple-schema"
FILE = resources.files("mdmportal.catalogue") / "commands.json"

needs_checkout = pytest.mark.skipif(
    not CHECKOUT.is_dir(), reason="no checkout of Apple's schema beside the project"
)


def values(document: Any) -> Iterator[Any]:
    yield document
    inner = document.values() if isinstance(document, dict) else document
    if isinstance(inner, str) or not hasattr(inner, "__iter__"):
        return
    for value in inner:
        yield from values(value)


def every_key(keys: Any) -> Iterator[schema.Key]:
    for key in keys:
        yield key
        yield from every_key(key.keys.values())
        yield from every_key(key.choices.values())
        yield from every_key(key.items)
        yield from every_key([key.wildcard] if key.wildcard else [])


def test_every_request_type_of_the_release_is_there():
    commands = catalogue.commands()
    assert len(commands) == 66
    assert sum(not command.keys for command in commands.values()) == 22
    assert sum(not command.answers for command in commands.values()) == 31
    keys = [key for command in commands.values() for key in command.keys.values()]
    assert len(keys) == 105
    assert all(name == command.request_type for name, command in commands.items())


def test_every_key_of_the_release_is_there():
    commands = catalogue.commands().values()
    asked = [key for each in commands for key in every_key(each.keys.values())]
    answered = [key for each in commands for key in every_key(each.answers.values())]
    assert (len(asked), len(answered)) == (346, 546)
    assert sum(key.required for key in asked) == 81


def test_settings_and_queries_are_all_there():
    commands = catalogue.commands()
    assert len(commands["Settings"].keys["Settings"].items) == 19
    (query,) = commands["DeviceInformation"].keys["Queries"].items
    assert len(query.choices) == 85
    assert query.values == tuple(query.choices)


@pytest.mark.parametrize(
    ("request_type", "os", "expected"),
    [
        ("InstallProfile", "iOS", ((4, 0), 2)),
        ("InstallProfile", "watchOS", ((10, 0), 2)),
        ("RestartDevice", "tvOS", ((10, 2), 4)),
        ("RotateFileVaultKey", "macOS", ((10, 9), 4)),
        ("ActiveNSExtensions", "macOS", ((10, 13), 256)),
        ("InstallEnterpriseApplication", "macOS", ((10, 13, 6), 4096)),
        ("DeviceInformation", "visionOS", ((1, 1), 0)),
        ("DeviceConfigured", "visionOS", ((2, 0), 0)),
    ],
)
def test_a_command_tells_since_when_and_by_which_right(request_type, os, expected):
    support = catalogue.commands()[request_type].support[os]
    assert (support.introduced, support.access_right) == expected


def test_a_command_is_missing_where_it_does_not_exist():
    assert set(catalogue.commands()["RotateFileVaultKey"].support) == {"macOS"}
    assert set(catalogue.commands()["DeviceLock"].support) == {
        "iOS",
        "macOS",
        "visionOS",
        "watchOS",
    }


def test_every_name_of_a_right_is_known():
    document = json.loads(FILE.read_text(encoding="utf-8"))
    names = {
        value["access_right"]
        for value in values(document)
        if isinstance(value, dict) and "access_right" in value
    }
    assert names - set(AccessRights.__members__) == {"None", "n/a", "Special Case"}


def test_every_type_is_known():
    commands = catalogue.commands().values()
    several = [each.keys for each in commands] + [each.answers for each in commands]
    found = {key.type for keys in several for key in every_key(keys.values())}
    assert found == {
        "any",
        "array",
        "boolean",
        "data",
        "date",
        "dictionary",
        "integer",
        "real",
        "string",
    }


def test_no_sentence_of_apples_is_in_the_catalogue():
    document = json.loads(FILE.read_text(encoding="utf-8"))
    texts = [value for value in values(document["commands"]) if isinstance(value, str)]
    assert [text for text in texts if " " in text and len(text) > 25] == []
    assert [text for text in texts if len(text) > 60] == []


def test_the_licence_is_named_with_the_data():
    document = json.loads(FILE.read_text(encoding="utf-8"))
    assert document["licence"] == "MIT"
    assert document["copyright"] in (ROOT / "THIRD-PARTY.md").read_text(
        encoding="utf-8"
    )
    assert document["release"] == catalogue.RELEASE


def test_a_catalogue_cannot_be_changed_by_its_readers():
    commands: Any = catalogue.commands()
    with pytest.raises(TypeError):
        commands["DeviceLock"] = None
    with pytest.raises(TypeError):
        commands["DeviceLock"].keys["PIN"] = None
    with pytest.raises(TypeError):
        commands["DeviceLock"].support["tvOS"] = schema.Support()


@needs_checkout
def test_the_catalogue_is_what_the_schema_compiles_to(tmp_path):
    fresh = tmp_path / "commands.json"
    compiler.write(CHECKOUT, fresh, release=catalogue.RELEASE)
    assert fresh.read_text(encoding="utf-8") == FILE.read_text(encoding="utf-8")
