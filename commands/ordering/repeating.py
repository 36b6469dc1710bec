"""Repeating: a draft of an order for those that did not do it."""

import datetime as dt
from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from devices.models import Channel, Device, Enrollment

from ..checking import Invalid
from ..models import Order, Recipient
from ..states import REPEATED
from . import recipients, rights


@transaction.atomic
def repeat(order: Order, by: Any, states: Collection[str] = REPEATED) -> Order:
    """Return a draft of the same for those where it came to one of these states.

    REFUSED and CANCELLED are also those that nothing was queued for. It goes to the
    same user or device channel of each device, of the stay that it is in now: it is
    looked at and confirmed anew. Passwords that the order sets are those of before.
    """
    rights.check_state(order, *set(Order.State) - {Order.State.DRAFT})
    rights.check(by, order)
    chosen = order.recipients.filter(
        Q(delivery__state__in=states) | Q(state__in=states, delivery=None)
    )
    again = Order.objects.create(
        request_type=order.request_type,
        keys_plist=order.keys_plist,
        passwords_plist=order.passwords_plist,
        is_custom=order.is_custom,
        audience=f"Again: {order.audience}"[:255] if order.audience else "",
        ordered_by=by,
        note=order.note,
        priority=order.priority,
        expires_at=_expires_at(order),
        window=order.window,
        spread=order.spread,
        repeats=order,
    )
    recipients.write(again, _channels(chosen), _devices(chosen))
    if not again.total:
        raise Invalid("there is no device for which it failed or was not sent")
    return again


def _expires_at(order: Order) -> dt.datetime | None:
    """Return when it expires that has as long as the order had."""
    if order.expires_at is None:
        return None
    began = order.starts_at or order.ordered_at
    return timezone.now() + (order.expires_at - began)


def _channels(chosen: QuerySet[Recipient]) -> QuerySet[Channel]:
    rows = chosen.annotate(user=Coalesce(F("channel__user_id"), Value("")))
    meant = rows.filter(device=OuterRef("enrollment__device"), user=OuterRef("user_id"))
    enrolled = Channel.objects.filter(enrollment__state=Enrollment.State.ACTIVE)
    return enrolled.filter(Exists(meant))


def _devices(chosen: QuerySet[Recipient]) -> QuerySet[Device]:
    return Device.objects.filter(pk__in=chosen.order_by().values("device"))
