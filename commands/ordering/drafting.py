"""Drafting: what is wanted, checked, and of whom, written down to be looked at."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from mdmportal.protocol import plist

from .. import filled, queue
from ..checking import Invalid, check, check_readable
from ..models import Order, RecurringOrder
from ..targets import Targets
from . import recipients, rights
from .windows import Window

LEAST, MOST = queue.SCHEDULED + 1, queue.REMOVAL - 1
"""Priorities that an order can have: above what the portal asks by itself, below what
it must say to a device that gets nothing else."""

LONGEST_SPREAD = 30 * 24 * 3600


@transaction.atomic
def draft(
    targets: Targets,
    request_type: str,
    keys: Mapping[str, Any] | None,
    *,
    by: Any,
    note: str = "",
    priority: int = 0,
    expires_at: dt.datetime | None = None,
    starts_at: dt.datetime | None = None,
    window: Mapping[str, Any] | None = None,
    spread: int = 0,
    first: int | None = None,
    most_failed: int = 0,
    is_custom: bool = False,
    audience: str = "",
    recurring: RecurringOrder | None = None,
    repeats: Order | None = None,
) -> Order:
    """Return a new order of ``by`` to these, its recipients written, not confirmed.

    ``by`` is None for what the portal orders itself. Keys of a custom command are sent
    as they are; of all others, passwords are hashed and what the portal knows of each
    device is filled in when it is written. Raises Invalid and NotAllowed.
    """
    check_readable(keys or {})
    why = rights.refusal(by, request_type, keys, is_custom=is_custom)
    if why:
        raise rights.NotAllowed(why)
    said = prepared(request_type, dict(keys or {}), is_custom=is_custom)
    _check_when(starts_at, expires_at, spread)
    if min(first or 0, most_failed) < 0:
        raise Invalid("how many get it first cannot be less than none")
    order = Order(
        request_type=request_type,
        keys_plist=plist.dumps(said.keys),
        passwords_plist=sealed(said.passwords),
        is_custom=is_custom,
        audience=(audience or targets.label)[:255],
        ordered_by=by,
        note=note[:255],
        priority=_priority(priority),
        starts_at=starts_at,
        expires_at=expires_at,
        window=Window.read(window).value if window else None,
        spread=spread,
        first=first or None,
        most_failed=most_failed,
        recurring=recurring,
        repeats=repeats,
    )
    order.save()
    recipients.write(order, targets.channels, targets.devices)
    if not order.total:
        raise Invalid("there is no device that it could go to")
    return order


@transaction.atomic
def discard(draft: Order) -> None:
    """Throw a draft away; TooLate if it was sent meanwhile: then it is no draft."""
    rights.lock(draft)
    rights.check_state(draft, Order.State.DRAFT)
    draft.delete()


def prepared(
    request_type: str, given: Mapping[str, Any], *, is_custom: bool
) -> filled.Own:
    """Return the keys as they are ordered, and the passwords hashed in them."""
    if is_custom:
        return filled.Own(given)
    said = filled.prepare(request_type, given)
    check(request_type, said.keys, filled.lacking(request_type, said.keys))
    return said


def sealed(passwords: Mapping[str, bytes]) -> bytes | None:
    """Return passwords, by kind of secret, as an order keeps them."""
    kept = {str(kind): password for kind, password in passwords.items()}
    return plist.dumps(kept) if kept else None


def _check_when(
    starts_at: dt.datetime | None, expires_at: dt.datetime | None, spread: int
) -> None:
    now = timezone.now()
    if expires_at and expires_at <= max(now, starts_at or now):
        raise Invalid("it would expire before it starts")
    if not 0 <= spread <= LONGEST_SPREAD:
        raise Invalid("pushes can be spread over 30 days at most")


def _priority(priority: int) -> int:
    if not LEAST <= priority <= MOST:
        raise Invalid(f"the priority must be from {LEAST} to {MOST}")
    return priority
