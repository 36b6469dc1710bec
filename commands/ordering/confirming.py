"""Confirming: an order is let go, by who ordered it and perhaps a second person."""

import datetime as dt
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from devices.models import AuditEntry

from ..models import ApprovalRule, Order
from . import recipients, rights, stages, writing
from .cancelling import to_whom
from .drafting import draft

APPROVE_WITHIN = dt.timedelta(days=7)
S = Order.State


def order(*args: Any, by: Any, **wanted: Any) -> Order:
    """Draft and confirm at once: takes and raises what ``draft`` does."""
    with transaction.atomic():
        return confirm(draft(*args, by=by, **wanted), by)


@transaction.atomic
def confirm(order: Order, by: Any) -> Order:
    """Let a draft go, or have it wait for approval where a rule asks for that.

    Who confirms is who drafted it, and still has the right. Confirmed again, it stays
    as it is. A small order that is due is queued on return. Who cannot take a command
    that destroys is left out for good: it reaches nobody beside those counted now.
    """
    rights.lock(order)
    if order.ordered_by_id != (by.pk if by else None):
        raise rights.NotAllowed("it is somebody else's draft")
    if order.state in (S.AWAITING, S.RUNNING, S.PAUSED, S.DONE):
        return order
    rights.check_state(order, S.DRAFT)
    rights.check(by, order)
    now = timezone.now()
    _check_alive(order, now)
    order.ordered_at = now
    if order.is_destructive:
        recipients.refuse_unable(order)
    why = needs_approval(order)
    if why:
        lapses_at = now + APPROVE_WITHIN
        order.state, order.why = S.AWAITING, why
        order.next_at = min(lapses_at, order.expires_at or lapses_at)
    else:
        order.state = S.RUNNING
        order.next_at = max(order.starts_at or now, now)
    order.save(update_fields=["ordered_at", "state", "why", "next_at", "refused"])
    _audit(by, "ordered", order)
    if order.state == S.RUNNING:
        writing.begin(order)
    return order


def needs_approval(order: Order) -> str:
    """Return why a second person must approve the order; '' if none must.

    Every rule counts that is about it: one about its command does not take away what
    one about all commands asks for. What the portal orders itself nobody approves.
    """
    if order.ordered_by_id is None:
        return ""
    return rule_about(
        order.request_type,
        order.total - order.refused,
        is_destructive=order.is_destructive,
    )


def rule_about(request_type: str, count: int, *, is_destructive: bool) -> str:
    """Return which rule is about so many devices, in words; '' if none is."""
    about = Q(request_type=request_type)
    if is_destructive:
        about |= Q(request_type="")
    rules = ApprovalRule.objects.filter(about, over__lt=count)
    rule = rules.order_by("over").first()
    if rule is None:
        return ""
    to = f" to more than {rule.over} devices" if rule.over else ""
    return f"{request_type}{to} needs the approval of a second person."


@transaction.atomic
def approve(order: Order, by: Any) -> Order:
    """Let an order go that waits for a second person. Raises NotAllowed, TooLate."""
    rights.lock(order)
    rights.check_state(order, S.AWAITING)
    rights.check_approver(by, order)
    now = timezone.now()
    _check_alive(order, now)
    order.state, order.why = S.RUNNING, ""
    order.decided_by, order.decided_at = by, now
    order.next_at = max(order.starts_at or now, now)
    order.save(update_fields=["state", "why", "decided_by", "decided_at", "next_at"])
    _audit(by, "approved", order)
    writing.begin(order)
    return order


@transaction.atomic
def reject(order: Order, by: Any, why: str) -> Order:
    """Refuse what waits for approval, and say why. Raises NotAllowed, TooLate."""
    rights.lock(order)
    rights.check_state(order, S.AWAITING)
    rights.check_approver(by, order)
    writing.lapse(order, why)
    order.decided_by, order.decided_at = by, timezone.now()
    order.save(
        update_fields=[
            *("state", "why", "decided_by", "decided_at", "next_at", "finished_at"),
        ]
    )
    _audit(by, "rejected", order)
    return order


@transaction.atomic
def go_on(order: Order, by: Any) -> Order:
    """Let the rest go, whatever became of the first. Raises NotAllowed, TooLate."""
    rights.lock(order)
    rights.check_state(order, S.PAUSED, S.RUNNING)
    if not order.waits_for_the_first:
        raise rights.TooLate("the order does not wait for its first devices")
    rights.check(by, order)
    now = timezone.now()
    stages.let_go(order, now)
    order.state, order.next_at = S.RUNNING, now
    order.save(update_fields=["state", "why", "rest_at", "next_at"])
    _audit(by, "went on with", order)
    writing.begin(order)
    return order


def _check_alive(order: Order, now: dt.datetime) -> None:
    if order.expires_at and order.expires_at <= now:
        raise rights.TooLate("the order has expired")


def _audit(by: Any, did: str, order: Order) -> None:
    AuditEntry.write(
        by,
        f"{did} {order.request_type}",
        to_whom(order),
        channels=order.total - order.refused,
        order=order.pk,
    )
