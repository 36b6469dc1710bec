"""History: what a device says otherwise than before, as rows of Change.

The very first answer of a kind is no change. What changes by itself, such as the charge
of a battery, is none either. Secrets never reach a row.
"""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from devices.models import Change

from .said import Said

MOST = 500
"""Changes by one answer that are written down."""
SHORT = 200
"""Characters of a value in the history."""

VOLATILE: frozenset[str] = frozenset(
    (
        *("AvailableDeviceCapacity", "BatteryLevel", "LastCloudBackupDate"),
        *("IsDoNotDisturbInEffect", "IsNetworkTethered", "ActiveManagedUsers"),
        *("CurrentConsoleManagedUser", "PreviousScanDate", "PreviousScanResult"),
        *("EstimatedResidentUsers", "CurrentMCC", "CurrentMNC", "PushToken"),
        *("DynamicSize", "IsLoggedIn", "HasDataToSync", "DataUsed"),
        *("ExternalVersionIdentifier", "NextScheduledInstall", "DeferredUntil"),
    )
)
"""Keys of answers that change by themselves, at any depth."""

TOLD_APART = frozenset(("IsMDMLostModeEnabled",))
"""Keys whose changes are written down by who knows of them sooner."""

Items = Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    kind: Change.Kind
    name: str
    before: Any = ""
    after: Any = ""


def write(said: Said, differences: Iterable[Difference]) -> None:
    """Write down what changed by this answer, as far as anybody would read it."""
    Change.objects.bulk_create(
        [
            Change(
                device=said.device,
                user_id=said.user_id,
                at=said.at,
                request_type=said.request_type,
                kind=one.kind,
                name=one.name[:255],
                before=words(one.before),
                after=words(one.after),
            )
            for one in itertools.islice(differences, MOST)
        ]
    )


def words(value: Any) -> str:
    """Return a value as it stands in the history, shortened."""
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, list | Mapping):
        text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    else:
        text = "" if value is None else str(value)
    return text if len(text) <= SHORT else f"{text[: SHORT - 1]}…"


def steady(value: Any) -> Any:
    """Return ``value`` without what changes by itself."""
    if isinstance(value, Mapping):
        return {
            name: steady(item) for name, item in value.items() if name not in VOLATILE
        }
    if isinstance(value, list):
        return [steady(item) for item in value]
    return value


def of_facts(before: Items, after: Items, path: str = "") -> Iterator[Difference]:
    """Yield the facts that were said otherwise before.

    What was never said before is no change: a new system only tells more.
    """
    for name in sorted(before.keys() & after.keys() - VOLATILE - TOLD_APART):
        was, now = steady(before[name]), steady(after[name])
        where = f"{path}{name}"
        if was == now:
            continue
        if isinstance(was, Mapping) and isinstance(now, Mapping):
            yield from of_facts(was, now, f"{where}.")
        else:
            yield Difference(Change.Kind.CHANGED, where, was, now)


def of_items(before: Items, after: Items) -> Iterator[Difference]:
    """Yield what was added, removed or changed among things that have a name.

    A value that is a dictionary is told by what differs in it.
    """
    for name in sorted(after.keys() - before.keys()):
        yield Difference(Change.Kind.ADDED, name, after=_about(after[name]))
    for name in sorted(before.keys() - after.keys()):
        yield Difference(Change.Kind.REMOVED, name, before=_about(before[name]))
    for name in sorted(before.keys() & after.keys()):
        was, now = steady(before[name]), steady(after[name])
        if isinstance(was, Mapping) and isinstance(now, Mapping):
            yield from of_facts(was, now, f"{name}.")
        elif was != now:
            yield Difference(Change.Kind.CHANGED, name, was, now)


def _about(item: Any) -> Any:
    """Return what tells most of a thing that came or went."""
    if not isinstance(item, Mapping):
        return item
    told = (item[key] for key in ABOUT if item.get(key))
    return next(told, "")


ABOUT = ("ShortVersion", "Version", "Status", "ExpiryDate", "NotAfter", "PayloadUUID")
