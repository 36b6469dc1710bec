"""Translation: the filters of the device list as conditions of a smart group."""

from collections.abc import Callable, Iterable

from django.http import QueryDict

from .. import conditions
from ..models import DeviceGroup
from .conditions import Editor, Row

Said = tuple[str, str, str]
"""Field, operator and value."""

IGNORED = frozenset(("o", "p", "all", "columns", "_changelist_filters"))
UNKNOWN = "unknown"


def _told(field: str) -> Callable[[str], Said | None]:
    """Return how a filter for yes, no and not told reads."""

    def say(value: str) -> Said | None:
        known = {"yes": (field, "is", "yes"), "no": (field, "is", "no")}
        return {**known, UNKNOWN: (field, UNKNOWN, "")}.get(value)

    return say


def _table(**entries: Said) -> Callable[[str], Said | None]:
    return entries.get


def _same(field: str, operator: str) -> Callable[[str], Said | None]:
    return lambda value: (field, operator, value)


def _platform(value: str) -> Said | None:
    return ("platform", UNKNOWN, "") if value == UNKNOWN else ("platform", "is", value)


def _application(value: str) -> Said | None:
    """A filter for one very version says less than nothing of later ones."""
    return None if ":" in value else ("application", "installed", value)


FILTERS: dict[str, Callable[[str], Said | None]] = {
    "q": _same("search", "contains"),
    "state": _table(
        active=("enrollment", "is", "active"),
        pending=("enrollment", "is", "pending"),
        left=("enrollment", "is", "left"),
    ),
    "seen": _table(
        day=("seen", "within", "1"),
        week=("seen", "within", "7"),
        missing=("seen", "not_within", "30"),
    ),
    "update": _table(
        available=("update_available", "any", ""), none=("update_available", "none", "")
    ),
    "certificate": _table(
        **{
            "30": ("certificate", "expires", "30"),
            "expired": ("certificate", "expired", ""),
        }
    ),
    "platform": _platform,
    "os_version": _same("os_version", "is"),
    "supervised": _told("supervised"),
    "encrypted": _told("encrypted"),
    "passcode": _told("passcode"),
    "firewall": _told("firewall"),
    "activation_lock": _told("activation_lock"),
    "lost_mode": _told("lost_mode"),
    "mode": _same("mode", "is"),
    "way": _same("way", "is"),
    "owner__isempty": _table(
        **{"1": ("owner", "nobody", ""), "0": ("owner", "somebody", "")}
    ),
    "app": _application,
    "profile": _same("profile", "installed"),
    "tag": _same("tag", "has"),
    "group": _same("group", "in"),
}
"""Parameters of the list's address, and what each means as a condition."""


def translate(query: str) -> tuple[Editor, list[str]]:
    """Return the conditions that a list's address means, and what it says besides."""
    rows, left = [], []
    for name, values in QueryDict(query).lists():
        values = [value for value in values if value]
        if name in IGNORED or not values:
            continue
        said = [row for value in values for row in _rows(name, value)]
        if len(values) == 1 and said:
            rows += said
        else:
            left.append(f"{name} = {', '.join(values)}")
    return Editor(rows), left


def _rows(name: str, value: str) -> Iterable[Row]:
    """Return the rows of one filter; none if conditions cannot say it."""
    if name == "group" and value.isdigit():
        smart = DeviceGroup.smart().filter(pk=value).first()
        if smart:
            return _of_smart(smart)
    said = FILTERS[name](value) if name in FILTERS else None
    row = Row(conditions.FIELDS[said[0]], said[1], said[2]) if said else None
    return [row] if row and row.read() else []


def _of_smart(group: DeviceGroup) -> list[Row]:
    """Return a smart group's own conditions, which no condition can name."""
    editor = Editor.of_kept(group.conditions)
    one_way = editor.match == "all" or len(editor.rows) == 1
    return editor.rows if one_way else []
