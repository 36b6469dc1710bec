"""The queue: what each channel is yet to be told, and how its answers settle it.

One transaction orders a command to many channels. A device that connects reports on one
delivery and takes the next. What was sent and not answered is sent again, as the same
delivery; an answer to what is settled, or to another's, changes nothing.
"""

import datetime as dt
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from apns.tasks import ask_for_push
from devices.authentication import Line
from devices.models import Channel, Enrollment
from devices.models.inventory import to_json
from mdmportal import fields
from mdmportal.protocol import plist
from mdmportal.protocol.connect import Report, Status

from .models import OPEN, Command, Delivery, State

BATCH = 1000

STATE_AFTER = {
    Status.ACKNOWLEDGED: State.ACKNOWLEDGED,
    Status.ERROR: State.FAILED,
    Status.COMMAND_FORMAT_ERROR: State.FAILED,
}

ANSWER_WITHIN = dt.timedelta(days=1)
"""How long after its expiry what was sent may still be answered."""

POSTPONED_FOR = (5 * 60, 15 * 60, 60 * 60, 4 * 60 * 60, 12 * 60 * 60)
"""Seconds after each NotNow at which the device is pushed again."""


# --- Ordering


@transaction.atomic
def enqueue(
    channels: Iterable[int],
    request_type: str,
    keys: Mapping[str, Any] | None = None,
    *,
    ordered_by: Any = None,
    expires_at: dt.datetime | None = None,
    priority: int = 0,
    note: str = "",
) -> Command:
    """Order a command to the channels with these ids; pushes follow the commit.

    Channels whose device has left are passed over. Statements grow with the batches of
    BATCH channels, not with the channels.
    """
    command = Command.objects.create(
        request_type=request_type,
        keys_plist=plist.dumps(keys or {}),
        ordered_by=ordered_by,
        expires_at=expires_at,
        priority=priority,
        note=note,
    )
    for ids in _batches(channels):
        _deliver(command, _reachable(ids))
    ask_for_push()
    return command


def _batches(ids: Iterable[int]) -> Iterator[list[int]]:
    rest = iter(sorted(set(ids)))
    while batch := list(itertools.islice(rest, BATCH)):
        yield batch


def _reachable(ids: list[int]) -> list[int]:
    """Return which of these channels are enrolled, locked in one order by everybody."""
    enrolled = Channel.objects.filter(
        pk__in=ids, enrollment__state=Enrollment.State.ACTIVE
    )
    locked = enrolled.select_for_update(of=("self",)).order_by("pk")
    return list(locked.values_list("pk", flat=True))


def _deliver(command: Command, ids: list[int]) -> None:
    Delivery.objects.bulk_create(
        [
            Delivery(
                command=command,
                channel_id=channel,
                priority=command.priority,
                expires_at=command.expires_at,
            )
            for channel in ids
        ]
    )
    Channel.objects.filter(pk__in=ids).update(ordered=F("ordered") + 1)
    waken(ids)


def waken(ids: Iterable[int]) -> None:
    """Mark channels as due for a push now, unless one is already due."""
    now = timezone.now()
    living = Channel.objects.filter(pk__in=list(ids), push_dead=False)
    living = living.exclude(push_token="").exclude(push_at__lte=now)
    living.update(push_at=now, push_attempts=0)


def cancel(deliveries: QuerySet[Delivery]) -> int:
    """Cancel what is queued or postponed; return how many.

    What was sent may be under way on the device: it is left to be answered.
    """
    unsent = deliveries.filter(state__in=(State.QUEUED, State.POSTPONED))
    return unsent.update(state=State.CANCELLED, settled_at=timezone.now())


def close(enrollment: Enrollment) -> int:
    """Cancel all that is open for a device that left; return how many."""
    waiting = Delivery.objects.filter(channel__enrollment=enrollment, state__in=OPEN)
    return waiting.update(state=State.CANCELLED, settled_at=timezone.now())


def expire() -> int:
    """Expire what is late, cancel what waits for the departed; return how many."""
    now = timezone.now()
    waiting = Delivery.objects.filter(state__in=OPEN)
    late = waiting.filter(
        Q(expires_at__lte=now - ANSWER_WITHIN)
        | Q(expires_at__lte=now) & ~Q(state=State.SENT)
    )
    gone = waiting.filter(channel__enrollment__state=Enrollment.State.ENDED)
    return late.update(state=State.EXPIRED, settled_at=now) + gone.update(
        state=State.CANCELLED, settled_at=now
    )


# --- The hot road: a device reports and takes the next
#
# By hand, because building these with the ORM costs more time than running them. They
# hold for PostgreSQL and SQLite alike.

_OPEN = "('queued', 'sent', 'postponed')"
_AWAITING = "('queued', 'sent')"
_NOT_EXPIRED = "(expires_at IS NULL OR expires_at > %s)"

SETTLE = f"""
UPDATE commands_delivery
SET state = %s, settled_at = %s, error_chain = %s
WHERE uuid = %s AND channel_id = %s AND state IN {_OPEN}
"""  # noqa: S608

KEEP_ANSWER = """
INSERT INTO commands_result (delivery_id, body, received_at, problem)
SELECT id, %s, %s, '' FROM commands_delivery WHERE uuid = %s AND channel_id = %s
ON CONFLICT (delivery_id) DO NOTHING
"""

POSTPONE = """
UPDATE commands_delivery
SET state = 'postponed', retry_at = %s, postponements = postponements + 1
WHERE uuid = %s AND channel_id = %s AND state = 'sent'
"""

POSTPONEMENTS = """
SELECT postponements FROM commands_delivery
WHERE uuid = %s AND channel_id = %s AND state = 'sent'
"""

SEND_NEXT = """
UPDATE commands_delivery SET state = 'sent', sent_at = %s, attempts = attempts + 1
WHERE id = (
    SELECT id FROM commands_delivery
    WHERE channel_id = %s AND state IN {states} AND {not_expired}
    ORDER BY priority DESC, id LIMIT 1 {lock}
)
RETURNING uuid,
    (SELECT c.request_type FROM commands_command c WHERE c.id = command_id),
    (SELECT c.keys_plist FROM commands_command c WHERE c.id = command_id)
"""

REST = """
UPDATE devices_channel
SET last_seen_at = %s,
    push_attempts = 0,
    push_at = (
        SELECT MIN(d.retry_at) FROM commands_delivery d
        WHERE d.channel_id = devices_channel.id AND d.state = 'postponed'
    ),
    drained = CASE WHEN EXISTS (
        SELECT 1 FROM commands_delivery d
        WHERE d.channel_id = devices_channel.id
        AND d.state IN ('queued', 'sent', 'postponed')
    ) THEN drained ELSE %s END
WHERE id = %s AND push_at
"""

SEEN = "UPDATE devices_channel SET last_seen_at = %s WHERE id = %s"


@dataclass(frozen=True)
class Next:
    """A command to send, with the CommandUUID of its delivery."""

    uuid: str
    request_type: str
    keys: Mapping[str, Any]


def take_report(line: Line, report: Report, body: bytes) -> Next | None:
    """Settle what a device reports and return what to send it now, None for nothing.

    An Idle with nothing waiting costs, once in LAST_SEEN_EVERY, a write, else nothing.
    """
    if report.status == Status.IDLE and line.is_drained:
        if line.is_stale or line.push_at is not None:
            _rest(line)
        return None
    with transaction.atomic():
        _settle(line, report, body)
        found = _send_next(line, idle=report.status == Status.IDLE)
        if found is None:
            _rest(line)
        elif line.is_stale:
            _execute(SEEN, _now(), line.id)
        return found


def _settle(line: Line, report: Report, body: bytes) -> None:
    if report.status == Status.IDLE:
        return
    if report.status == Status.NOT_NOW:
        _postpone(line, report.command_uuid)
        return
    chain = json.dumps(to_json(report.error_chain))
    state = STATE_AFTER[report.status]
    address = (report.command_uuid, line.id)
    _execute(SETTLE, state.value, _now(), chain, *address)
    sealed = fields.encrypt(body, "commands_result.body")
    _execute(KEEP_ANSWER, sealed, _now(), *address)


def _postpone(line: Line, uuid: str) -> None:
    """Leave a delivery for the next session; push again later, ever more rarely."""
    found = _fetch(POSTPONEMENTS, uuid, line.id)
    if not found:
        return
    seconds = POSTPONED_FOR[min(found[0], len(POSTPONED_FOR) - 1)]
    retry_at = _adapt(timezone.now() + dt.timedelta(seconds=seconds))
    _execute(POSTPONE, retry_at, uuid, line.id)


def _send_next(line: Line, *, idle: bool) -> Next | None:
    """Mark the next delivery as sent and return it.

    What was postponed waits until the device next connects Idle, because after NotNow
    it goes on asking within the same session.
    """
    sql = SEND_NEXT.format(
        states=_OPEN if idle else _AWAITING,
        not_expired=_NOT_EXPIRED,
        lock="FOR UPDATE" if connection.features.has_select_for_update else "",
    )
    found = _fetch(sql, _now(), line.id, _now())
    if not found:
        return None
    uuid, request_type, sealed = found
    keys = fields.decrypt(bytes(sealed), "commands_command.keys_plist")
    return Next(uuid, request_type, plist.loads(keys))


def _rest(line: Line) -> None:
    """The session is over: nothing to push for, but for what was postponed.

    Compare and set: an order that came in meanwhile has set push_at anew, and it stays.
    """
    if line.push_at is None:
        _execute(f"{REST} IS NULL", _now(), line.ordered, line.id)
    else:
        _execute(f"{REST} = %s", _now(), line.ordered, line.id, line.push_at)


def _fetch(sql: str, *values: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()


def _execute(sql: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def _adapt(moment: dt.datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)


def _now() -> Any:
    return _adapt(timezone.now())
