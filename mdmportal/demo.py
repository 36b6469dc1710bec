"""The demo of the embedded default: a person, ways in other than the first, policies.

Made once, so that whoever tries the portal out finds devices that came in by account,
can sign in for one themselves, and sees who complies. What is deleted does not come
back.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction

from compliance import sweeps
from compliance.models import Policy
from devices import groups
from devices.models import DeviceGroup, Tag, User
from enrollment.models import EnrollmentProfile, MailDomain, Route

from . import keys

NAME, DOMAIN = "ada", "example.com"
WAYS = (
    {
        "kind": EnrollmentProfile.Kind.BYOD,
        "name": "People's own devices",
        "description": "For your own iPhone, iPad or Mac: work is kept apart from "
        "what is yours.",
        "is_listed": True,
    },
    {
        "kind": EnrollmentProfile.Kind.OTA,
        "name": "Over the air",
        "description": "For a device that the organisation gave you.",
        "is_listed": True,
        "requires_sign_in": True,
    },
)

MACS = [("platform", "is", "macOS")]
POLICIES = (
    {
        "name": "Up to date",
        "description": "Older systems lack what Apple has mended since.",
        "platforms": ["iOS", "iPadOS"],
        "asked": [("os_version", "at_least", "18.0")],
        "tag": "needs an update",
    },
    {
        "name": "Protected",
        "description": "Who finds a lost device must not find what is on it.",
        "platforms": ["iOS", "iPadOS"],
        "asked": [
            ("passcode", "is", "yes"),
            ("encrypted", "is", "yes"),
            ("seen", "within", "7"),
        ],
    },
    {
        "name": "Macs: FileVault and firewall",
        "asked": [("encrypted", "is", "yes"), ("firewall", "is", "yes")],
        "group": "Macs",
    },
)


@dataclass(frozen=True)
class Person:
    """Who signs in: an address of DOMAIN, and a password that only this folder has."""

    identifier: str
    password_file: Path

    @property
    def password(self) -> str:
        return self.password_file.read_text().strip()

    def is_there(self) -> bool:
        """Whether they can still sign in with that password."""
        user = User.objects.filter(username=NAME, is_active=True).first()
        return user is not None and user.check_password(self.password)


def prepare(folder: Path) -> Person | None:
    """Return the person of the demo, made at the first run; None if they are gone."""
    person = Person(f"{NAME}@{DOMAIN}", folder / f"{NAME}.password")
    if not person.password_file.exists():
        if User.objects.filter(username=NAME).exists():
            return None
        keys.keep(person.password_file, 6)
        _make(person)
    return person if person.is_there() else None


@transaction.atomic
def _make(person: Person) -> None:
    User.objects.create_user(
        NAME,
        email=person.identifier,
        password=person.password,
        first_name="Ada",
        last_name="Example",
    )
    made = [
        EnrollmentProfile.objects.get_or_create(name=way["name"], defaults=way)[0]
        for way in WAYS
    ]
    domain, _ = MailDomain.objects.get_or_create(name=DOMAIN)
    Route.objects.get_or_create(domain=domain, defaults={"way": made[0]})
    _make_policies()


def _make_policies() -> None:
    macs = {"conditions": _asked(MACS)}
    group, _ = DeviceGroup.objects.get_or_create(name="Macs", defaults=macs)
    for each in POLICIES:
        given: dict[str, Any] = dict(each)
        asked, is_of_group = _asked(given.pop("asked")), bool(given.pop("group", ""))
        if tag := given.pop("tag", ""):
            given["tag"], _ = Tag.objects.get_or_create(name=tag)
        policy, is_new = Policy.objects.get_or_create(
            name=given.pop("name"), defaults={"conditions": asked, **given}
        )
        if is_new and is_of_group:
            policy.groups.add(group)
    groups.sweep_one(group.pk)
    sweeps.begin()


def _asked(rows: Iterable[tuple[str, str, str]]) -> dict[str, object]:
    names = ("field", "operator", "value")
    conditions = [dict(zip(names, row, strict=True)) for row in rows]
    return {"match": "all", "conditions": conditions}
