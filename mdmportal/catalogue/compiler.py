"""The compiler: Apple's schema, a checkout of its repository, becomes a file of facts.

Facts are names, types, presence, allowed values and where each key applies; what Apple
says of them goes into a file of its own, which an operator keeps and we do not deliver:
``words.json`` beside this is written by hand. ``docs/schema.md`` in
https://github.com/apple/device-management tells the format that is read here,
``mdmportal.protocol.schema`` and ``wording`` read what is written.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mdmportal.protocol import ProtocolError, schema

from . import files, wording

try:
    from yaml import CSafeLoader as SafeLoader  # libyaml: eight times as fast
except ImportError:
    from yaml import SafeLoader  # type: ignore[assignment]

Facts = dict[str, Any]
Systems = dict[str, Facts | None]
"""Facts by operating system; None: not on that one."""

SUPPORT = {
    "introduced": ("introduced",),
    "deprecated": ("deprecated",),
    "removed": ("removed",),
    "access_right": ("accessrights",),
    "device_channel": ("devicechannel",),
    "user_channel": ("userchannel",),
    "supervised": ("supervised",),
    "requires_dep": ("requiresdep",),
    "user_enrollment": ("userenrollment", "mode"),
    "shared_ipad": ("sharedipad", "mode"),
    "shared_ipad_device_channel": ("sharedipad", "devicechannel"),
    "shared_ipad_user_channel": ("sharedipad", "userchannel"),
}
"""Field of ``schema.Support`` -> where Apple has it under ``supportedOS``."""

VERSIONS = ("introduced", "deprecated", "removed")
ABSENT = "n/a"

SUBKEYS = {"<array>": "items", "<dictionary>": "keys"}
"""What the subkeys of a type are; those of a scalar are the values it may have."""

WILDCARDS = ("ANY", "Category Name")
"""Names that stand for any name; ``ANY`` also with a word after it."""


class SchemaError(ValueError):
    """The folder is not Apple's schema, or a file in it is not as its format says."""


class _Loader(SafeLoader):
    """A safe loader that leaves numbers with a dot, and dates, as text.

    As a number the version 10.10 would be 10.1.
    """


def _text(loader: Any, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


for _tag in ("float", "timestamp"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _text)


@dataclass(frozen=True)
class Compiled:
    """What becomes of Apple's schema: facts of its commands, and what it says of them.

    The same schema gives the same bytes: one line for each command, so that a later
    release shows as a readable difference.
    """

    commands: dict[str, Any]
    words: dict[str, Any]

    def texts(self) -> dict[str, str]:
        """Return what is written, by the name of the file."""
        return {
            files.COMMANDS: _dump(self.commands),
            files.WORDS: _dump(self.words),
        }


def compile_schema(folder: Path, *, release: str) -> Compiled:
    """Compile every command in ``folder``, a checkout of Apple's schema.

    ``release`` says in words which release the checkout is, for the files do not tell.
    A folder or a file that is not Apple's schema is a SchemaError that names it, and so
    is what could not be read back.
    """
    sources = sorted((folder / "mdm" / "commands").glob("*.yaml"))
    if not sources:
        raise SchemaError(
            f"{folder} is not a checkout of Apple's device-management schema: "
            "it has no mdm/commands/*.yaml"
        )
    commands: dict[str, Any] = {}
    words: dict[str, Any] = {}
    for file in sources:
        request_type, facts, said = _command(file)
        if request_type in commands:
            raise SchemaError(f"{file} describes {request_type} a second time")
        commands[request_type], words[request_type] = facts, said
    head = {"release": release, "copyright": _copyright(folder), "licence": "MIT"}
    compiled = Compiled(
        {**head, "commands": dict(sorted(commands.items()))},
        {**head, "commands": dict(sorted(words.items()))},
    )
    _read_back(folder, compiled)
    return compiled


def _read_back(folder: Path, compiled: Compiled) -> None:
    try:
        schema.read(json.loads(_dump(compiled.commands)))
        wording.read(json.loads(_dump(compiled.words)))
    except ProtocolError as error:
        raise SchemaError(f"{folder}: {error}") from error


def _dump(document: Mapping[str, Any]) -> str:
    head = {name: document[name] for name in document if name != "commands"}
    commands = document["commands"].items()
    lines = ",\n".join(
        f"{_compact(name)}:{_compact(facts)}" for name, facts in commands
    )
    return f'{_compact(head)[:-1]},"commands":{{\n{lines}\n}}}}\n'


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _copyright(folder: Path) -> str:
    """The licence wants its copyright line kept with what is taken."""
    licence = folder / "LICENSE.txt"
    lines = licence.read_text(encoding="utf-8").split("\n") if licence.exists() else []
    line = next((line.strip() for line in lines if line.startswith("Copyright")), "")
    if not line:
        raise SchemaError(f"{folder} has no LICENSE.txt with a copyright line")
    return line


def _command(file: Path) -> tuple[str, Facts, Facts]:
    """Return a file's RequestType, the facts of it, and what it says."""
    source = _load(file)
    try:
        payload = source["payload"]
        changes, systems = _support(payload["supportedOS"], {})
        facts: Facts = {"os": changes}
        for name, theirs in (("keys", "payloadkeys"), ("answers", "responsekeys")):
            if source.get(theirs):
                facts[name] = [_key(key, systems, ()) for key in source[theirs]]
        return str(payload["requesttype"]), facts, wording.compile_words(source)
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        problem = f"{type(error).__name__}: {error}"
        raise SchemaError(f"{file} does not describe a command: {problem}") from error


def _load(file: Path) -> Any:
    try:
        return yaml.load(file.read_bytes(), Loader=_Loader)  # noqa: S506  (it is safe)
    except yaml.YAMLError as error:
        raise SchemaError(f"{file} is not YAML: {error}") from error


def _key(source: Facts, systems: Systems, ancestors: tuple[int, ...]) -> Facts:
    """Return the facts of one key, whose parent applies to ``systems``.

    A key can hold itself, through an alias of YAML: ``ancestors`` are the identities of
    the keys around this one, and where one comes again only a mark is left.
    """
    facts: Facts = {"name": source["key"], "type": source["type"].strip("<>")}
    changes, own_systems = _support(source.get("supportedOS", {}), systems)
    facts |= _constraints(source)
    if changes:
        facts["os"] = changes
    if id(source) in ancestors:
        facts["recursive"] = True
    elif source.get("subkeys"):
        inner = (*ancestors, id(source))
        subkeys = [_key(key, own_systems, inner) for key in source["subkeys"]]
        facts |= _arrange(source["type"], subkeys)
    return facts


def _constraints(source: Facts) -> Facts:
    """Return what the value of a key must be, in the fields of ``schema.Key``."""
    real = source["type"] == "<real>"
    facts: Facts = {}
    if source.get("presence") == "required":
        facts["required"] = True
    if "rangelist" in source:
        facts["values"] = [_value(value, real) for value in source["rangelist"]]
    for name, theirs in (("minimum", "min"), ("maximum", "max")):
        if theirs in source.get("range", {}):
            facts[name] = _number(source["range"][theirs])
    if "default" in source:
        facts["default"] = _value(source["default"], real)
    if "format" in source:
        facts["format"] = source["format"]
    return facts


def _value(value: Any, real: bool) -> Any:
    return float(value) if real else value


def _number(value: Any) -> int | float:
    """Return the bound as an integer if it is one: 0.0 and 0 say the same."""
    number = float(value)
    return int(number) if number.is_integer() else number


def _arrange(kind: str, subkeys: list[Facts]) -> Facts:
    """Return subkeys under the name of what they are in a key of the type ``kind``."""
    name = SUBKEYS.get(kind, "choices")
    if name != "keys":
        return {name: subkeys}
    keys = [key for key in subkeys if not _is_wildcard(key["name"])]
    wildcards = [key for key in subkeys if _is_wildcard(key["name"])]
    return ({"keys": keys} if keys else {}) | (
        {"wildcard": wildcards[0]} if wildcards else {}
    )


def _is_wildcard(name: str) -> bool:
    return name in WILDCARDS or name.startswith("ANY ")


def _support(source: Facts, inherited: Systems) -> tuple[Systems, Systems]:
    """Return what ``source`` changes of ``inherited``, and the two taken together."""
    together = dict(inherited)
    for system, theirs in source.items():
        together[system] = _override(inherited.get(system), dict(_own(theirs)))
    changes = {
        system: _difference(inherited.get(system), facts)
        for system, facts in together.items()
        if facts != inherited.get(system)
    }
    return changes, together


def _difference(before: Facts | None, after: Facts | None) -> Facts | None:
    if before is None or after is None:
        return after
    return {name: after[name] for name in after if after[name] != before.get(name)}


def _override(inherited: Facts | None, own: Facts) -> Facts | None:
    """Attributes override one by one; what is absent stays so until introduced."""
    if own.get("introduced") == ABSENT:
        return None
    if inherited is None and "introduced" not in own:
        return None
    return {**(inherited or {}), **own}


def _own(theirs: Facts) -> Iterator[tuple[str, Any]]:
    """Yield the attributes a key has of its own for one system, by our names."""
    for name, path in SUPPORT.items():
        value: Any = theirs
        for step in path:
            value = value.get(step) if value is not None else None
        if value is not None:
            yield name, str(value) if name in VERSIONS else value
