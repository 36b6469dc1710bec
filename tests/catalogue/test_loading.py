"""Loading: a newer release of Apple's schema, kept outside the image."""

import json
import os
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from mdmportal import catalogue, checks
from mdmportal.catalogue import compiler, files

COMMAND = """
title: {name} Command
description: Says something.
payload:
  requesttype: {name}
  supportedOS:
    iOS: {{introduced: '4.0'}}
{keys}
"""

LOCK = """
payloadkeys:
- key: PIN
  type: <string>
  content: Only 'digits'.
- key: Colour
  type: <string>
  content: Of the 'screen'.
"""


@pytest.fixture(autouse=True)
def kept(tmp_path: Path) -> Iterator[Path]:
    """The folder of what is kept, empty at first."""
    folder = tmp_path / "kept"
    catalogue.keep_in(folder)
    yield folder
    catalogue.keep_in(None)


def forget() -> None:
    """As when the portal is started again."""
    catalogue.keep_in(files.folder())


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A schema of few commands, one of them new."""
    folder = tmp_path / "checkout" / "mdm" / "commands"
    folder.mkdir(parents=True)
    (tmp_path / "checkout" / "LICENSE.txt").write_text("Copyright © 2030 Apple Inc.")
    for name in (*files.NEEDED, "SingASong"):
        keys = LOCK if name == "DeviceLock" else ""
        text = COMMAND.format(name=name, keys=keys)
        (folder / f"{name}.yaml").write_text(text)
    return tmp_path / "checkout"


def load(checkout: Path, **options: Any) -> str:
    out = StringIO()
    call_command("load_schema", str(checkout), release="iOS 30", stdout=out, **options)
    forget()
    return out.getvalue()


def test_nothing_was_loaded_at_first() -> None:
    assert "iOS 18.1" in catalogue.release()
    assert catalogue.problem() == ""


def test_what_was_loaded_is_in_force(checkout: Path) -> None:
    said = load(checkout)
    assert catalogue.release() == "iOS 30"
    assert "SingASong" in catalogue.commands()
    assert "LogOutUser" not in catalogue.commands()
    assert catalogue.words("SingASong").title == "SingASong"
    assert catalogue.words("SingASong").description == "Says something."
    assert catalogue.words("DeviceLock").keys["Colour"] == "Of the “screen”."
    assert "Restart the portal" in said


def test_what_we_describe_ourselves_is_told_in_our_words(
    checkout: Path, kept: Path
) -> None:
    ours = files.built_in(files.WORDS)
    load(checkout)
    said = ours["commands"]["DeviceLock"]
    assert catalogue.words("DeviceLock").description == said["description"]
    assert (
        catalogue.words("DeviceLock").keys["PIN"] == said["keys"]["PIN"]["description"]
    )
    assert "Message" not in catalogue.words("DeviceLock").keys, "it is gone"
    assert "Only “digits”." in (kept / files.WORDS).read_text(encoding="utf-8")
    assert files.built_in(files.WORDS) == ours


def test_it_says_what_differs_from_what_was_in_force(checkout: Path) -> None:
    lines = load(checkout).splitlines()
    assert "new: SingASong" in lines
    assert "new: DeviceLock.Colour" in lines
    assert "gone: DeviceLock.Message" in lines
    assert "gone: LogOutUser" in lines
    assert "gone: EraseDevice.ReturnToService" in lines
    assert not any("ReturnToService.Enabled" in line for line in lines), "is in it"
    changed = next(line for line in lines if line.startswith("changed: DeviceLock:"))
    assert changed.startswith("changed: DeviceLock: support on iOS and macOS")
    assert "Nothing differs from what is in force." in load(checkout)


def test_a_dry_run_keeps_nothing(checkout: Path, kept: Path) -> None:
    assert "new: SingASong" in load(checkout, dry_run=True)
    assert not kept.exists()
    assert "SingASong" not in catalogue.commands()


def test_the_file_before_is_kept_beside_it(checkout: Path, kept: Path) -> None:
    load(checkout)
    first = (kept / files.COMMANDS).read_text()
    (checkout / "mdm" / "commands" / "SingASong.yaml").unlink()
    load(checkout)
    assert (kept / "commands.previous.json").read_text() == first
    assert (kept / files.COMMANDS).read_text() != first
    assert sorted(each.name for each in kept.iterdir()) == [
        "commands.json",
        "commands.previous.json",
        "words.json",
        "words.previous.json",
    ]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"commands": 3}', '{"commands": {}}', "\x00", "[" * 9999],
)
def test_a_broken_file_stops_nothing_and_is_told(
    checkout: Path, kept: Path, text: str
) -> None:
    load(checkout)
    (kept / files.COMMANDS).write_text(text)
    forget()
    assert "iOS 18.1" in catalogue.release()
    assert "LogOutUser" in catalogue.commands()
    (warning,) = checks.catalogue_in_force()
    assert warning.id == "mdm.W002"
    assert "the built-in one is" in warning.msg
    load(checkout)
    assert checks.catalogue_in_force() == []
    assert catalogue.release() == "iOS 30"


def test_broken_words_are_replaced_by_those_that_came_along(
    checkout: Path, kept: Path
) -> None:
    load(checkout)
    (kept / files.WORDS).write_text('{"commands": {"DeviceLock": 3}}')
    forget()
    assert catalogue.words("DeviceLock").title == "Device Lock"


def test_a_schema_that_lacks_what_the_portal_needs_is_refused(
    checkout: Path, kept: Path
) -> None:
    (checkout / "mdm" / "commands" / "InstallProfile.yaml").unlink()
    with pytest.raises(CommandError, match="lacks commands: InstallProfile"):
        load(checkout)
    assert not kept.exists()


def test_what_is_no_checkout_is_refused(tmp_path: Path, kept: Path) -> None:
    with pytest.raises(CommandError, match="not a checkout"):
        load(tmp_path)
    assert not kept.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(checkout: Path, kept: Path) -> None:
    kept.mkdir(mode=0o500)
    with pytest.raises(CommandError, match="Set MDM_CATALOGUE"):
        load(checkout)


def test_a_newer_schema_has_the_last_word_on_what_came_later(
    checkout: Path, kept: Path
) -> None:
    """What is laid over an older one changes nothing that it says itself."""
    text = COMMAND.format(name="TriggerEnhancedLogCollection", keys="")
    (checkout / "mdm" / "commands" / "trigger.yaml").write_text(text)
    load(checkout)
    trigger = catalogue.commands()["TriggerEnhancedLogCollection"]
    assert trigger.support["iOS"].introduced == (4, 0)
    assert "CancelEnhancedLogCollection" in catalogue.commands()
    assert json.loads((kept / files.COMMANDS).read_text())["release"] == "iOS 30"


def test_what_came_along_can_be_loaded_as_it_is() -> None:
    """And laying over it what came later twice is laying it over once."""
    built_in = files.built_in(files.COMMANDS)
    files.keep(files.COMMANDS, json.dumps(built_in))
    forget()
    assert catalogue.problem() == ""
    assert len(catalogue.commands()) == 68
    catalogue.later.lay_over(built_in, files.built_in(files.LATER))
    once = json.dumps(built_in)
    catalogue.later.lay_over(built_in, files.built_in(files.LATER))
    assert json.dumps(built_in) == once


def test_the_compiler_needs_a_licence(checkout: Path) -> None:
    (checkout / "LICENSE.txt").unlink()
    with pytest.raises(compiler.SchemaError, match=r"no LICENSE\.txt"):
        compiler.compile_schema(checkout, release="x")
