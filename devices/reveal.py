"""Reveal: a value of a secret is shown to a person, who says why.

It is written down for good who saw which, and why; never the value itself.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from .models import AuditEntry, Secret
from .signals import secret_revealed

PERMISSION = "devices.reveal_secret"
ACTION = "secret revealed"
SHORTEST_REASON = 5

BINARY = frozenset(
    (Secret.Kind.UNLOCK_TOKEN, Secret.Kind.BOOTSTRAP_TOKEN, Secret.Kind.SEALED_KEY)
)
"""What no person can type; it is shown as base64 text."""

PURPOSES: Mapping[str, str] = {
    Secret.Kind.FILEVAULT_KEY: "Unlocks the Mac's disk when nobody knows a password: "
    "at the login window, click the question mark beside the password.",
    Secret.Kind.RECOVERY_LOCK: "Asked for when a Mac with Apple silicon starts into "
    "macOS Recovery.",
    Secret.Kind.FIRMWARE_PASSWORD: "Asked for when a Mac with an Intel processor "
    "starts from another disk or into Recovery.",
    Secret.Kind.LOCK_PIN: "Opens a Mac that was locked or erased from here. Apple has "
    "no way to replace it; it is good for that one lock.",
    Secret.Kind.ADMIN_PASSWORD: "Of the administrator that Setup Assistant made on "
    "the Mac.",
    Secret.Kind.SEALED_KEY: "The Mac handed over a recovery key that none of its "
    "escrow certificates opens: it was encrypted for somebody else, such as a server "
    "that managed it before. It is kept for whoever has that certificate's key.",
    Secret.Kind.BYPASS_CODE: "Opens Activation Lock: on the device, in place of the "
    "password of the Apple Account, with an empty name. Apple has no way to replace "
    "it.",
    Secret.Kind.UNLOCK_TOKEN: "Removes the passcode of the device by the command "
    "ClearPasscode, which fills it in by itself: it need not be seen for that.",
    Secret.Kind.BOOTSTRAP_TOKEN: "The Mac fetches it by itself, to give users the "
    "right to start it and to install updates: it need not be seen for that.",
}
"""What each kind is for; pages show them in this order."""


@dataclass(frozen=True)
class Revealed:
    """A value, as text; '' for a version that takes a password away."""

    secret: Secret
    text: str

    @property
    def is_binary(self) -> bool:
        return self.secret.kind in BINARY


@transaction.atomic
def reveal(pk: int, *, by: Any, reason: str) -> Revealed:
    """Return the value of a version, and write down who asked for it and why.

    Raises Secret.DoesNotExist.
    """
    locked = Secret.objects.select_for_update(of=("self",)).select_related("device")
    secret = locked.get(pk=pk)
    secret.revealed_at = timezone.now()
    secret.save(update_fields=["revealed_at"])
    AuditEntry.write(
        by,
        ACTION,
        secret,
        kind=secret.get_kind_display(),
        reason=reason,
        version=secret.pk,
    )
    secret_revealed.send(Secret, secret=secret, by=by)
    return Revealed(secret, _text(secret))


def _text(secret: Secret) -> str:
    value = bytes(secret.value)
    if secret.kind in BINARY:
        return base64.b64encode(value).decode()
    return value.decode("utf-8", "replace")
