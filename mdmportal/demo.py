"""The demo of the embedded default: a person, and ways in other than the first.

Made once, so that whoever tries the portal out finds devices that came in by account,
and can sign in for one themselves. What is deleted does not come back.
"""

from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from devices.models import User
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
