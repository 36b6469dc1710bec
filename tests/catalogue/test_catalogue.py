"""The catalogue that is delivered: complete, as compiled, and with what came later."""

import json
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from mdmportal import catalogue
from mdmportal.catalogue import compiler, wording
from mdmportal.protocol import schema
from mdmportal.protocol.rights import AccessRights

ROOT = Path(__file__).parents[2]
CHECKOUT = ROOT.parent / "shared" / "apple-schema"
FILES = resources.files("mdmportal.catalogue")
FILE = FILES / "commands.json"

COMPILED = schema.read(json.loads(FILE.read_text(encoding="utf-8")))
"""The release that was compiled, before what came later."""

needs_checkout = pytest.mark.skipif(
    not CHECKOUT.is_dir(), reason="no checkout of Apple's schema beside the project"
)


def target(os: str, *version: int) -> schema.Target:
    return schema.Target(os=os, version=version)


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
    commands = COMPILED
    assert len(commands) == 66
    assert sum(not command.keys for command in commands.values()) == 22
    assert sum(not command.answers for command in commands.values()) == 31
    keys = [key for command in commands.values() for key in command.keys.values()]
    assert len(keys) == 105
    assert all(name == command.request_type for name, command in commands.items())


def test_every_key_of_the_release_is_there():
    commands = COMPILED.values()
    asked = [key for each in commands for key in every_key(each.keys.values())]
    answered = [key for each in commands for key in every_key(each.answers.values())]
    assert (len(asked), len(answered)) == (346, 546)
    assert sum(key.required for key in asked) == 81


def test_settings_and_queries_are_all_there():
    commands = COMPILED
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


def test_sentences_are_kept_apart_from_facts():
    """Devices need facts, and only people the rest."""
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
    assert document["release"] == catalogue.release()


def test_a_catalogue_cannot_be_changed_by_its_readers():
    commands: Any = catalogue.commands()
    with pytest.raises(TypeError):
        commands["DeviceLock"] = None
    with pytest.raises(TypeError):
        commands["DeviceLock"].keys["PIN"] = None
    with pytest.raises(TypeError):
        commands["DeviceLock"].support["tvOS"] = schema.Support()


@needs_checkout
def test_the_catalogue_is_what_the_schema_compiles_to():
    compiled = compiler.compile_schema(CHECKOUT, release=catalogue.release())
    assert compiled.texts()["commands.json"] == FILE.read_text(encoding="utf-8")


@needs_checkout
def test_the_words_have_the_names_of_the_schema():
    compiled = compiler.compile_schema(CHECKOUT, release=catalogue.release())
    assert names(document("words.json")) == names(compiled.words)


def names(words: dict[str, Any]) -> dict[str, Any]:
    """Return title and keys of each command, with their titles, in their order."""
    return {
        name: (said["title"], [(key, each.get("title")) for key, each in keys.items()])
        for name, said in words["commands"].items()
        for keys in (said["keys"],)
    }


# --- In words of our own


def document(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FILES / name).read_text(encoding="utf-8"))
    return found


def descriptions() -> list[str]:
    """Return all that is said in the files that are delivered."""
    said = (document("words.json")["commands"], document("later.json")["words"])
    return [
        each["description"]
        for each in values(said)
        if isinstance(each, dict) and isinstance(each.get("description"), str)
    ]


def bare(text: str) -> str:
    """Return the words of a text, whatever is around and between them."""
    return " ".join(["", *re.findall(r"[^\W_]+", text.lower()), ""])


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences that are Apple's: of four words on, less is a name."""
    for sentence in re.split(r"(?<=[.!?:])\s|\n\s*\n|\n *\*", text):
        found = bare(sentence)
        if len(found.split()) >= 4:
            yield found


LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@needs_checkout
def test_no_sentence_of_apple_is_delivered() -> None:
    apples = {
        sentence
        for file in CHECKOUT.rglob("*.yaml")
        for event in yaml.parse(file.read_bytes(), Loader=LOADER)
        if isinstance(event, yaml.ScalarEvent)
        for sentence in sentences(event.value)
    }
    assert len(apples) > 1000
    ours = [bare(each) for each in descriptions()]
    assert len(ours) > 300
    assert [(one, each) for each in apples for one in ours if each in one] == []


def test_every_description_is_a_short_plain_line() -> None:
    for said in descriptions():
        assert 0 < len(said) <= 140, said
        assert said == wording.plain(said)
        assert "\n" not in said
        assert "This command" not in said


# --- What came later

KEY = tuple[str, ...]

LATER: list[tuple[KEY, schema.Target, str]] = [
    (("TriggerEnhancedLogCollection",), target("iOS", 26, 4), "needs iOS 27.0"),
    (("TriggerEnhancedLogCollection",), target("iOS", 27), ""),
    (
        ("CancelEnhancedLogCollection",),
        target("macOS", 27),
        "not on the device channel",
    ),
    (("AvailableOSUpdates",), target("iOS", 26, 4), ""),
    (("AvailableOSUpdates",), target("iOS", 27), "removed in iOS 27.0"),
    (("ScheduleOSUpdate",), target("macOS", 27), "removed in macOS 27.0"),
    (("ScheduleOSUpdateScan",), target("macOS", 27), "removed in macOS 27.0"),
    (("OSUpdateStatus",), target("tvOS", 27), "removed in tvOS 27.0"),
    (("EraseDevice", "ReturnToService"), target("visionOS", 26), ""),
    (("EraseDevice", "ReturnToService"), target("tvOS", 18), ""),
    (
        ("EraseDevice", "ReturnToService"),
        target("visionOS", 2, 2),
        "needs visionOS 26.0",
    ),
    (
        ("EraseDevice", "ReturnToService", "BootstrapToken"),
        target("iOS", 18, 1),
        "needs iOS 26.0",
    ),
    (
        ("EraseDevice", "ReturnToService", "BootstrapToken"),
        target("tvOS", 26),
        "not on tvOS",
    ),
    (
        ("EraseDevice", "ReturnToService", "ShouldRetryEnrollment"),
        target("iOS", 26, 4),
        "needs iOS 27.0",
    ),
    (("DeviceInformation", "IMEI"), target("iOS", 18, 7), ""),
    (("DeviceInformation", "IMEI"), target("iOS", 26), "removed in iOS 26.0"),
    (("DeviceInformation", "TimeZone"), target("macOS", 15), "needs macOS 26.0"),
    (("Settings", "DefaultApplications"), target("iOS", 18, 1), "needs iOS 18.2"),
    (("Settings", "DefaultApplications"), target("macOS", 26), "not on macOS"),
    (
        ("Settings", "DefaultApplications", "Calling"),
        target("iOS", 18, 2),
        "needs iOS 26.0",
    ),
    (("Settings", "SoftwareUpdateSettings"), target("iOS", 27), "removed in iOS 27.0"),
    (
        ("Settings", "MDMOptions", "MDMOptions", "IdleRebootAllowed"),
        target("iOS", 18, 3),
        "needs iOS 18.4",
    ),
]


@pytest.mark.parametrize(("path", "device", "expected"), LATER)
def test_what_came_later_is_known(
    path: KEY, device: schema.Target, expected: str
) -> None:
    what: schema.Command | schema.Key = catalogue.commands()[path[0]]
    for name in path[1:]:
        what = inside(what)[name]
    assert schema.unavailable(what, device) == expected


def inside(what: schema.Command | schema.Key) -> dict[str, schema.Key]:
    """Return the keys, shapes or values in it, also those in its only array."""
    found = dict(what.keys)
    several = [what] if isinstance(what, schema.Key) else []
    for key in (*several, *what.keys.values()):
        for item in key.items:
            found |= {item.name: item, **item.choices}
    return found


def test_default_apps_can_be_ordered_as_every_other_setting() -> None:
    item = {"Item": "DefaultApplications", "WebBrowser": "com.example.browser"}
    settings = catalogue.commands()["Settings"]
    assert schema.check(settings, {"Settings": [item]}) == []


# --- In words


def test_every_command_and_key_is_described() -> None:
    for name, command in catalogue.commands().items():
        words = catalogue.words(name)
        assert words.title
        assert words.description
        paths = set(every_path(command.keys.values()))
        assert paths - set(words.titles) == set()


def every_path(keys: Any, around: str = "") -> Iterator[str]:
    """Yield what is described: an element of the only shape there is need not be."""
    for key in keys:
        path = f"{around}{key.name}"
        yield path
        yield from every_path(key.keys.values(), f"{path}.")
        if len(key.items) > 1:
            yield from every_path(key.items, f"{path}.")
        for item in key.items[:1]:
            yield from every_path(item.keys.values(), f"{path}.{item.name}.")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("PhoneNumber", "Phone number"),
        ("PIN", "PIN"),
        ("iTunesStoreID", "iTunes Store ID"),
        ("eSIMServerURL", "eSIM server address"),
        ("passwordHash", "Password hash"),
        ("WiFiProfileData", "Wi-Fi profile data"),
        ("MDMProfileData", "MDM profile data"),
        ("VPNUUID", "VPN UUID"),
        ("FileVaultUnlock", "FileVault unlock"),
        ("DeleteAllUsers", "Delete all users"),
        ("ManifestURLPinningCerts", "Manifest address pinning certs"),
    ],
)
def test_names_are_spelled_as_people_do(name: str, expected: str) -> None:
    assert wording.spelled(name) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("If `true`, it's on.", "If “true”, it's on."),
        ("If 'true', the user's device.", "If “true”, the user's device."),
        ("See [Mac models](https://example.com/x).", "See Mac models."),
        ("> Note:\n> Be quick.", "Note:\nBe quick."),
    ],
)
def test_apples_marks_are_taken_out(text: str, expected: str) -> None:
    assert wording.plain(text) == expected


def test_what_nobody_described_has_no_words() -> None:
    assert catalogue.words("Unheard of") == catalogue.Words()
