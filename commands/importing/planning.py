"""Planning: what each line of a table would change, and what is wrong with it.

Lines are looked at in batches: statements grow with the batches, not with the lines.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower

from devices.csv_import import CLEAR, FACTS, KEEP, KEYS, Line, listed
from devices.models import Channel, Device, DeviceGroup, Enrollment, Tag, User

from .. import renaming

BATCH = 500
MOST_PLACES = 19
"""Digits of the largest id."""
SHORT, LONG = Device._meta.get_field("asset_tag"), Tag._meta.get_field("name")


class Wrong(Exception):
    """What is wrong with a line; says what to do."""


@dataclass(frozen=True)
class Choices:
    """How an import is meant, and who does it."""

    by: Any
    replace: bool = False
    """Whether groups and tags are replaced by those named, or these are added."""


@dataclass(frozen=True)
class Change:
    """One fact of a device: what it is, what it is to be, both in words."""

    column: str
    old: str
    new: str
    value: Any = None
    """What is written: an owner, ids of groups, names of tags, a text."""


@dataclass(frozen=True)
class Plan:
    """What becomes of one line."""

    number: int
    device: Device | None = None
    changes: Sequence[Change] = ()
    problem: str = ""
    channel: int | None = None
    """Where a new name is ordered."""

    def change(self, column: str) -> Change | None:
        return next((one for one in self.changes if one.column == column), None)


@dataclass
class Known:
    """What is looked up once for a batch."""

    devices: Mapping[str, Mapping[str, list[Device]]]
    owners: Mapping[str, list[User]]
    groups: Mapping[str, DeviceGroup]
    channels: Mapping[int, Channel]
    names: Mapping[int, str]
    seen: dict[int, int] = field(default_factory=dict)
    """The line that was about a device, by the device's id."""


def batches(lines: Sequence[Line]) -> Iterator[Sequence[Line]]:
    for start in range(0, len(lines), BATCH):
        yield lines[start : start + BATCH]


def plan(
    lines: Sequence[Line],
    choices: Choices,
    seen: dict[int, int] | None = None,
    *,
    lock: bool = False,
) -> list[Plan]:
    """Return what would become of these lines, a batch at most, in their order.

    ``seen`` remembers, from batch to batch, which devices had a line. With ``lock``
    no one else changes the devices until the transaction ends.
    """
    known = _look_up(lines, lock=lock)
    known.seen = {} if seen is None else seen
    return [_plan(line, known, choices) for line in lines]


def plan_all(lines: Sequence[Line], choices: Choices) -> list[Plan]:
    """Return what would become of all these lines."""
    seen: dict[int, int] = {}
    return [each for batch in batches(lines) for each in plan(batch, choices, seen)]


def _plan(line: Line, known: Known, choices: Choices) -> Plan:
    try:
        device = _device(line, known)
        given = {
            column: line.cells[column]
            for column in FACTS
            if line.cells.get(column, KEEP) != KEEP
        }
        rules = ((RULES[column], column, cell) for column, cell in given.items())
        found = (rule(device, cell, known, choices) for rule, _, cell in rules)
        changes = tuple(change for change in found if change)
    except Wrong as problem:
        return Plan(line.number, problem=str(problem))
    channel = known.channels.get(device.pk)
    return Plan(line.number, device, changes, channel=channel.pk if channel else None)


# --- Looking up


def _look_up(lines: Sequence[Line], *, lock: bool) -> Known:
    devices = {key: _devices(key, _values(lines, key), lock) for key in KEYS}
    found = {
        device.pk: device
        for by_value in devices.values()
        for several in by_value.values()
        for device in several
    }
    renamed = any(line.cells.get("name", KEEP) != KEEP for line in lines)
    channels = _channels(found) if renamed else {}
    return Known(
        devices=devices,
        owners=_owners(_values(lines, "owner")),
        groups=_groups({name for line in lines for name in _names(line, "groups")}),
        channels=channels,
        names=renaming.pending(channels.values()) if channels else {},
    )


def _values(lines: Iterable[Line], column: str) -> set[str]:
    cells = {line.cells.get(column, KEEP) for line in lines}
    return cells - {KEEP, CLEAR}


def _names(line: Line, column: str) -> list[str]:
    cell = line.cells.get(column, KEEP)
    return [] if cell in (KEEP, CLEAR) else listed(cell)


def _devices(key: str, values: set[str], lock: bool) -> dict[str, list[Device]]:
    """Return the devices by what their column ``key`` says; it may be several."""
    if key == "id":
        values = {v for v in values if v.isdecimal() and v.isascii()}
        values = {v for v in values if len(v) < MOST_PLACES}
    found: dict[str, list[Device]] = defaultdict(list)
    if not values:
        return found
    rows: QuerySet[Device] = Device.objects.filter(**{f"{key}__in": values})
    rows = rows.order_by("pk").select_related("owner").defer("search_text")
    if lock:
        rows = rows.select_for_update(of=("self",))
    for device in rows.prefetch_related("groups", "tags"):
        found[str(getattr(device, key))].append(device)
    return found


def _owners(names: set[str]) -> dict[str, list[User]]:
    """Return people by username, and by e-mail address in small letters."""
    found: dict[str, list[User]] = defaultdict(list)
    if not names:
        return found
    addresses = {name.lower() for name in names if "@" in name}
    rows = User.objects.annotate(address=Lower("email"))
    for user in rows.filter(Q(username__in=names) | Q(address__in=addresses)):
        for name in {user.username, user.email.lower()}:
            found[name].append(user)
    return found


def _groups(names: set[str]) -> dict[str, DeviceGroup]:
    if not names:
        return {}
    return {group.name: group for group in DeviceGroup.objects.filter(name__in=names)}


def _channels(devices: Iterable[int]) -> dict[int, Channel]:
    """Return the device channels of those that are enrolled, by device."""
    rows = Channel.objects.filter(
        enrollment__device__in=list(devices),
        enrollment__state=Enrollment.State.ACTIVE,
        user_id="",
    ).select_related("enrollment__device")
    return {channel.enrollment.device_id: channel for channel in rows}


# --- The device


def _device(line: Line, known: Known) -> Device:
    """Return the one device that all keys of the line name."""
    found: dict[int, Device] = {}
    named = [
        (key, value) for key in KEYS if (value := line.cells.get(key, KEEP)) != KEEP
    ]
    if not named:
        raise Wrong(f"says of no device what it is: fill in {' or '.join(KEYS[1:])}")
    for key, value in named:
        several = known.devices[key].get(value, [])
        if not several:
            raise Wrong(f"no device has the {_said(key)} {value}")
        if len(several) > 1:
            raise Wrong(
                f"{len(several)} devices have the {_said(key)} {value}: name the one "
                "that is meant by its id or UDID"
            )
        found[several[0].pk] = several[0]
    if len(found) > 1:
        what = " and ".join(_said(key) for key, _ in named)
        raise Wrong(f"{what} are those of different devices")
    [device] = found.values()
    earlier = known.seen.setdefault(device.pk, line.number)
    if earlier != line.number:
        raise Wrong(f"is about the same device as line {earlier}: remove one of them")
    return device


def _said(key: str) -> str:
    return {"udid": "UDID", "enrollment_id": "EnrollmentID"}.get(
        key, key.replace("_", " ")
    )


# --- The facts: each rule returns the change, None if it is so already


def _owner(device: Device, cell: str, known: Known, choices: Choices) -> Change | None:
    wanted = None if cell == CLEAR else _person(cell, known)
    if (wanted.pk if wanted else None) == device.owner_id:
        return None
    old = device.owner.username if device.owner else ""
    return Change("owner", old, wanted.username if wanted else "", wanted)


def _person(name: str, known: Known) -> User:
    by_name = known.owners.get(name, [])
    exact = [user for user in by_name if user.username == name]
    found = exact or known.owners.get(name.lower(), [])
    if not found:
        raise Wrong(
            f"nobody has the username or e-mail address {name}: add the user first"
        )
    if len(found) > 1:
        raise Wrong(
            f"{len(found)} users have the e-mail address {name}: use a username"
        )
    return found[0]


def _name(device: Device, cell: str, known: Known, choices: Choices) -> Change | None:
    if cell == CLEAR:
        raise Wrong("a device’s name cannot be emptied: give it another")
    channel = known.channels.get(device.pk)
    pending = known.names.get(channel.pk) if channel else None
    if cell == (pending or device.name):
        return None
    if len(cell) > renaming.LONGEST:
        raise Wrong(f"the name is longer than {renaming.LONGEST} characters")
    if not cell.isprintable():
        raise Wrong("the name holds a character that cannot be printed")
    if not choices.by.has_perm("commands.add_command"):
        raise Wrong("a name is changed by a command, which your account may not order")
    if channel is None:
        raise Wrong("it cannot be renamed: it is not enrolled")
    reason = renaming.refusal(channel)
    if reason:
        raise Wrong(f"it cannot be renamed: {reason}")
    return Change("name", pending or device.name, cell, cell)


def _asset_tag(
    device: Device, cell: str, known: Known, choices: Choices
) -> Change | None:
    wanted = "" if cell == CLEAR else cell
    if wanted == device.asset_tag:
        return None
    if len(wanted) > (most := SHORT.max_length or 0):
        raise Wrong(f"the asset tag is longer than {most} characters")
    return Change("asset_tag", device.asset_tag, wanted, wanted)


def _groups_of(
    device: Device, cell: str, known: Known, choices: Choices
) -> Change | None:
    """Only groups joined by hand: who is in a smart one follows from its conditions."""
    mine = device.groups.all()
    by_hand = {group.name: group.pk for group in mine if not group.is_smart}
    smart = {group.name for group in mine if group.is_smart}
    wanted = {}
    for name in [] if cell == CLEAR else listed(cell):
        if name in smart:
            continue
        group = known.groups.get(name)
        if group is None:
            raise Wrong(f"there is no group {name}: add it first")
        if group.is_smart:
            raise Wrong(
                f"{name} is a smart group: its devices follow from its conditions"
            )
        wanted[name] = group.pk
    if cell != CLEAR and not choices.replace:
        wanted = by_hand | wanted
    if wanted == by_hand:
        return None
    if not choices.by.has_perm("devices.change_devicegroup"):
        raise Wrong("your account may not change groups")
    return _several("groups", by_hand, wanted, frozenset(wanted.values()))


def _tags_of(
    device: Device, cell: str, known: Known, choices: Choices
) -> Change | None:
    mine = {tag.name for tag in device.tags.all()}
    wanted = set() if cell == CLEAR else set(listed(cell))
    if cell != CLEAR and not choices.replace:
        wanted |= mine
    if wanted == mine:
        return None
    if too_long := [name for name in wanted if len(name) > (LONG.max_length or 0)]:
        raise Wrong(f"a tag is longer than {LONG.max_length} characters: {too_long[0]}")
    return _several("tags", mine, wanted, frozenset(wanted))


def _several(column: str, old: Iterable[str], new: Iterable[str], value: Any) -> Change:
    return Change(column, "; ".join(sorted(old)), "; ".join(sorted(new)), value)


Rule = Callable[[Device, str, Known, Choices], Change | None]
RULES: Mapping[str, Rule] = {
    "name": _name,
    "owner": _owner,
    "asset_tag": _asset_tag,
    "groups": _groups_of,
    "tags": _tags_of,
}
