"""APNs: a simulated Apple Push Notification service.

`SimulatedAPNs` takes pushes over HTTP/2 from holders of certificates that `apple.py`
issued, and hands them to devices, which reach it by a `Courier`.

https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns

Apple keeps the protocol between APNs and devices to itself. Here it is lines of JSON
over plain TCP, on the loopback interface. A device sends
`{"register": token, "topic": topic}` or `{"unregister": token}`; it gets
`{"registered": token}`, `{"unregistered": token}`, and for a push
`{"token": token, "mdm": push_magic}`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from cryptography import x509
from cryptography.x509.oid import NameOID
from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError as HTTP2Error
from h2.exceptions import StreamClosedError
from h2.settings import SettingCodes, Settings

from .apple import SimulatedApple
from .notification import MAX_PAYLOAD, REFUSALS, SENT, Fault, Notification, Reply

logger = logging.getLogger(__name__)


@dataclass
class Registration:
    """A token that a device asked for; `courier` is None while the device is away."""

    topic: str
    courier: CourierConnection | None
    stored: Notification | None = None


@dataclass
class Order:
    """What a test wants answered; a `token` or `times` of None means every one."""

    token: str | None
    outcome: Reply | Fault
    times: int | None

    def applies(self, token: str) -> bool:
        return self.token in (None, token) and (self.times is None or self.times > 0)


class SimulatedAPNs:
    """APNs for the devices that connect to its courier port.

    It answers as Apple documents, from what it knows of certificates and devices, or as
    a test has ordered. Orders and counters may be used from any thread; the rest
    belongs to the event loop it was started on. `max_streams` is how many pushes one
    connection may have under way, by the SETTINGS of HTTP/2.
    """

    def __init__(self, apple: SimulatedApple, *, max_streams: int = 1000) -> None:
        self.apple = apple
        self.max_streams = max_streams
        self.host = ""
        self.port = 0
        self.courier_port = 0
        self.connections = 0
        self.pushes = 0
        self.notifications: deque[Notification] = deque(maxlen=1000)
        self.registrations: dict[str, Registration] = {}
        self.left: dict[str, int] = {}
        self._orders: list[Order] = []
        self._servers: list[asyncio.Server] = []
        self._transports: set[asyncio.BaseTransport] = set()

    async def start(
        self, host: str = "127.0.0.1", port: int = 0, courier_port: int = 0
    ) -> None:
        """Listen for pushes on `host`, for devices on loopback; 0 is any free port."""
        loop = asyncio.get_running_loop()
        pushes = await loop.create_server(
            lambda: PushConnection(self), host, port, ssl=self.apple.server_context()
        )
        self._servers.append(pushes)
        couriers = await loop.create_server(
            lambda: CourierConnection(self), "127.0.0.1", courier_port
        )
        self._servers.append(couriers)
        self.host = host
        self.port = pushes.sockets[0].getsockname()[1]
        self.courier_port = couriers.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close every socket, without good-bye."""
        for server in self._servers:
            server.close()
        for transport in list(self._transports):
            cast("asyncio.Transport", transport).abort()
        for server in self._servers:
            await server.wait_closed()
        while self._transports:
            await asyncio.sleep(0.01)
        self._servers.clear()

    def answer_with(
        self,
        token: str | None,
        status: int,
        reason: str = "",
        *,
        timestamp: datetime | None = None,
        times: int | None = None,
    ) -> None:
        """Answer so, and deliver nothing; None is every token, and any number of times.

        Orders hold in the order they were given.
        """
        when = round(timestamp.timestamp() * 1000) if timestamp else None
        self._orders.append(Order(token, Reply(status, reason, when), times))

    def fail_with(
        self, token: str | None, fault: Fault, *, times: int | None = None
    ) -> None:
        """Do this instead of answering; None as in `answer_with`."""
        self._orders.append(Order(token, fault, times))

    def forget_orders(self) -> None:
        self._orders.clear()

    def receive(self, notification: Notification) -> Reply | Fault:
        """Take one push; deliver, store or refuse it."""
        self.pushes += 1
        self.notifications.append(notification)
        order = self._order(notification.token)
        outcome = order or self._decide(notification)
        if outcome is SENT:
            self._deliver(notification)
        return outcome

    def _order(self, token: str) -> Reply | Fault | None:
        for order in self._orders:
            if order.applies(token):
                if order.times is not None:
                    order.times -= 1
                return order.outcome
        return None

    def _decide(self, notification: Notification) -> Reply:
        for is_wrong, reply in REFUSALS:
            if is_wrong(notification):
                return reply
        token = notification.token
        if token in self.left:
            return Reply(410, "Unregistered", self.left[token])
        if token not in self.registrations:
            return Reply(400, "BadDeviceToken")
        if self.registrations[token].topic != notification.topic:
            return Reply(400, "DeviceTokenNotForTopic")
        return SENT

    def _deliver(self, notification: Notification) -> None:
        """Hand a push to its device; while that is away keep it, the last one only."""
        registration = self.registrations[notification.token]
        if registration.courier:
            registration.courier.deliver(notification)
        elif notification.expiration:
            registration.stored = notification

    def register(self, token: str, topic: str, courier: CourierConnection) -> None:
        """Note where pushes for `token` go, and send there what was stored for it."""
        known = self.registrations.get(token)
        self.left.pop(token, None)
        self.registrations[token] = Registration(topic, courier)
        courier.send({"registered": token})
        stored = known.stored if known and known.topic == topic else None
        if stored and stored.expiration > time.time():
            courier.deliver(stored)

    def unregister(self, token: str, courier: CourierConnection) -> None:
        """The device has left: a push for `token` is answered 410 from now on."""
        self.registrations.pop(token, None)
        self.left[token] = round(time.time() * 1000)
        courier.send({"unregistered": token})

    def lost(self, courier: CourierConnection) -> None:
        """Its devices are away; their tokens stay."""
        for registration in self.registrations.values():
            if registration.courier is courier:
                registration.courier = None

    def opened(self, transport: asyncio.BaseTransport) -> None:
        self._transports.add(transport)

    def closed(self, transport: asyncio.BaseTransport) -> None:
        self._transports.discard(transport)


class PushConnection(asyncio.Protocol):
    """One HTTP/2 connection of a push client."""

    def __init__(self, apns: SimulatedAPNs) -> None:
        self.apns = apns
        self.http = H2Connection(
            H2Configuration(client_side=False, header_encoding="utf-8")
        )
        self.http.local_settings = Settings(
            client=False,
            initial_values={SettingCodes.MAX_CONCURRENT_STREAMS: apns.max_streams},
        )
        self.requests: dict[int, tuple[list[tuple[str, str]], bytearray]] = {}
        self.unsent: deque[tuple[int, bytes]] = deque()
        self.uid = ""
        self.over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.apns.opened(transport)
        self.apns.connections += 1
        tls = transport.get_extra_info("ssl_object")
        self.uid = _uid(tls.getpeercert(binary_form=True))
        if tls.selected_alpn_protocol() != "h2":
            self.transport.abort()
        self.http.initiate_connection()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self.over = True
        self.apns.closed(self.transport)

    def data_received(self, data: bytes) -> None:
        try:
            for event in self.http.receive_data(data):
                handle = HANDLERS.get(type(event))
                if handle and not self.over:
                    handle(self, event)
        except HTTP2Error as error:
            logger.warning("the push client broke HTTP/2: %s", error)
            self._flush()
            self.transport.close()
        self._flush()

    def _flush(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(self.http.data_to_send())

    def _on_headers(self, event: events.RequestReceived) -> None:
        headers = cast("list[tuple[str, str]]", event.headers)
        self.requests[event.stream_id] = (headers, bytearray())

    def _on_data(self, event: events.DataReceived) -> None:
        self.http.acknowledge_received_data(
            event.flow_controlled_length, event.stream_id
        )
        payload = self.requests[event.stream_id][1]
        if len(payload) <= MAX_PAYLOAD:
            payload += event.data

    def _on_end(self, event: events.StreamEnded) -> None:
        stream_id = event.stream_id
        headers, payload = self.requests.pop(stream_id)
        notification = Notification(self.uid, tuple(headers), bytes(payload))
        outcome = self.apns.receive(notification)
        with contextlib.suppress(StreamClosedError):  # the client waited no longer
            if isinstance(outcome, Fault):
                FAULTS[outcome](self, stream_id)
            else:
                self._answer(stream_id, notification, outcome)

    def _answer(self, stream_id: int, asked: Notification, reply: Reply) -> None:
        apns_id = asked.header("apns-id") or str(uuid.uuid4()).upper()
        headers = [(":status", str(reply.status)), ("apns-id", apns_id)]
        self.http.send_headers(stream_id, headers, end_stream=not reply.body)
        if reply.body:
            self.unsent.append((stream_id, reply.body))
            self._drain()

    def _drain(self) -> None:
        """Send bodies as far as the client has acknowledged earlier ones."""
        while self.unsent:
            stream_id, body = self.unsent[0]
            if self.http.local_flow_control_window(stream_id) < len(body):
                return
            self.unsent.popleft()
            self.http.send_data(stream_id, body, end_stream=True)

    def _on_window(self, event: events.WindowUpdated) -> None:
        self._drain()

    def _on_reset(self, event: events.StreamReset) -> None:
        self.requests.pop(event.stream_id, None)
        self.unsent = deque(one for one in self.unsent if one[0] != event.stream_id)

    def _on_goaway(self, event: events.ConnectionTerminated) -> None:
        self.transport.close()

    def _reset(self, stream_id: int) -> None:
        self.http.reset_stream(stream_id, ErrorCodes.REFUSED_STREAM)

    def _go_away(self, stream_id: int) -> None:
        """End the connection as APNs does for maintenance, this push not taken."""
        reason = json.dumps({"reason": "Shutdown"}).encode()
        self.over = True
        self.http.close_connection(0, reason, last_stream_id=max(0, stream_id - 2))
        self._flush()
        self.transport.close()

    def _keep_silent(self, stream_id: int) -> None:
        pass

    def _drop(self, stream_id: int) -> None:
        self.over = True
        self.transport.abort()


HANDLERS: dict[type[events.Event], Callable[[PushConnection, Any], None]] = {
    events.RequestReceived: PushConnection._on_headers,
    events.DataReceived: PushConnection._on_data,
    events.StreamEnded: PushConnection._on_end,
    events.StreamReset: PushConnection._on_reset,
    events.WindowUpdated: PushConnection._on_window,
    events.ConnectionTerminated: PushConnection._on_goaway,
}

FAULTS: dict[Fault, Callable[[PushConnection, int], None]] = {
    Fault.RESET: PushConnection._reset,
    Fault.GOAWAY: PushConnection._go_away,
    Fault.SILENCE: PushConnection._keep_silent,
    Fault.DROP: PushConnection._drop,
}


def _uid(certificate: bytes) -> str:
    subject = x509.load_der_x509_certificate(certificate).subject
    attributes = subject.get_attributes_for_oid(NameOID.USER_ID)
    return str(attributes[0].value) if attributes else ""


class CourierConnection(asyncio.Protocol):
    """APNs' end of the connection that devices keep open; it carries many tokens."""

    def __init__(self, apns: SimulatedAPNs) -> None:
        self.apns = apns
        self.unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.apns.opened(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.apns.lost(self)
        self.apns.closed(self.transport)

    def data_received(self, data: bytes) -> None:
        *lines, self.unread = (self.unread + data).split(b"\n")
        try:
            for line in lines:
                self._take(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError):
            logger.warning("not a message of a device: %r", line[:200])
            self.transport.close()

    def _take(self, message: dict[str, str]) -> None:
        if "register" in message:
            self.apns.register(message["register"].lower(), message["topic"], self)
        else:
            self.apns.unregister(message["unregister"].lower(), self)

    def deliver(self, notification: Notification) -> None:
        self.send({"token": notification.token, "mdm": notification.magic})

    def send(self, message: dict[str, str]) -> None:
        self.transport.write(json.dumps(message).encode() + b"\n")


@contextlib.contextmanager
def run_in_thread(
    apple: SimulatedApple,
    *,
    port: int = 0,
    courier_port: int = 0,
    max_streams: int = 1000,
) -> Iterator[SimulatedAPNs]:
    """Run APNs beside the caller, on loopback, until the `with` block is left."""
    apns = SimulatedAPNs(apple, max_streams=max_streams)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="APNs", daemon=True)
    thread.start()
    try:
        start = apns.start(port=port, courier_port=courier_port)
        asyncio.run_coroutine_threadsafe(start, loop).result()
        yield apns
    finally:
        asyncio.run_coroutine_threadsafe(apns.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def serve(
    apple: SimulatedApple,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    courier_port: int = 0,
    ready: Callable[[SimulatedAPNs], None] | None = None,
) -> None:
    """Run APNs until a KeyboardInterrupt; `ready` is called once it listens."""

    async def run() -> None:
        apns = SimulatedAPNs(apple)
        await apns.start(host, port, courier_port)
        if ready:
            ready(apns)
        try:
            await asyncio.Event().wait()
        finally:
            await apns.stop()

    asyncio.run(run())
