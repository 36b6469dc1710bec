"""What the ways in do when something happens below."""

from collections.abc import Iterable
from typing import Any

from cryptography import x509
from django.dispatch import receiver

from commands.results.said import Said
from commands.signals import answered
from devices.models import User
from devices.signals import (
    identity_unknown,
    owner_assigned,
    owners_assigned,
    password_known,
)

from . import logins, signon, users
from . import moving_in as migration


@receiver(identity_unknown)
def recognise_who_moved_in(
    certificate: x509.Certificate, body: bytes, **_: Any
) -> bool:
    return migration.introduce(certificate, body)


@receiver(owner_assigned)
def join_groups_of_the_owner(owner: User, **_: Any) -> None:
    signon.apply_device_groups(owner)


@receiver(owners_assigned)
def join_groups_of_the_owners(owners: Iterable[User], **_: Any) -> None:
    signon.apply_device_groups_of(owners)


@receiver(password_known)
def recognise_network_user(user: User, password: str, **_: Any) -> None:
    logins.remember(user, password)


@receiver(answered)
def release_user(said: Said, **_: Any) -> None:
    users.answered(said)
