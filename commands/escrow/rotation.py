"""Rotation: what somebody has seen is replaced, where Apple has a way to.

Revealing sets when; a task looks for what is due. The row is the truth, so a worker
that dies delays it and loses nothing.
"""

import datetime as dt
import logging
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from devices.models import Channel, Enrollment, Secret

from .. import availability, filled, orders
from ..models import OPEN, Delivery

logger = logging.getLogger(__name__)

BATCH = 200
RETRY = dt.timedelta(minutes=15)
"""When to look again while an order for another version is under way."""
NOTE = "Rotation: it was revealed"
LEFT = "the device has left: it cannot be told."

ROTATIONS: Mapping[str, str] = {
    Secret.Kind.FILEVAULT_KEY: "RotateFileVaultKey",
    Secret.Kind.RECOVERY_LOCK: "SetRecoveryLock",
    Secret.Kind.FIRMWARE_PASSWORD: "SetFirmwarePassword",
    Secret.Kind.ADMIN_PASSWORD: "SetAutoAdminPassword",
}
"""Kind of secret -> the command that replaces it. Apple has none for the others."""


def can_rotate(kind: str) -> bool:
    return kind in ROTATIONS


def schedule(secret: Secret) -> None:
    """Have a version replaced that was revealed, after a time to use it in."""
    if not can_rotate(secret.kind) or secret.replaced_at or secret.rotate_at:
        return
    secret.rotate_at = timezone.now() + dt.timedelta(seconds=settings.ROTATE_AFTER)
    secret.rotation = ""
    secret.save(update_fields=["rotate_at", "rotation"])


def rotate_due() -> int:
    """Order what is to be replaced by now; return how many were looked at.

    A version that is not in force yet waits until it is.
    """
    due = Secret.objects.filter(rotate_at__lte=timezone.now())
    due.exclude(replaced_at=None).update(rotate_at=None)
    ripe = due.filter(is_confirmed=True, replaced_at=None)
    ids = list(ripe.order_by("rotate_at", "pk").values_list("pk", flat=True)[:BATCH])
    for pk in ids:
        try:
            rotate(pk)
        except (KeyError, ValueError):  # one must not hold up those behind it
            logger.exception("the secret %d cannot be replaced", pk)
            later = timezone.now() + RETRY
            Secret.objects.filter(pk=pk).update(rotate_at=later)
    return len(ids)


@transaction.atomic
def rotate(pk: int, *, by: Any = None) -> str:
    """Order another version of a secret; return why not, in words, '' if ordered."""
    rows = Secret.objects.select_for_update(of=("self",), skip_locked=True)
    found = rows.filter(pk=pk, is_confirmed=True, replaced_at=None).defer("value")
    secret = found.first()
    if secret is None:
        return "it is not in force any more."
    if not can_rotate(secret.kind):
        return "Apple has no way to replace it."
    waits = _is_under_way(secret)
    reason = "" if waits else _order(secret, by)
    secret.rotate_at = timezone.now() + RETRY if waits else None
    secret.rotation = reason[:255]
    secret.save(update_fields=["rotate_at", "rotation"])
    return "an order for that is under way." if waits else reason


def _is_under_way(secret: Secret) -> bool:
    """Whether an order to replace it waits: if that fails, it is looked at again."""
    expected = Secret.objects.filter(
        device=secret.device_id, kind=secret.kind, is_confirmed=False, replaced_at=None
    )
    if expected.exists():
        return True
    return Delivery.objects.filter(
        channel__enrollment__device=secret.device_id,
        command__request_type=ROTATIONS[secret.kind],
        state__in=OPEN,
    ).exists()


def _order(secret: Secret, by: Any) -> str:
    rows = Channel.objects.select_related("enrollment__device").filter(
        enrollment__device=secret.device_id,
        enrollment__state=Enrollment.State.ACTIVE,
        user_id="",
    )
    channel = rows.first() if secret.device_id else None
    if channel is None:
        return LEFT
    placed = orders.place([channel], ROTATIONS[secret.kind], by=by, note=NOTE)
    return f"{placed.refused[0][1]}." if placed.refused else ""


def refusal(secret: Secret, channel: Channel | None) -> str:
    """Return why a version cannot be replaced now, in words; '' if it can."""
    if channel is None:
        return LEFT
    request_type = ROTATIONS[secret.kind]
    return availability.refusal(channel, request_type) or filled.missing(
        channel, request_type
    )
