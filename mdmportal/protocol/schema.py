"""The schema of commands: which keys each has, and on which devices it can be used.

The facts are Apple's (https://github.com/apple/device-management, ``mdm/commands``),
in the form that ``mdmportal.catalogue.compiler`` writes. ``read`` makes dataclasses of
them, ``check`` holds the keys of a command against them, ``unavailable`` a device.
"""

import dataclasses
import datetime as dt
import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from . import ProtocolError
from .rights import WORDS, AccessRights

Version = tuple[int, ...]

DISCRIMINATOR = "Item"
"""The key by which an element says which of an array's several shapes it has."""

MAX_NAMED = 20
"""How many allowed values a problem lists."""


class Mode(StrEnum):
    """How a device is enrolled, as far as the schema tells ways apart."""

    DEVICE = "device"
    """By a profile that a person installed; neither automated nor Shared iPad."""
    USER = "user"
    """User Enrollment, also when account-driven."""
    ACCOUNT = "account"
    """Account-driven Device Enrollment."""
    AUTOMATED = "automated"
    """Automated Device Enrollment, and not a Shared iPad."""
    SHARED = "shared"
    """Shared iPad."""


NOT_AUTOMATED = frozenset({Mode.DEVICE, Mode.USER, Mode.ACCOUNT})
NOT_SHARED = frozenset(Mode) - {Mode.SHARED}
NOT_USER = frozenset(Mode) - {Mode.USER}


@dataclass(frozen=True, kw_only=True)
class Support:
    """On which devices of one operating system something can be used.

    (), '' and None: the schema does not say.
    """

    introduced: Version = ()
    deprecated: Version = ()
    removed: Version = ()
    access_right: int = 0
    device_channel: bool | None = None
    user_channel: bool | None = None
    supervised: bool = False
    requires_dep: bool = False
    """Only after Automated Device Enrollment, once called DEP."""
    user_enrollment: str = ""
    """allowed, required, forbidden or ignored, as ``shared_ipad`` too."""
    shared_ipad: str = ""
    shared_ipad_device_channel: bool | None = None
    shared_ipad_user_channel: bool | None = None


Systems = Mapping[str, Support]
"""Support by operating system, iOS meaning iPadOS too; missing: not on that one."""


@dataclass(frozen=True, kw_only=True)
class Key:
    """One key of a command or of its answer.

    ``type`` is array, boolean, data, date, dictionary, integer, real, string or any.
    ``minimum`` and ``maximum`` include themselves; ``format`` is a regular expression.
    """

    name: str
    type: str
    required: bool = False
    values: tuple[Any, ...] = ()
    """The allowed values; (): any."""
    minimum: float | None = None
    maximum: float | None = None
    default: Any = None
    format: str = ""
    keys: Mapping[str, "Key"] = field(default_factory=dict)
    """The keys of a dictionary. If it has no wildcard either, anything may be in it."""
    wildcard: "Key | None" = None
    """What is under any other name in a dictionary."""
    items: tuple["Key", ...] = ()
    """The element of an array, or the shapes it can have, told apart by their Item."""
    choices: Mapping[str, "Key"] = field(default_factory=dict)
    """The allowed values of a scalar that each have a support of their own."""
    recursive: bool = False
    """A key around this one starts again here; what is in it is not known."""
    support: Systems = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command: what is ordered under its RequestType, and what the device answers."""

    request_type: str
    keys: Mapping[str, Key]
    answers: Mapping[str, Key]
    support: Systems


@dataclass(frozen=True)
class Problem:
    """What is wrong with a value, and where: ``Settings[0].Item``; '' for all of it."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path} {self.message}".strip()


# Reading what the compiler wrote.


_NOT_AS_WRITTEN = (LookupError, TypeError, ValueError, AttributeError, RecursionError)


def read(document: Mapping[str, Any]) -> Mapping[str, Command]:
    """Return the commands of a compiled schema by RequestType; else a ProtocolError."""
    try:
        entries = document["commands"].items()
        return MappingProxyType({name: _command(name, each) for name, each in entries})
    except _NOT_AS_WRITTEN as error:
        problem = f"{type(error).__name__}: {error}"
        raise ProtocolError(f"not a catalogue of commands: {problem}") from error


def parse_version(text: str) -> Version:
    """Return ``17.4.1`` as (17, 4, 1), '' as (), an unknown one; else ProtocolError."""
    try:
        return tuple(int(part) for part in text.split(".")) if text else ()
    except ValueError as error:
        raise ProtocolError(f"{text[:64]!r} is not a version") from error


def _command(name: str, facts: Mapping[str, Any]) -> Command:
    support = _systems(facts["os"], {})
    return Command(
        request_type=name,
        keys=_keys(facts.get("keys", ()), support),
        answers=_keys(facts.get("answers", ()), support),
        support=support,
    )


def _keys(several: Sequence[Any], inherited: Systems) -> Mapping[str, Key]:
    return MappingProxyType(
        {facts["name"]: _key(facts, inherited) for facts in several}
    )


def _key(facts: Mapping[str, Any], inherited: Systems) -> Key:
    support = _systems(facts["os"], inherited) if "os" in facts else inherited
    fields = {name: value for name, value in facts.items() if name != "os"}
    for name in fields.keys() & _INNER.keys():
        fields[name] = _INNER[name](fields[name], support)
    if "choices" in fields:
        fields.setdefault("values", tuple(fields["choices"]))
    return Key(**fields, support=support)


_INNER: Mapping[str, Callable[[Any, Systems], object]] = {
    "keys": _keys,
    "choices": _keys,
    "wildcard": _key,
    "items": lambda several, support: tuple(_key(facts, support) for facts in several),
    "values": lambda values, support: tuple(values),
}
"""How the fields of a key that are more than plain facts are read."""


def _systems(changes: Mapping[str, Any], inherited: Systems) -> Systems:
    """Return ``inherited`` with the attributes changed that a key changes."""
    systems = dict(inherited)
    for system, facts in changes.items():
        if facts is None:
            systems.pop(system, None)
        else:
            systems[system] = _support(facts, inherited.get(system, Support()))
    return MappingProxyType(systems)


def _support(facts: Mapping[str, Any], inherited: Support) -> Support:
    fields = dict(facts)
    for name in fields.keys() & _WORDS.keys():
        fields[name] = _WORDS[name](fields[name])
    return dataclasses.replace(inherited, **fields)


_WORDS: Mapping[str, Callable[[Any], Any]] = {
    "introduced": parse_version,
    "deprecated": parse_version,
    "removed": parse_version,
    "access_right": lambda name: AccessRights.__members__.get(name, 0),
}
"""The facts that are words in the schema and numbers here."""


# Checking the keys of a command.

_KINDS: Mapping[str, tuple[str, tuple[type, ...]]] = {
    "array": ("an array", (list, tuple)),
    "boolean": ("a boolean", (bool,)),
    "data": ("data", (bytes,)),
    "date": ("a date", (dt.datetime,)),
    "dictionary": ("a dictionary", (Mapping,)),
    "integer": ("an integer", (int,)),
    "real": ("a number", (int, float)),
    "string": ("a string", (str,)),
}
"""Types, in words and in Python; to ``any``, or one unknown here, everything fits."""

COMMON_KEYS: Mapping[str, Key] = MappingProxyType(
    {
        "RequestRequiresNetworkTether": Key(
            name="RequestRequiresNetworkTether", type="boolean", default=False
        )
    }
)
"""What every command may hold; Apple's documentation has it, the schema has not."""


def check(command: Command, keys: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with ``keys``, the keys of a command but its RequestType.

    Missing and unknown keys, types, allowed values, ranges and formats, at any depth;
    [] if nothing. Problems name keys but quote no value, which may be a secret. Whether
    the device at hand knows a key is not asked: see ``unavailable``.
    """
    root = Key(
        name=command.request_type,
        type="dictionary",
        keys={**COMMON_KEYS, **command.keys},
    )
    return list(_check_value("", root, keys))


def _check_value(path: str, key: Key, value: object) -> Iterator[Problem]:
    words, _ = _KINDS.get(key.type, ("", ()))
    if not _fits(key.type, value):
        yield Problem(path, f"must be {words}")
        return
    yield from _check_limits(path, key, value)
    if key.type in _CONTENT:
        yield from _CONTENT[key.type](path, key, value)


def _fits(kind: str, value: object) -> bool:
    """True is an integer to Python, but not to a property list."""
    if kind not in _KINDS:
        return True
    _, types = _KINDS[kind]
    return isinstance(value, types) and isinstance(value, bool) == (kind == "boolean")


def _check_limits(path: str, key: Key, value: object) -> Iterator[Problem]:
    if key.values and value not in key.values:
        yield Problem(path, f"must be {_one_of(key.values)}")
    if isinstance(value, int | float):
        if key.minimum is not None and value < key.minimum:
            yield Problem(path, f"must be at least {key.minimum}")
        if key.maximum is not None and value > key.maximum:
            yield Problem(path, f"must be at most {key.maximum}")
    elif isinstance(value, str) and not _matches(key.format, value):
        yield Problem(path, f"must match {key.format}")


def _one_of(values: Sequence[Any]) -> str:
    if len(values) == 1:
        return str(values[0])
    rest = ", …" if len(values) > MAX_NAMED else ""
    return "one of " + ", ".join(map(str, values[:MAX_NAMED])) + rest


def _matches(expression: str, value: str) -> bool:
    pattern = _pattern(expression)
    return pattern is None or pattern.search(value) is not None


@functools.cache
def _pattern(expression: str) -> re.Pattern[str] | None:
    """Return the compiled expression; None if Apple's dialect is not Python's here."""
    try:
        return re.compile(expression)
    except re.error:
        return None


def _check_dictionary(
    path: str, key: Key, value: Mapping[Any, Any]
) -> Iterator[Problem]:
    for name, inner in key.keys.items():
        if name in value:
            yield from _check_value(_join(path, name), inner, value[name])
        elif inner.required:
            yield Problem(_join(path, name), "is required")
    for name in (name for name in value if name not in key.keys):
        if key.wildcard:
            yield from _check_value(_join(path, name), key.wildcard, value[name])
        elif key.keys:
            yield Problem(_join(path, name), f"is not a key of {key.name}")


def _join(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)


def _check_array(path: str, key: Key, value: Sequence[Any]) -> Iterator[Problem]:
    for index, element in enumerate(value):
        yield from _check_element(f"{path}[{index}]", key.items, element)


def _check_element(
    path: str, shapes: tuple[Key, ...], value: object
) -> Iterator[Problem]:
    if len(shapes) < 2:
        for shape in shapes:
            yield from _check_value(path, shape, value)
    elif not isinstance(value, Mapping):
        yield Problem(path, "must be a dictionary")
    else:
        chosen = shape_of(shapes, value)
        if chosen:
            yield from _check_value(path, chosen, value)
        else:
            names = tuple(name for shape in shapes for name in _item_names(shape))
            yield Problem(_join(path, DISCRIMINATOR), f"must be {_one_of(names)}")


def shape_of(shapes: Sequence[Key], value: Mapping[Any, Any]) -> Key | None:
    """Return the one of an array's ``shapes`` whose Item ``value`` has, or None."""
    item = value.get(DISCRIMINATOR)
    return next((shape for shape in shapes if item in _item_names(shape)), None)


def _item_names(shape: Key) -> tuple[Any, ...]:
    item = shape.keys.get(DISCRIMINATOR)
    return item.values if item else (shape.name,)


_CONTENT: Mapping[str, Callable[[str, Key, Any], Iterator[Problem]]] = {
    "array": _check_array,
    "dictionary": _check_dictionary,
}


# Holding a command, or one of its keys, against a device.


@dataclass(frozen=True, kw_only=True)
class Target:
    """The device and channel something is meant for.

    ``os`` is in Apple's spelling (iOS, iPadOS, macOS, tvOS, visionOS, watchOS);
    ``channel`` is device or user, ``mode`` one of Mode, ``rights`` the AccessRights of
    the enrollment. What is unknown is '', (), None, and 0 for the rights.
    """

    os: str
    version: Version = ()
    channel: str = "device"
    supervised: bool | None = None
    mode: str = ""
    rights: int = 0


def unavailable(what: Command | Key, target: Target) -> str:
    """Return why ``what`` cannot be used there, in plain words; '' if it can.

    What is unknown of the target refuses nothing: the device has the last word. A key
    has inherited what it does not change: a query of DeviceInformation, or an item of
    Settings, can be asked about alone.
    """
    if not target.os:
        return ""
    support = support_of(what, target)
    if support is None:
        return f"not on {target.os}"
    reasons = (rule(support, target) for rule in _RULES)
    return next(filter(None, reasons), "")


def support_of(what: Command | Key, target: Target) -> Support | None:
    """Return the support on the target's system, None if it is not on that at all."""
    return what.support.get("iOS" if target.os == "iPadOS" else target.os)


def _of_version(support: Support, target: Target) -> str:
    version = _comparable(target.version)
    if version and version < _comparable(support.introduced):
        return f"needs {target.os} {_dotted(support.introduced)}"
    if version and support.removed and version >= _comparable(support.removed):
        return f"removed in {target.os} {_dotted(support.removed)}"
    return ""


def _comparable(version: Version) -> Version:
    """Return ``version`` without the zeros at its end: 10 and 10.0 are the same."""
    end = max((index for index, part in enumerate(version, 1) if part), default=0)
    return version[:end]


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))


def _of_enrollment(support: Support, target: Target) -> str:
    if support.user_enrollment == "forbidden" and target.mode == Mode.USER:
        return "not under User Enrollment"
    if support.user_enrollment == "required" and target.mode in NOT_USER:
        return "only under User Enrollment"
    if support.requires_dep and target.mode in NOT_AUTOMATED:
        return "needs Automated Device Enrollment"
    return ""


def _of_shared_ipad(support: Support, target: Target) -> str:
    if support.shared_ipad == "forbidden" and target.mode == Mode.SHARED:
        return "not on Shared iPad"
    if support.shared_ipad == "required" and target.mode in NOT_SHARED:
        return "only on Shared iPad"
    return ""


def _of_channel(support: Support, target: Target) -> str:
    refused = _channels(support, target).get(target.channel) is False
    return f"not on the {target.channel} channel" if refused else ""


def _channels(support: Support, target: Target) -> Mapping[str, bool | None]:
    """On iOS only a Shared iPad has a user channel; its channels have own rules."""
    shared = target.mode == Mode.SHARED or target.channel == "user"
    if target.os in ("iOS", "iPadOS") and shared:
        device = support.shared_ipad_device_channel
        return {"device": device, "user": support.shared_ipad_user_channel}
    return {"device": support.device_channel, "user": support.user_channel}


def _of_supervision(support: Support, target: Target) -> str:
    if support.supervised and target.supervised is False:
        return "needs a supervised device"
    return ""


def _of_rights(support: Support, target: Target) -> str:
    """User Enrollment knows no AccessRights; a profile that has them may not be 0."""
    missing = support.access_right & ~target.rights
    if target.rights and missing and target.mode != Mode.USER:
        return f"needs the right to {WORDS[AccessRights(missing)]}"
    return ""


_RULES: tuple[Callable[[Support, Target], str], ...] = (
    _of_version,
    _of_enrollment,
    _of_shared_ipad,
    _of_channel,
    _of_supervision,
    _of_rights,
)
"""In the order in which they are told: first what no one can change."""


def unsupported(
    command: Command, keys: Mapping[str, Any], target: Target
) -> list[Problem]:
    """Return which of the ``keys`` given cannot be used there, and why; [] for none.

    Keys at any depth, the items of Settings, and allowed values that have a support of
    their own. What is under an unsupported key is not told apart.
    """
    root = Key(
        name=command.request_type,
        type="dictionary",
        keys=command.keys,
        support=command.support,
    )
    return list(_unsupported("", root, keys, target))


def _unsupported(
    path: str, key: Key, value: object, target: Target
) -> Iterator[Problem]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            known = key.keys.get(name) or key.wildcard
            if known and not _is_default(known, inner):
                yield from _used(_join(path, name), "", known, key, inner, target)
    elif isinstance(value, list | tuple):
        for index, element in enumerate(value):
            shape = _shape(key.items, element)
            if shape:
                name = shape.name if len(key.items) > 1 else ""
                yield from _used(f"{path}[{index}]", name, shape, key, element, target)
    elif isinstance(value, str) and value in key.choices:
        yield from _used(path, value, key.choices[value], key, None, target)


def _used(
    path: str, name: str, key: Key, around: Key, value: object, target: Target
) -> Iterator[Problem]:
    """``name`` is that of an element or a value, which ``path`` does not tell."""
    why = unavailable(key, target) if key.support is not around.support else ""
    if why:
        yield Problem(path, f"{name} {why}".strip())
    else:
        yield from _unsupported(path, key, value, target)


def _is_default(key: Key, value: object) -> bool:
    """Whether the value asks for what a device does anyway."""
    return key.default is not None and value == key.default


def _shape(shapes: Sequence[Key], element: object) -> Key | None:
    if len(shapes) == 1:
        return shapes[0]
    return shape_of(shapes, element) if isinstance(element, Mapping) else None
