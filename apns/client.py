"""The push client: asks devices to connect, through Apple's Push Notification service.

https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns

The rest of the server knows `push`, `verdict` and the dataclasses between them. What
they stand on, aioapns, is known to this file alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import json
import logging
import os
import socket
import ssl
import sys
import tempfile
import threading
import time
import urllib.parse
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from aioapns.common import (
    PRIORITY_HIGH,
    NotificationRequest,
    NotificationResult,
    PushType,
)
from aioapns.connection import (
    APNsCertConnectionPool,
    APNsProductionClientProtocol,
)
from aioapns.exceptions import ConnectionClosed
from h2 import events
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError as HTTP2Error

logger = logging.getLogger(__name__)

T = TypeVar("T")

WEEK = timedelta(days=7)
PATIENCE = timedelta(seconds=20)
# More streams at once gain nothing: h2 counts the open ones anew for each it opens.
MAX_STREAMS = 200


@dataclass(frozen=True)
class Server:
    """Where APNs is. `ca_file` replaces the system's roots, for a simulated APNs."""

    host: str = "api.push.apple.com"
    port: int = 443
    ca_file: str | Path | None = None


@dataclass(frozen=True)
class Credentials:
    """A push certificate: its topic, and certificate and unencrypted key as PEM."""

    topic: str
    certificate: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True)
class Push:
    """Whom to wake: the push token in hexadecimal, and the PushMagic."""

    token: str = field(repr=False)
    magic: str = field(repr=False)


@dataclass(frozen=True)
class Answer:
    """What APNs said to one push.

    Status 0 is said by nobody: the push was not answered, and `reason` tells why, in
    the words of this file (`ConnectionLost`, `StreamReset`, `Timeout`,
    `CertificateRefused`, `ServerNotTrusted`), or in Apple's where APNs gave a reason
    for closing the connection.
    """

    status: int
    reason: str = ""
    timestamp: datetime | None = None
    apns_id: str = ""


class Verdict(enum.Enum):
    """What an answer means to us."""

    SENT = "sent"
    TOKEN_DEAD = "token dead"  # noqa: S105
    CONFIGURATION = "configuration"
    CERTIFICATE = "certificate"
    SLOW_DOWN = "slow down"
    RETRY = "retry"
    BUG = "bug"


# https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns
REASONS = {
    "Unregistered": Verdict.TOKEN_DEAD,
    "ExpiredToken": Verdict.TOKEN_DEAD,
    "BadDeviceToken": Verdict.TOKEN_DEAD,
    "DeviceTokenNotForTopic": Verdict.CONFIGURATION,
    "BadTopic": Verdict.CONFIGURATION,
    "MissingTopic": Verdict.CONFIGURATION,
    "TopicDisallowed": Verdict.CONFIGURATION,
    "ServerNotTrusted": Verdict.CONFIGURATION,
    "BadCertificate": Verdict.CERTIFICATE,
    "BadCertificateEnvironment": Verdict.CERTIFICATE,
    "Forbidden": Verdict.CERTIFICATE,
    "CertificateRefused": Verdict.CERTIFICATE,
    "TooManyRequests": Verdict.SLOW_DOWN,
    "IdleTimeout": Verdict.RETRY,
    "InternalServerError": Verdict.RETRY,
    "ServiceUnavailable": Verdict.RETRY,
    "Shutdown": Verdict.RETRY,
}

# For reasons which Apple has yet to invent, or left out.
STATUSES = {
    0: Verdict.RETRY,
    403: Verdict.CERTIFICATE,
    429: Verdict.SLOW_DOWN,
}


def verdict(answer: Answer) -> Verdict:
    """Return what `answer` means, by the reason in its JSON before its status."""
    if answer.status == 200:
        return Verdict.SENT
    if answer.reason in REASONS:
        return REASONS[answer.reason]
    if answer.status >= 500:
        return Verdict.RETRY
    return STATUSES.get(answer.status, Verdict.BUG)


def push(
    credentials: Credentials,
    pushes: Sequence[Push],
    *,
    server: Server,
    expiration: timedelta = WEEK,
    timeout: timedelta = PATIENCE,
) -> list[Answer]:
    """Send `pushes`, all at once over one connection; return their answers in order.

    Whatever APNs or the network do is an `Answer`, after `timeout` at the latest, which
    is meant for a batch of some hundreds. APNs keeps the last push for a device that is
    away until `expiration` from now. The connection stays open for later pushes;
    threads share it, and a forked process opens its own.

    `ssl.SSLError` if certificate and key are not PEM or not of one pair, another
    `OSError` if `ca_file` cannot be read.
    """
    lifetime = max(1, int(expiration.total_seconds()))
    requests = [_request(one, lifetime) for one in pushes]
    if not requests:
        return []
    runner = _runner()
    return runner.run(
        runner.push(credentials, server, requests, timeout.total_seconds())
    )


def disconnect() -> None:
    """Close every connection of this process; the next push opens a new one."""
    if _current:
        _current.run(_current.disconnect())


def _request(one: Push, lifetime: int) -> NotificationRequest:
    return NotificationRequest(
        device_token=one.token.lower(),
        message={"mdm": one.magic},
        time_to_live=lifetime,
        priority=int(PRIORITY_HIGH),
        push_type=PushType.MDM,
    )


class Lost(ConnectionClosed):
    """A push's stream or connection ended before its answer; the argument says why."""


# TLS alerts with which a server refuses a client certificate, as OpenSSL names them.
REFUSALS = ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED")


def _why(error: BaseException | None) -> str:
    """Return the reason of an `Answer` for what ended a connection."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "ServerNotTrusted"
    alert = error.reason or "" if isinstance(error, ssl.SSLError) else ""
    if "ALERT" in alert and any(word in alert for word in REFUSALS):
        return "CertificateRefused"
    return "ConnectionLost"


@dataclass
class Stream:
    """A push on its way, and what has come back of its answer."""

    request: NotificationRequest
    body: bytes
    answer: asyncio.Future[NotificationResult]
    headers: dict[bytes, bytes] = field(default_factory=dict)
    content: bytearray = field(default_factory=bytearray)

    def finish(self) -> None:
        """Tell the waiting caller; APNs has said everything."""
        if self.answer.done():
            return
        said = _object(self.content)
        self.answer.set_result(
            NotificationResult(
                self.headers.get(b"apns-id", b"").decode("ascii", "replace"),
                self.headers.get(b":status", b"").decode("ascii", "replace"),
                str(said.get("reason") or ""),
                said.get("timestamp"),
            )
        )

    def fail(self, reason: str) -> None:
        """Tell the waiting caller that no answer will come."""
        if not self.answer.done():
            self.answer.set_exception(Lost(reason))


def _object(content: bytes | bytearray | None) -> dict[str, Any]:
    try:
        said = json.loads(content or b"{}")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


class Connection(APNsProductionClientProtocol):
    """One HTTP/2 connection to APNs: that of aioapns, which left to itself hangs.

    aioapns 4.0 never acknowledges the data it receives, so that a connection stands
    still after some 1,200 refusals; it overlooks RST_STREAM; it sends on after GOAWAY;
    it forgets no stream; it sends before it knows how many streams it may open.
    """

    # APNs wants connections to stay; what lies between may forget one (see KEEPALIVE).
    INACTIVITY_TIME = 15 * 60

    def __init__(
        self,
        topic: str,
        loop: asyncio.AbstractEventLoop,
        authority: str,
        on_end: Callable[[Connection], None],
    ) -> None:
        super().__init__(topic, loop)
        self.authority = authority
        self.on_end = on_end
        self.waiting: deque[Stream] = deque()
        self.streams: dict[int, Stream] = {}
        self.max_streams = 0  # until APNs' SETTINGS say how many it takes
        self.answered = 0.0  # when APNs last answered a push, in the loop's time
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        _keep_alive(transport.get_extra_info("socket"))
        super().connection_made(transport)
        if transport.get_extra_info("ssl_object").selected_alpn_protocol() != "h2":
            self.close()

    def send(self, request: NotificationRequest) -> asyncio.Future[NotificationResult]:
        """Queue a push; the future ends in its answer or in `Lost`. `pump` sends it."""
        body = json.dumps(request.message, ensure_ascii=False).encode()
        stream = Stream(request, body, self.loop.create_future())
        if self.ended:
            stream.fail("ConnectionLost")
        else:
            self.waiting.append(stream)
        return stream.answer

    async def send_notification(
        self, request: NotificationRequest
    ) -> NotificationResult:
        answer = self.send(request)
        self.pump()
        return await answer

    def pump(self) -> None:
        """Send what is queued, as far as APNs allows streams and bytes."""
        try:
            while self.waiting and self._has_room(self.waiting[0]):
                stream = self.waiting.popleft()
                if not stream.answer.done():
                    self._start(stream)
        except HTTP2Error:
            logger.exception("cannot send to APNs")
            self.close()
        self.flush()

    def _has_room(self, stream: Stream) -> bool:
        window = min(
            self.conn.outbound_flow_control_window,
            self.conn.remote_settings.initial_window_size,
        )
        return len(self.streams) < self.max_streams and len(stream.body) <= window

    def _start(self, stream: Stream) -> None:
        stream_id = self.conn.get_next_available_stream_id()
        self.streams[stream_id] = stream
        self.conn.send_headers(stream_id, self._headers(stream.request))
        self.conn.send_data(stream_id, stream.body, end_stream=True)

    def _headers(self, request: NotificationRequest) -> list[tuple[str, str]]:
        token = urllib.parse.quote(request.device_token, safe="")
        expiration = int(time.time()) + (request.time_to_live or 0)
        return [
            (":method", "POST"),
            (":scheme", "https"),
            (":path", f"/3/device/{token}"),
            (":authority", self.authority),
            ("apns-id", request.notification_id),
            ("apns-topic", request.apns_topic or self.apns_topic),
            ("apns-push-type", (request.push_type or PushType.MDM).value),
            ("apns-priority", str(request.priority or PRIORITY_HIGH)),
            ("apns-expiration", str(expiration)),
        ]

    def flush(self) -> None:
        if not self.ended:
            super().flush()

    def data_received(self, data: bytes) -> None:
        try:
            for event in self.conn.receive_data(data):
                handle = HANDLERS.get(type(event))
                if handle:
                    handle(self, event)
        except HTTP2Error:
            logger.exception("APNs broke HTTP/2")
            self.close()
        self.pump()

    def _on_settings(self, event: events.RemoteSettingsChanged) -> None:
        allowed = self.conn.remote_settings.max_concurrent_streams
        self.max_streams = min(allowed, MAX_STREAMS)

    def _on_headers(self, event: events.ResponseReceived) -> None:
        if stream := self.streams.get(event.stream_id):
            stream.headers = dict(event.headers)

    def _on_data(self, event: events.DataReceived) -> None:
        self.conn.acknowledge_received_data(
            event.flow_controlled_length, event.stream_id
        )
        if stream := self.streams.get(event.stream_id):
            stream.content += event.data

    def _on_end(self, event: events.StreamEnded) -> None:
        self.answered = self.loop.time()
        if stream := self.streams.pop(event.stream_id, None):
            stream.finish()

    def _on_reset(self, event: events.StreamReset) -> None:
        if stream := self.streams.pop(event.stream_id, None):
            stream.fail("StreamReset")

    def _on_goaway(self, event: events.ConnectionTerminated) -> None:
        # Streams up to the last one named may yet be answered, but h2 reads no more.
        # Those pushes are sent twice then, which a device does not notice.
        self.end(str(_object(event.additional_data).get("reason") or "ConnectionLost"))

    def give_up(self, since: float) -> None:
        """Forget the pushes whose callers have cancelled them.

        If APNs answered nothing `since` that loop time, the connection is given up too:
        a firewall may have forgotten it, and the next push shall not wait as long.
        """
        if self.answered < since:
            self.close()
            return
        for stream_id, stream in list(self.streams.items()):
            if stream.answer.cancelled():
                del self.streams[stream_id]
                self.conn.reset_stream(stream_id, ErrorCodes.CANCEL)
        self.pump()

    def close(self) -> None:
        self.end("ConnectionLost")

    def connection_lost(self, exc: Exception | None) -> None:
        self.end(_why(exc))
        super().connection_lost(exc)

    def end(self, reason: str) -> None:
        """Leave the client at once, tell whoever still waits, close the socket."""
        if self.ended:
            return
        self.ended = True
        self.on_end(self)
        lost = [*self.streams.values(), *self.waiting]
        self.streams.clear()
        self.waiting.clear()
        for stream in lost:
            stream.fail(reason)
        logger.info("connection to %s ended: %s", self.authority, reason)
        super().close()


HANDLERS: dict[type[events.Event], Callable[[Connection, Any], None]] = {
    events.RemoteSettingsChanged: Connection._on_settings,
    events.ResponseReceived: Connection._on_headers,
    events.DataReceived: Connection._on_data,
    events.StreamEnded: Connection._on_end,
    events.StreamReset: Connection._on_reset,
    events.ConnectionTerminated: Connection._on_goaway,
}

# Seconds idle until TCP asks whether the other side is there, and between questions;
# how many it asks before it takes silence for an answer.
KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}


def _keep_alive(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


class Client(APNsCertConnectionPool):
    """The one connection for a certificate and server, opened when a push needs it."""

    def __init__(self, credentials: Credentials, server: Server) -> None:
        context = ssl.create_default_context(cafile=server.ca_file)
        context.set_alpn_protocols(["h2"])
        with _as_file(credentials.certificate + b"\n" + credentials.key) as path:
            super().__init__(path, credentials.topic, ssl_context=context)
        self.credentials = credentials
        self.server = server
        self.connection: Connection | None = None

    async def acquire(self) -> Connection:
        async with self._lock:
            if self.connection is None or self.connection.ended:
                self.connection = await self.create_connection()
            return self.connection

    async def create_connection(self) -> Connection:
        host, port = self.server.host, self.server.port
        authority = host if port == 443 else f"{host}:{port}"
        _, connection = await self.loop.create_connection(
            partial(
                Connection,
                self.credentials.topic,
                self.loop,
                authority,
                self._forget,
            ),
            host,
            port,
            ssl=self.ssl_context,
        )
        logger.info("connected to %s for %s", authority, self.credentials.topic)
        return connection

    def _forget(self, connection: Connection) -> None:
        if self.connection is connection:
            self.connection = None

    def close(self) -> None:
        if self.connection:
            self.connection.close()

    async def push(
        self, requests: list[NotificationRequest], timeout: float
    ) -> list[Answer]:
        """Send, and send once more what its stream or connection took down with it."""
        deadline = self.loop.time() + timeout
        answers = await self._round(requests, deadline)
        lost = [n for n, answer in enumerate(answers) if _worth_another_try(answer)]
        if lost:
            again = await self._round([requests[n] for n in lost], deadline)
            for n, answer in zip(lost, again, strict=True):
                answers[n] = answer
        return answers

    async def _round(
        self, requests: list[NotificationRequest], deadline: float
    ) -> list[Answer]:
        patience = deadline - self.loop.time()
        try:
            connection = await asyncio.wait_for(self.acquire(), patience)
        except TimeoutError:
            return [Answer(0, "Timeout")] * len(requests)
        except OSError as error:
            logger.warning("cannot connect to %s: %s", self.server.host, error)
            return [Answer(0, _why(error))] * len(requests)
        start = self.loop.time()
        answers = [connection.send(request) for request in requests]
        connection.pump()
        await asyncio.wait(answers, timeout=deadline - self.loop.time())
        late = [answer for answer in answers if answer.cancel()]
        if late:
            connection.give_up(start)
        return [_answer(answer) for answer in answers]


def _worth_another_try(answer: Answer) -> bool:
    return (
        answer.status == 0
        and answer.reason != "Timeout"
        and verdict(answer) is Verdict.RETRY
    )


def _answer(future: asyncio.Future[NotificationResult]) -> Answer:
    if future.cancelled():
        return Answer(0, "Timeout")
    if error := future.exception():
        return Answer(0, str(error))
    result = future.result()
    return Answer(
        status=int(result.status) if result.status.isdecimal() else 0,
        reason=result.description or "",
        timestamp=_moment(result.timestamp),
        apns_id=result.notification_id,
    )


def _moment(milliseconds: object) -> datetime | None:
    if not isinstance(milliseconds, int):
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


@contextlib.contextmanager
def _as_file(secret: bytes) -> Iterator[str]:
    """Give `secret` a path, because OpenSSL reads keys from files only.

    On Linux the file is in memory; elsewhere it is on disk, readable by us alone, and
    removed at once.
    """
    if sys.platform == "linux":
        with open(os.memfd_create("push certificate"), "wb") as file:
            file.write(secret)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
    else:
        with tempfile.NamedTemporaryFile() as file:
            file.write(secret)
            file.flush()
            yield file.name


class Runner:
    """The event loop of this process, in a thread of its own, and the clients on it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.clients: dict[tuple[str, Server], Client] = {}
        threading.Thread(target=self.loop.run_forever, name="apns", daemon=True).start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run `coroutine` on the loop's thread and wait for it here."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    async def push(
        self,
        credentials: Credentials,
        server: Server,
        requests: list[NotificationRequest],
        timeout: float,
    ) -> list[Answer]:
        return await self._client(credentials, server).push(requests, timeout)

    def _client(self, credentials: Credentials, server: Server) -> Client:
        key = (credentials.topic, server)
        client = self.clients.get(key)
        if client and client.credentials == credentials:
            return client
        self.clients[key] = Client(credentials, server)
        if client:
            client.close()  # its certificate was renewed
        return self.clients[key]

    async def disconnect(self) -> None:
        clients = list(self.clients.values())
        self.clients.clear()
        for client in clients:
            client.close()


_lock = threading.Lock()
_current: Runner | None = None
_inherited: list[Runner | None] = []


def _runner() -> Runner:
    global _current
    with _lock:
        if _current is None:
            _current = Runner()
        return _current


def _start_afresh() -> None:
    """Begin without loop and connections in a forked process: it lacks their thread.

    What was inherited is kept for good: to collect it would be to close it,
    and the parent's event loop shares the very sockets.
    """
    global _lock, _current
    _lock = threading.Lock()
    _inherited.append(_current)
    _current = None


os.register_at_fork(after_in_child=_start_afresh)
