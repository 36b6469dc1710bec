"""Software: answers to InstalledApplicationList, as rows that are compared.

An application's own facts are one row, however many devices have it; that a device has
it is another. An answer writes what differs from the one before and nothing else, in a
number of statements that does not grow with the applications.
https://developer.apple.com/documentation/devicemanagement/installedapplicationlistresponse
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devices.models import Application, Change, Device, InstalledApplication
from devices.models.inventory import to_json

from . import history
from .history import Difference
from .kept import Older, Place, check_length, digest_of, without_secrets
from .said import Said

LIST = "InstalledApplicationList"

SHARED: frozenset[str] = frozenset(
    (
        *("Identifier", "Name", "Version", "ShortVersion", "BundleSize"),
        *("ExternalVersionIdentifier", "DistributorIdentifier", "IsAppClip"),
        *("AppStoreVendable", "BetaApp", "AdHocCodeSigned"),
    )
)
"""Keys that are the application's; all others, known or not, are the device's."""

USUAL: Mapping[str, object] = {
    "Installing": False,
    "HasUpdateAvailable": False,
    "DeviceBasedVPP": False,
    "DownloadFailed": False,
    "DownloadWaiting": False,
    "DownloadPaused": False,
    "DownloadCancelled": False,
}
"""Keys of the device's that are not kept while they have this value."""

LARGEST = 2**63 - 1
LONGEST = 255

Own = Mapping[str, Any]


@dataclass(frozen=True)
class App:
    """One item of the list: what is the application's, and what the device's own."""

    digest: str
    shared: Mapping[str, Any]
    own: Own | None

    def row(self) -> Application:
        size = self.shared.get("BundleSize")
        fits = isinstance(size, int) and 0 <= size <= LARGEST
        return Application(
            digest=self.digest,
            identifier=_text(self.shared.get("Identifier")),
            name=_text(self.shared.get("Name")),
            version=_text(self.shared.get("Version")),
            short_version=_text(self.shared.get("ShortVersion")),
            bundle_size=size if fits else None,
            facts=self.shared,
        )


@dataclass(frozen=True)
class There:
    """What a device has had so far: a row of InstalledApplication, joined."""

    pk: int
    digest: str
    identifier: str
    name: str
    version: str
    short_version: str
    own: Own | None


def read(said: Said) -> None:
    apps = parse(said.answer[LIST])
    digest = digest_of(
        sorted((one.digest, digest_of(one.own)) for one in apps.values())
    )
    try:
        place = Place(said)
    except Older:
        return
    if place.is_same(digest):
        return
    before = _there(said)
    added = [one for name, one in apps.items() if name not in before]
    removed = [one for name, one in before.items() if name not in apps]
    _update(before, apps)
    _remove(removed)
    _add(said, added)
    if not place.is_first:
        history.write(said, _differences(removed, [one.row() for one in added]))
    if added or removed:
        Device.regroup([said.device.pk])
    place.keep({"count": len(apps)}, digest)


def parse(items: Any) -> dict[str, App]:
    """Return the applications by digest; what a list has twice counts once."""
    if not isinstance(items, list):
        raise TypeError(f"{LIST} is not an array")
    check_length(items)
    found: dict[str, App] = {}
    for item in items:
        if isinstance(item, Mapping):
            app = _app(item)
            there = found.get(app.digest)
            # Of two that are alike the same one counts, however they are sorted.
            if there is None or digest_of(app.own) < digest_of(there.own):
                found[app.digest] = app
    return found


def _app(item: Mapping[str, Any]) -> App:
    facts = without_secrets(item)
    shared = {name: value for name, value in facts.items() if name in SHARED}
    own = {
        name: value
        for name, value in facts.items()
        if name not in SHARED and USUAL.get(name, ...) != value
    }
    return App(digest_of(shared), shared, own or None)


def _text(value: Any) -> str:
    text = "" if value is None else str(to_json(value))
    return text.strip()[:LONGEST]


def _there(said: Said) -> dict[str, There]:
    rows = InstalledApplication.objects.filter(
        device=said.device, user_id=said.user_id
    ).values_list(
        "pk",
        "application__digest",
        "application__identifier",
        "application__name",
        "application__version",
        "application__short_version",
        "own",
    )
    return {one.digest: one for one in (There(*row) for row in rows)}


def _update(before: Mapping[str, There], apps: Mapping[str, App]) -> None:
    changed = [
        InstalledApplication(pk=there.pk, own=apps[name].own)
        for name, there in before.items()
        if name in apps and there.own != apps[name].own
    ]
    if changed:
        InstalledApplication.objects.bulk_update(changed, ["own"])


def _remove(removed: Sequence[There]) -> None:
    if removed:
        gone = InstalledApplication.objects.filter(pk__in=[one.pk for one in removed])
        gone._raw_delete(gone.db)  # nothing hangs on such a row


def _add(said: Said, added: Sequence[App]) -> None:
    if not added:
        return
    ids = _ids(added)
    InstalledApplication.objects.bulk_create(
        [
            InstalledApplication(
                device=said.device,
                user_id=said.user_id,
                application_id=ids[one.digest],
                own=one.own,
            )
            for one in added
        ]
    )


def _ids(apps: Collection[App]) -> dict[str, int]:
    """Return the ids of applications by digest; those that are new are written.

    Sorted, so that workers that write the same ones wait for each other and never in a
    circle; who comes second finds what the first has written.
    """
    wanted = sorted(apps, key=lambda one: one.digest)
    ids = _known(one.digest for one in wanted)
    missing = [one.row() for one in wanted if one.digest not in ids]
    if missing:
        Application.objects.bulk_create(missing, ignore_conflicts=True)
        ids |= _known(one.digest for one in missing)
    return ids


def _known(digests: Iterable[str]) -> dict[str, int]:
    rows = Application.objects.filter(digest__in=list(digests)).order_by()
    return dict(rows.values_list("digest", "pk"))


def _differences(
    removed: Sequence[There], added: Sequence[Application]
) -> Iterator[Difference]:
    """Yield what came, went, or has another version now."""
    before = {_name(one): one for one in removed}
    for one in added:
        was = before.pop(_name(one), None)
        now, title = _version(one), one.name or one.identifier
        if was is None:
            yield Difference(Change.Kind.ADDED, title, after=now)
        elif _version(was) != now:
            yield Difference(Change.Kind.CHANGED, title, _version(was), now)
    for left in before.values():
        title = left.name or left.identifier
        yield Difference(Change.Kind.REMOVED, title, before=_version(left))


def _name(one: There | Application) -> str:
    return one.identifier or one.name


def _version(one: There | Application) -> str:
    if one.short_version and one.version not in ("", one.short_version):
        return f"{one.short_version} ({one.version})"
    return one.short_version or one.version
