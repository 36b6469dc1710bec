"""What the ways in do when something happens below."""

from typing import Any

from cryptography import x509
from django.dispatch import receiver

from devices.models import User
from devices.signals import identity_unknown, owner_assigned

from . import moving_in as migration
from . import signon


@receiver(identity_unknown)
def recognise_who_moved_in(
    certificate: x509.Certificate, body: bytes, **_: Any
) -> bool:
    return migration.introduce(certificate, body)


@receiver(owner_assigned)
def join_groups_of_the_owner(owner: User, **_: Any) -> None:
    signon.apply_device_groups(owner)
