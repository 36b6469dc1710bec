"""Profiles: answers to ProfileList, as rows to search by, and whole for the pages.

https://developer.apple.com/documentation/devicemanagement/profilelistresponse
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from devices.models import Change, InstalledProfile

from .certificates import fingerprint, name_of
from .history import Difference
from .kept import without_secrets
from .rows import Row, Rows
from .said import Said

LIST = "ProfileList"
SIGNERS = "SignerCertificates"
KEY = ("identifier", "uuid", "name", "is_managed")


def read(said: Said) -> None:
    items = said.answer[LIST]
    if not isinstance(items, list):
        raise TypeError(f"{LIST} is not an array")
    PROFILES.take(said, [one for one in items if isinstance(one, Mapping)])


def _row(item: Mapping[str, Any]) -> Row:
    is_managed = item.get("IsManaged")
    return {
        "identifier": _text(item.get("PayloadIdentifier"), 255),
        "uuid": _text(item.get("PayloadUUID"), 64),
        "name": _text(item.get("PayloadDisplayName"), 255),
        "is_managed": None if is_managed is None else bool(is_managed),
    }


def _text(value: Any, longest: int) -> str:
    return str("" if value is None else value).replace("\0", "")[:longest]


def _whole(item: Mapping[str, Any], row: Row) -> Mapping[str, Any]:
    """Return the profile as told, of its signers only who they are."""
    signers = item.get(SIGNERS)
    if not isinstance(signers, list):
        return without_secrets(item)  # type: ignore[no-any-return]
    told = [
        {"CommonName": name_of(one), "SHA256": fingerprint(one)}
        for one in signers
        if isinstance(one, bytes)
    ]
    return without_secrets({**item, SIGNERS: told})  # type: ignore[no-any-return]


def _differences(removed: Sequence[Row], added: Sequence[Row]) -> Iterator[Difference]:
    before = {one["identifier"]: one for one in removed}
    for one in added:
        was = before.pop(one["identifier"], None)
        if was is None:
            yield Difference(Change.Kind.ADDED, _title(one), after=one["uuid"])
        else:
            yield _changed(was, one)
    for left in before.values():
        yield Difference(Change.Kind.REMOVED, _title(left), before=left["uuid"])


def _changed(was: Row, now: Row) -> Difference:
    """A profile is another one by its UUID; else its name or who manages it changed."""
    for column in ("uuid", "name", "is_managed"):
        if was[column] != now[column]:
            kind = Change.Kind.CHANGED
            return Difference(kind, _title(now), was[column], now[column])
    raise AssertionError("rows that differ in nothing")


def _title(row: Row) -> str:
    return str(row["name"] or row["identifier"] or row["uuid"])


PROFILES = Rows(InstalledProfile, KEY, _row, _whole, _differences)
