"""Webhooks: verdicts told to another system, up to AT_ONCE of them in a request."""

import time
import uuid
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.utils import timezone

from ..models import Action, Policy
from .outbox import Claim, policies_with
from .post import NotTaken, post

AT_ONCE = 100
SECONDS = 60
"""How long one run of the task goes on: the rest waits for the next."""


def send_due() -> int:
    """Send what is due; return of how many verdicts was told."""
    until = time.monotonic() + SECONDS
    done = 0
    for policy in policies_with(Action.Kind.WEBHOOK):
        while time.monotonic() < until and (count := _send(policy)):
            done += count
    return done


def _send(policy: Policy) -> int:
    """Tell of some of the verdicts; return of how many, 0 if that failed."""
    claim = Claim.take(policy, Action.Kind.WEBHOOK, AT_ONCE)
    if claim is None:
        return 0
    if not policy.webhook_url or policy.webhook_secret is None:
        claim.failed("The policy has no webhook any more.", for_good=True)
        return 0
    rows = claim.rows.select_related("device__owner").order_by("pk")
    try:
        post(policy.webhook_url, bytes(policy.webhook_secret), body(policy, rows))
    except NotTaken as problem:
        claim.failed(str(problem))
        return 0
    return claim.done()


def body(policy: Policy, rows: Iterable[Action]) -> dict[str, Any]:
    """Return what is told. ``id`` of an event is the same when it is told again."""
    return {
        "id": str(uuid.uuid4()),
        "sent_at": timezone.now().isoformat(),
        "organization": settings.ORGANIZATION,
        "policy": {
            "id": policy.pk,
            "name": policy.name,
            "url": settings.PUBLIC_URL + policy.get_absolute_url(),
        },
        "events": [_event(row) for row in rows],
    }


def _event(row: Action) -> dict[str, Any]:
    device = row.device
    return {
        "id": row.pk,
        "at": row.created_at.isoformat(),
        "state": row.about,
        "reasons": row.reasons,
        "device": {
            "id": device.pk,
            "name": device.name,
            "serial_number": device.serial_number,
            "udid": device.udid,
            "enrollment_id": device.enrollment_id,
            "platform": device.platform,
            "os_version": device.os_version,
            "owner": device.owner.email if device.owner else "",
            "url": settings.PUBLIC_URL + device.get_absolute_url(),
        },
    }
