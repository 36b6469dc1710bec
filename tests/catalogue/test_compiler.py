"""The compiler: what it takes from a file of Apple's format, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest

from mdmportal.catalogue import compiler
from mdmportal.protocol import schema

COMMAND = """
title: A Title
description: A sentence of Apple's.
payload:
  requesttype: Try
  supportedOS:
    iOS:
      introduced: 10.10
      accessrights: AllowSettings
      sharedipad:
        mode: allowed
        devicechannel: true
    macOS:
      introduced: n/a
  content: Another sentence.
payloadkeys:
{keys}
"""


def checkout(tmp_path: Path, keys: str) -> Path:
    (tmp_path / "LICENSE.txt").write_text("Copyright © 2022 Apple Inc.\n\nPermission")
    folder = tmp_path / "mdm" / "commands"
    folder.mkdir(parents=True)
    (folder / "try.yaml").write_text(COMMAND.format(keys=keys))
    return tmp_path


def compiled(tmp_path: Path, keys: str) -> dict[str, Any]:
    document = compiler.compile_schema(
        checkout(tmp_path, keys), release="test"
    ).commands
    schema.read(document)
    facts: dict[str, Any] = document["commands"]["Try"]
    return facts


def said(tmp_path: Path, keys: str) -> dict[str, Any]:
    document = compiler.compile_schema(checkout(tmp_path, keys), release="test").words
    words: dict[str, Any] = document["commands"]["Try"]
    return words


def test_facts_are_taken_and_sentences_are_not_among_them(tmp_path):
    keys = """
- key: Level
  title: Level
  type: <real>
  presence: required
  range: {min: 0.0, max: 1.5}
  default: 0.5
  content: A sentence.
- key: Kind
  type: <string>
  presence: optional
  rangelist: ["off", full]
  format: ^[a-z]+$
"""
    assert compiled(tmp_path, keys)["keys"] == [
        {
            "name": "Level",
            "type": "real",
            "required": True,
            "minimum": 0,
            "maximum": 1.5,
            "default": 0.5,
        },
        {
            "name": "Kind",
            "type": "string",
            "values": ["off", "full"],
            "format": "^[a-z]+$",
        },
    ]


def test_a_version_without_quotes_keeps_its_zero(tmp_path):
    facts = compiled(tmp_path, "- {key: A, type: <string>, default: 10.10}")
    assert facts["os"]["iOS"]["introduced"] == "10.10"
    assert facts["keys"][0]["default"] == "10.10"


def test_a_system_the_command_is_not_on_is_left_out(tmp_path):
    assert list(compiled(tmp_path, "- {key: A, type: <any>}")["os"]) == ["iOS"]


def test_a_key_says_only_what_differs_from_its_parent(tmp_path):
    keys = """
- key: A
  type: <dictionary>
  supportedOS:
    iOS:
      introduced: '12.0'
      accessrights: AllowSettings
      sharedipad: {userchannel: false}
    macOS: {supervised: true}
  subkeys:
  - key: B
    type: <boolean>
    supportedOS:
      iOS: {introduced: '12.0'}
  - key: C
    type: <boolean>
    supportedOS:
      iOS: {introduced: n/a}
      macOS: {introduced: '14.0'}
"""
    (a,) = compiled(tmp_path, keys)["keys"]
    b, c = a["keys"]
    assert a["os"] == {"iOS": {"introduced": "12.0", "shared_ipad_user_channel": False}}
    assert "os" not in b
    assert c["os"] == {"iOS": None, "macOS": {"introduced": "14.0"}}


def test_subkeys_become_what_they_are_by_the_type_of_their_parent(tmp_path):
    keys = """
- key: List
  type: <array>
  subkeys: [{key: ListItem, type: <string>}]
- key: Map
  type: <dictionary>
  subkeys: [{key: Known, type: <string>}, {key: ANY index, type: <integer>}]
- key: Choice
  type: <string>
  subkeys: [{key: One, type: <string>}, {key: Two, type: <string>}]
"""
    several, mapping, choice = compiled(tmp_path, keys)["keys"]
    assert several["items"] == [{"name": "ListItem", "type": "string"}]
    assert mapping["keys"] == [{"name": "Known", "type": "string"}]
    assert mapping["wildcard"] == {"name": "ANY index", "type": "integer"}
    assert [each["name"] for each in choice["choices"]] == ["One", "Two"]


def test_a_key_that_holds_itself_ends_in_a_mark(tmp_path):
    keys = """
- &folder
  key: Folder
  type: <dictionary>
  subkeys:
  - key: Name
    type: <string>
  - *folder
"""
    (folder,) = compiled(tmp_path, keys)["keys"]
    assert folder["keys"] == [
        {"name": "Name", "type": "string"},
        {"name": "Folder", "type": "dictionary", "recursive": True},
    ]


def test_one_key_used_in_two_places_is_no_recursion(tmp_path):
    keys = """
- key: A
  type: <dictionary>
  subkeys: &shared [{key: Name, type: <string>}]
- key: B
  type: <dictionary>
  subkeys: *shared
"""
    a, b = compiled(tmp_path, keys)["keys"]
    assert a["keys"] == b["keys"] == [{"name": "Name", "type": "string"}]


def test_what_apple_says_is_kept_apart_by_the_path_of_each_key(tmp_path):
    keys = """
- key: List
  type: <array>
  content: |-
    A list, with `two` marks.
  subkeys:
  - key: ListItem
    type: <dictionary>
    subkeys:
    - {key: Enabled, title: Use it, type: <boolean>, content: Whether.}
    - {key: Unsaid, title: unsaid, type: <boolean>}
"""
    assert said(tmp_path, keys) == {
        "title": "A Title",
        "description": "A sentence of Apple's.",
        "keys": {
            "List": {"description": "A list, with “two” marks."},
            "List.ListItem.Enabled": {"title": "Use it", "description": "Whether."},
        },
    }


def test_the_same_schema_gives_the_same_bytes(tmp_path):
    folder = checkout(tmp_path, "- {key: A, type: <string>}")
    first = compiler.compile_schema(folder, release="18.1").texts()
    assert compiler.compile_schema(folder, release="18.1").texts() == first
    document = json.loads(first["commands.json"])
    assert document["release"] == "18.1"
    assert document["copyright"] == "Copyright © 2022 Apple Inc."


def refusal(folder: Path) -> str:
    with pytest.raises(compiler.SchemaError) as caught:
        compiler.compile_schema(folder, release="test")
    return str(caught.value)


def test_a_folder_that_is_not_the_schema_is_refused(tmp_path):
    assert "not a checkout of Apple's device-management schema" in refusal(tmp_path)


def test_a_schema_without_its_licence_is_refused(tmp_path):
    folder = checkout(tmp_path, "- {key: A, type: <string>}")
    (folder / "LICENSE.txt").unlink()
    assert "no LICENSE.txt" in refusal(folder)


@pytest.mark.parametrize(
    "text",
    [
        "payload: [",
        "just text",
        "",
        "payload: {requesttype: Try}",
        "payload: {requesttype: Try, supportedOS: {iOS: 4.0}}",
        "payload: {requesttype: Try, supportedOS: {}}\npayloadkeys: [{key: A}]",
    ],
)
def test_a_file_that_is_no_command_is_named(tmp_path, text):
    folder = checkout(tmp_path, "- {key: A, type: <string>}")
    (folder / "mdm" / "commands" / "broken.yaml").write_text(text)
    assert "broken.yaml" in refusal(folder)


def test_a_request_type_described_twice_is_refused(tmp_path):
    folder = checkout(tmp_path, "- {key: A, type: <string>}")
    commands = folder / "mdm" / "commands"
    (commands / "twice.yaml").write_bytes((commands / "try.yaml").read_bytes())
    assert "describes Try a second time" in refusal(folder)


def test_what_could_not_be_read_back_is_refused(tmp_path):
    keys = "- {key: A, type: <any>, supportedOS: {iOS: {introduced: soon}}}"
    assert "'soon' is not a version" in refusal(checkout(tmp_path, keys))
