"""Reports: a device that connects says how one delivery went, and takes the next.

What was sent and not answered is sent again, as the same delivery. An answer to what
is settled, or to another's, changes nothing; it is kept if it is the channel's own.
NotNow leaves a delivery for the device's next session, because after it a device goes
on asking within the same one; with Idle the next one begins, and all of them wait no
longer.

Two sessions on the channel of a Mac's user are apart. A login (NeedSyncResponse) waits
until nothing is left, so that what is ordered meanwhile must not keep it for ever. And
Setup Assistant (UserConfiguration) postpones all there is, for no fault of a command:
that is not counted.
https://developer.apple.com/documentation/devicemanagement/managing-mdm-devices-and-users-in-macos

This is the hottest road after authentication, so its statements are written by hand.
Each names the open states as the index of what is open does, which SQLite needs to use
it. They hold for PostgreSQL and SQLite alike; a report and the next command, which is
what devices do all day, are one statement on PostgreSQL: each costs a round trip there.
"""

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from devices.authentication import ChannelRow
from devices.models import Channel
from devices.models.inventory import to_json
from mdmportal import fields
from mdmportal.protocol import plist
from mdmportal.protocol.connect import Report, Status

from .models import State

STATE_AFTER = {
    Status.ACKNOWLEDGED: State.ACKNOWLEDGED,
    Status.ERROR: State.FAILED,
    Status.COMMAND_FORMAT_ERROR: State.FAILED,
}

POSTPONED_FOR = (5 * 60, 15 * 60, 60 * 60, 4 * 60 * 60, 12 * 60 * 60)
"""Seconds after each NotNow at which the device is pushed again."""

MEANWHILE = dt.timedelta(minutes=1)
"""What is ordered so long after a login began is sent before the login ends."""

LINKS, LONGEST = 20, 1000
"""How much of an ErrorChain is kept beside the answer, and of each text in it."""

SETTLE = """
UPDATE commands_delivery
SET state = %(state)s, settled_at = %(now)s, error_chain = %(chain)s
WHERE uuid = %(uuid)s AND channel_id = %(channel)s
    AND state IN ('queued', 'sent', 'postponed')
"""

KEEP_ANSWER = """
INSERT INTO commands_result (delivery_id, body, received_at, tries, problem)
SELECT id, %(body)s, %(now)s, 0, '' FROM commands_delivery
WHERE uuid = %(uuid)s AND channel_id = %(channel)s
ON CONFLICT (delivery_id) DO NOTHING
"""

POSTPONE = """
UPDATE commands_delivery
SET state = 'postponed', postponements = postponements + 1,
    retry_at = CASE postponements
        WHEN 0 THEN %(retry_0)s WHEN 1 THEN %(retry_1)s WHEN 2 THEN %(retry_2)s
        WHEN 3 THEN %(retry_3)s ELSE %(retry_4)s END
WHERE uuid = %(uuid)s AND channel_id = %(channel)s AND state = 'sent'
"""

SET_ASIDE = """
UPDATE commands_delivery SET state = 'postponed', retry_at = %(retry_0)s
WHERE uuid = %(uuid)s AND channel_id = %(channel)s AND state = 'sent'
"""

SEND_NEXT = """
UPDATE commands_delivery
SET state = 'sent', sent_at = %(now)s, attempts = attempts + 1
WHERE id = (
    SELECT id FROM commands_delivery
    WHERE channel_id = %(channel)s AND uuid <> %(uuid)s
        AND state IN ('queued', 'sent', 'postponed')
        AND (state <> 'postponed' OR %(idle)s) AND priority >= %(least)s
        AND (expires_at IS NULL OR expires_at > %(now)s) {within}
    ORDER BY priority DESC, id LIMIT 1 {lock}
)
RETURNING uuid, command_id
"""

# For what a session begins with: whether more was postponed. Then all of that waits no
# longer, so that the rest of the session sends it in its turn.
SEND_FIRST = f"""{SEND_NEXT.rstrip()}, EXISTS (
    SELECT 1 FROM commands_delivery d
    WHERE d.channel_id = %(channel)s AND d.uuid <> commands_delivery.uuid
        AND d.state IN ('queued', 'sent', 'postponed') AND d.state = 'postponed'
)
"""  # noqa: S608

RESUME = """
UPDATE commands_delivery SET state = 'queued', retry_at = NULL
WHERE channel_id = %(channel)s AND state IN ('queued', 'sent', 'postponed')
    AND state = 'postponed'
"""

LOGIN = "UPDATE devices_channel SET login_at = %(now)s WHERE id = %(channel)s"

CONTENT = "SELECT request_type, keys_plist FROM commands_command WHERE id = %(command)s"

# The session is over: push only for what was postponed. Compare and set: an order that
# came in meanwhile has counted up and set push_at anew, and that stays. What was
# settled in this very statement is not seen as such yet, hence the uuid.
REST = """
UPDATE devices_channel
SET last_seen_at = %(now)s,
    push_attempts = 0,
    push_at = CASE WHEN EXISTS (
        SELECT 1 FROM commands_delivery d
        WHERE d.channel_id = devices_channel.id AND d.uuid <> %(uuid)s
            AND d.state IN ('queued', 'sent', 'postponed') AND d.state <> 'postponed'
            AND (d.expires_at IS NULL OR d.expires_at > %(now)s)
    ) THEN push_at ELSE (
        SELECT MIN(d.retry_at) FROM commands_delivery d
        WHERE d.channel_id = devices_channel.id
            AND d.state IN ('queued', 'sent', 'postponed')
            AND d.state NOT IN ('queued', 'sent')
            AND (d.uuid <> %(uuid)s OR %(postponed)s)
    ) END,
    drained = CASE WHEN EXISTS (
        SELECT 1 FROM commands_delivery d
        WHERE d.channel_id = devices_channel.id
            AND (d.uuid <> %(uuid)s OR %(postponed)s)
            AND d.state IN ('queued', 'sent', 'postponed')
    ) THEN drained ELSE %(ordered)s END
WHERE id = %(channel)s AND ordered = %(ordered)s AND {unchanged}
"""

# Not an attempt: the device never heard of it, unless it did at an earlier one.
REFUSE = """
UPDATE commands_delivery
SET state = 'refused', settled_at = %(now)s, error_chain = %(chain)s,
    attempts = attempts - 1
WHERE uuid = %(uuid)s AND channel_id = %(channel)s AND state = 'sent'
"""

PUT_BACK = """
UPDATE commands_delivery SET state = 'queued', attempts = attempts - 1
WHERE uuid = %(uuid)s AND channel_id = %(channel)s AND state = 'sent'
"""

SEEN = "UPDATE devices_channel SET last_seen_at = %(now)s WHERE id = %(channel)s"

SETTLE_AND_SEND = f"""
WITH settled AS ({SETTLE}),
    kept AS ({KEEP_ANSWER}),
    sent AS ({SEND_NEXT}),
    rested AS ({REST} AND NOT EXISTS (SELECT 1 FROM sent))
SELECT sent.uuid, c.request_type, c.keys_plist
FROM sent JOIN commands_command c ON c.id = sent.command_id
"""  # noqa: S608


@dataclass(frozen=True)
class Next:
    """A command to send, with the CommandUUID of its delivery."""

    uuid: str
    request_type: str
    keys: Mapping[str, Any]


ANY = -32768
"""The least priority that there is."""

Refuses = Callable[[Next], str]
"""Returns why the device cannot take a command any more; '' if it can."""

OURS = "MDMPortal"
"""The ErrorDomain of what the portal itself says, where a device said nothing."""

MOST_REFUSED = 50
"""How many are refused in one request: the rest has its turn in the next session."""


def _takes_all(_: Next) -> str:
    return ""


def take(
    channel: ChannelRow,
    report: Report,
    body: bytes,
    least: int = ANY,
    refuses: Refuses = _takes_all,
) -> Next | None:
    """Settle what a device reports and return what to send it now, None for nothing.

    Only what has at least the priority ``least`` is sent, and what ``refuses`` refuses
    is settled unsent. An Idle with nothing waiting costs, once in LAST_SEEN_EVERY, a
    write, else nothing.
    """
    values = _values(channel, report, least)
    if report.need_sync_response and report.status != Status.IDLE:
        values |= _until(channel)
    if report.status == Status.IDLE:
        found = None if channel.is_drained else _begin(report, values)
        if found is None and (
            channel.is_stale or not channel.is_drained or channel.push_at
        ):
            _rest(channel, values)
    elif report.status == Status.NOT_NOW:
        found = _postpone_and_send(channel, report, values)
    else:
        values |= _answer(report, body)
        found = _settle_and_send(channel, values)
    found = _able(channel, found, values, refuses)
    if found is not None and channel.is_stale:
        _execute(SEEN, values)
    return found


def _able(
    channel: ChannelRow,
    found: Next | None,
    values: Mapping[str, Any],
    refuses: Refuses,
) -> Next | None:
    """Return ``found``, or the first after it that the device can take."""
    for _ in range(MOST_REFUSED):
        why = refuses(found) if found is not None else ""
        if found is None or not why:
            return found
        found = _refuse(channel, found, why, values)
    if found is not None:  # for the next session: it is not sent in this one
        _execute(PUT_BACK, {**values, "uuid": found.uuid})
    return None


@transaction.atomic
def _refuse(
    channel: ChannelRow, found: Next, why: str, values: Mapping[str, Any]
) -> Next | None:
    """Settle as not sent what was about to be, say why, and take the next."""
    chain = [{"ErrorDomain": OURS, "LocalizedDescription": why[:LONGEST]}]
    _execute(REFUSE, {**values, "uuid": found.uuid, "chain": json.dumps(chain)})
    return _send_or_rest(channel, values)


def _begin(report: Report, values: Mapping[str, Any]) -> Next | None:
    """Begin a session: what was postponed in an earlier one is sent in this one."""
    if report.need_sync_response:
        _execute(LOGIN, values)
    found = _fetch(SEND_FIRST.format(lock=_lock(), within=""), values)
    if not found:
        return None
    uuid, command, more = found
    if more:
        _execute(RESUME, values)
    return _content(uuid, command)


def _until(channel: ChannelRow) -> dict[str, Any]:
    """Return until when an order must have come to be sent before a login ends."""
    began = Channel.objects.values_list("login_at", flat=True).get(pk=channel.id)
    return {"until": _adapt(began + MEANWHILE)} if began else {}


def seen(channel: ChannelRow) -> None:
    """Write down that the device came, and nothing else."""
    _execute(SEEN, {"now": _adapt(timezone.now()), "channel": channel.id})


def _values(channel: ChannelRow, report: Report, least: int = ANY) -> dict[str, Any]:
    return {
        "channel": channel.id,
        "least": least,
        "ordered": channel.ordered,
        "push_at": channel.push_at,
        "uuid": report.command_uuid,
        "now": _adapt(timezone.now()),
        "idle": report.status == Status.IDLE,
        "postponed": report.status == Status.NOT_NOW,
    }


def _answer(report: Report, body: bytes) -> dict[str, Any]:
    return {
        "state": STATE_AFTER[report.status].value,
        "chain": json.dumps(_chain(report.error_chain)),
        "body": fields.encrypt(body, "commands_result.body"),
    }


def _chain(links: Sequence[Any]) -> list[Any]:
    """Return an ErrorChain as it is kept beside the answer, which keeps it whole."""
    return [
        to_json({name: _short(value) for name, value in link.items()})
        for link in links[:LINKS]
        if isinstance(link, Mapping)
    ]


def _short(value: object) -> object:
    if isinstance(value, str):
        return value[:LONGEST]
    return None if isinstance(value, list | dict | bytes) else value


def _settle_and_send(channel: ChannelRow, values: Mapping[str, Any]) -> Next | None:
    if connection.vendor == "postgresql":
        unchanged = _unchanged(channel)
        sql = SETTLE_AND_SEND.format(
            lock=_lock(), within=_within(values), unchanged=unchanged
        )
        found = _fetch(sql, values)
        return _next(*found) if found else None
    with transaction.atomic():
        _execute(SETTLE, values)
        _execute(KEEP_ANSWER, values)
        return _send_or_rest(channel, values)


@transaction.atomic
def _postpone_and_send(
    channel: ChannelRow, report: Report, values: Mapping[str, Any]
) -> Next | None:
    """Leave a delivery for the next session; push again later, ever more rarely."""
    now = timezone.now()
    retries = {
        f"retry_{number}": _adapt(now + dt.timedelta(seconds=seconds))
        for number, seconds in enumerate(POSTPONED_FOR)
    }
    sql = SET_ASIDE if report.user_configuration else POSTPONE
    _execute(sql, {**values, **retries})
    return _send_or_rest(channel, values)


def _send_or_rest(channel: ChannelRow, values: Mapping[str, Any]) -> Next | None:
    found = _send_next(values)
    if found is None:
        _rest(channel, values)
    return found


def _send_next(values: Mapping[str, Any]) -> Next | None:
    """Mark the next delivery as sent and return it; two requests agree on it."""
    found = _fetch(SEND_NEXT.format(lock=_lock(), within=_within(values)), values)
    return _content(*found) if found else None


def _content(uuid: str, command: int) -> Next:
    return _next(uuid, *_fetch(CONTENT, {"command": command}))


def _next(uuid: str, request_type: str, sealed: bytes) -> Next:
    keys = fields.decrypt(bytes(sealed), "commands_command.keys_plist")
    return Next(uuid, request_type, plist.loads(keys))


def _rest(channel: ChannelRow, values: Mapping[str, Any]) -> None:
    _execute(REST.format(unchanged=_unchanged(channel)), values)


def _lock() -> str:
    return "FOR UPDATE" if connection.features.has_select_for_update else ""


def _within(values: Mapping[str, Any]) -> str:
    return "AND queued_at <= %(until)s" if "until" in values else ""


def _unchanged(channel: ChannelRow) -> str:
    return "push_at IS NULL" if channel.push_at is None else "push_at = %(push_at)s"


def _fetch(sql: str, values: Mapping[str, Any]) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()


def _execute(sql: str, values: Mapping[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def _adapt(moment: dt.datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)
