"""Recipients: who gets an order, written down by the database itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import (
    BigIntegerField,
    CharField,
    Exists,
    OuterRef,
    QuerySet,
    Value,
)

from devices.models import Channel, Device

from .. import availability, targets
from ..models import Order, Recipient

WAITING, QUEUED, REFUSED, CANCELLED = (
    Recipient.State.WAITING,
    Recipient.State.QUEUED,
    Recipient.State.REFUSED,
    Recipient.State.CANCELLED,
)
COLUMNS = ("order_id", "device_id", "channel_id", "state", "reason")


def write(order: Order, channels: QuerySet[Channel], devices: QuerySet[Device]) -> None:
    """Make these channels the order's recipients, and count them.

    Those of ``devices`` that have none of the channels are not enrolled: they are
    written down as refused. Two statements, however many they are.
    """
    found = _insert(
        order,
        channels.order_by("pk"),
        device_id="enrollment__device_id",
        channel_id="pk",
        state=WAITING,
    )
    having = Recipient.objects.filter(order=order, device=OuterRef("pk"))
    without = Device.objects.filter(pk__in=devices.order_by().values("pk"))
    refused = _insert(
        order,
        without.filter(~Exists(having)).order_by("pk"),
        device_id="pk",
        channel_id=None,
        state=REFUSED,
        reason=availability.NOT_ENROLLED,
    )
    order.total, order.refused = found + refused, refused
    order.save(update_fields=["total", "refused"])


def _insert(
    order: Order,
    chosen: "QuerySet[Channel] | QuerySet[Device]",
    *,
    device_id: str,
    channel_id: str | None,
    state: str,
    reason: str = "",
) -> int:
    constants: dict[str, Any] = {
        "of_order": Value(order.pk, BigIntegerField()),
        "no_channel": Value(None, BigIntegerField()),
        "in_state": Value(str(state), CharField()),
        "for_reason": Value(reason, CharField()),
    }
    names = ("of_order", device_id, channel_id or "no_channel")
    rows = chosen.annotate(**constants).values_list(*names, "in_state", "for_reason")
    try:
        select, parameters = rows.query.sql_with_params()
    except EmptyResultSet:
        return 0
    insert = f"INSERT INTO commands_recipient ({', '.join(COLUMNS)}) {select}"
    with connection.cursor() as cursor:
        cursor.execute(insert, parameters)
        return int(cursor.rowcount)


@dataclass(frozen=True)
class Outcome:
    """What became of one recipient: its delivery's id, or why there is none."""

    recipient: int
    delivery: int | None = None
    reason: str = ""

    @property
    def row(self) -> tuple[int, str, str, int | None]:
        state = REFUSED if self.delivery is None else QUEUED
        return self.recipient, str(state), self.reason[:255], self.delivery


SETTLE = """
UPDATE commands_recipient
SET state = v.column2, reason = v.column3, delivery_id = CAST(v.column4 AS bigint)
FROM (VALUES {rows}) AS v WHERE commands_recipient.id = v.column1
"""


def settle(outcomes: Sequence[Outcome]) -> None:
    """Write down what became of each: one statement. It holds for both databases."""
    if not outcomes:
        return
    rows = ", ".join(["(%s, %s, %s, %s)"] * len(outcomes))
    values = [value for outcome in outcomes for value in outcome.row]
    with connection.cursor() as cursor:
        cursor.execute(SETTLE.format(rows=rows), values)


def withdraw(order: Order) -> int:
    """Cancel those that wait; return how many."""
    return order.recipients.filter(state=WAITING).update(state=CANCELLED)


def refuse_unable(order: Order) -> None:
    """Write down of those who cannot take it now why; bounded by the kinds of them."""
    waiting = order.recipients.filter(state=WAITING)
    for where, reason in targets.of_order(order).unable(order.request_type, order.keys):
        channels = Channel.objects.filter(where).order_by().values("pk")
        unable = waiting.filter(channel__in=channels)
        order.refused += unable.update(state=REFUSED, reason=reason[:255])


def refuse_waiting(order: Order, reason: str) -> None:
    """Write down of all that wait why they get nothing."""
    waiting = order.recipients.filter(state=WAITING)
    order.refused += waiting.update(state=REFUSED, reason=reason)
