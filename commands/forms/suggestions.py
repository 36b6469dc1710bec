"""Suggestions: what the inventory knows that a key may be, offered while typing.

For one device what it has; for several what is commonest among the first of them, so
that it costs no more for a hundred thousand.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from django.db.models import Count, Max, QuerySet

from devices.models import (
    Device,
    InstalledApplication,
    InstalledProfile,
    Inventory,
)
from mdmportal import zone

from ..targets import Targets

MOST = 50
SAMPLE = 200
"""How many devices are asked for what is commonest."""
ANSWERS = 50
"""How many whole answers are read for it: each may be long."""

Suggested = tuple[str, str]
"""A value, and what it is called."""


class Asked:
    """The devices that are asked, and the user of one, if it is for a user."""

    def __init__(self, targets: Targets) -> None:
        self.user_id = targets.channel.user_id if targets.channel else ""
        self._devices = targets.devices

    @cached_property
    def devices(self) -> list[int]:
        chosen: QuerySet[Device] = self._devices.order_by()
        return list(chosen.values_list("pk", flat=True)[:SAMPLE])

    def rows(self, manager: Any) -> QuerySet[Any]:
        found: QuerySet[Any] = manager.filter(device__in=self.devices)
        return found.filter(user_id=self.user_id)


def _commonest(rows: QuerySet[Any], value: str, title: str) -> list[Suggested]:
    said = rows.exclude(**{value: ""}).order_by().values_list(value)
    found = said.annotate(title=Max(title), n=Count("pk")).order_by("-n", value)
    return [(value, title) for value, title, _ in found[:MOST]]


def _profiles(asked: Asked) -> list[Suggested]:
    return _commonest(asked.rows(InstalledProfile.objects), "identifier", "name")


def _apps(asked: Asked) -> list[Suggested]:
    rows = asked.rows(InstalledApplication.objects)
    return _commonest(rows, "application__identifier", "application__name")


def _of_answers(
    request_type: str, value: str, *titles: str, inside: str = ""
) -> Callable[[Asked], list[Suggested]]:
    """Return a source that looks into whole answers, for lists kept nowhere else."""

    def find(asked: Asked) -> list[Suggested]:
        rows = Inventory.objects.filter(
            device__in=asked.devices, request_type=request_type
        ).order_by("-received_at")
        counts: Counter[Suggested] = Counter()
        for answer in rows.values_list("answer", flat=True)[:ANSWERS]:
            for entry in _entries(answer, inside or request_type):
                named = (str(entry.get(title) or "") for title in titles)
                said = str(entry.get(value) or "")
                counts[said, next(filter(None, named), "")] += 1
        return [pair for pair, _ in counts.most_common(MOST) if pair[0]]

    return find


def _entries(answer: Any, name: str) -> Iterator[Mapping[str, Any]]:
    entries = answer.get(name) if isinstance(answer, Mapping) else None
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, Mapping):
            yield entry


def _zones(_: Asked) -> list[Suggested]:
    return [(name, "") for name in zone.places()]


Source = Callable[[Asked], list[Suggested]]

SOURCES: Mapping[str, Source] = {
    "profiles": _profiles,
    "apps": _apps,
    "users": _of_answers("UserList", "UserName", "FullName", inside="Users"),
    "provisioning": _of_answers("ProvisioningProfileList", "UUID", "Name"),
    "products": _of_answers(
        "AvailableOSUpdates", "ProductKey", "HumanReadableName", "ProductName"
    ),
    "versions": _of_answers(
        "AvailableOSUpdates", "Version", "HumanReadableName", "ProductName"
    ),
    "books": _of_answers("ManagedMediaList", "PersistentID", "Title", inside="Books"),
    "zones": _zones,
}

BY_KEY: Mapping[str, str] = {
    "RemoveProfile.Identifier": "profiles",
    "RemoveMedia.PersistentID": "books",
    "RemoveProvisioningProfile.UUID": "provisioning",
    "Identifier": "apps",
    "Identifiers": "apps",
    "WebBrowser": "apps",
    "UserName": "users",
    "ProductKey": "products",
    "ProductVersion": "versions",
    "TimeZone": "zones",
}
"""A key, of one command or of any, and where its suggestions come from."""


class Suggestions:
    """The lists of one form, each looked for once and only if a key asks for it."""

    def __init__(self, request_type: str, targets: Targets | None) -> None:
        self.request_type = request_type
        self._asked = Asked(targets) if targets else None
        self.lists: dict[str, Sequence[Suggested]] = {}

    def of(self, key: str) -> str:
        """Return the name of the list for a key; '' if nothing is suggested."""
        source = BY_KEY.get(f"{self.request_type}.{key}") or BY_KEY.get(key, "")
        if not source or self._asked is None:
            return ""
        if source not in self.lists:
            self.lists[source] = SOURCES[source](self._asked)
        return f"suggested-{source}" if self.lists[source] else ""
