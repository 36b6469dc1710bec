"""APNs: a simulated Apple Push Notification service, with what it needs on either side.

Three parts, which meet over sockets and files only: `SimulatedApple` issues the
certificates, `SimulatedAPNs` takes pushes over HTTP/2 and hands them to devices,
`Courier` is the connection to APNs which a device keeps open.

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
import enum
import fcntl
import json
import logging
import random
import re
import socket
import ssl
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError as HTTP2Error
from h2.exceptions import StreamClosedError
from h2.settings import SettingCodes, Settings

logger = logging.getLogger(__name__)

DAY = timedelta(days=1)
YEAR = 365 * DAY
TOPIC_PREFIX = "com.apple.mgmt."
# In a certificate: may be used to push, to production devices.
PRODUCTION_PUSH = ObjectIdentifier("1.2.840.113635.100.6.3.2")

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


class SimulatedApple:
    """A certification authority which plays Apple, living in `folder`.

    What the folder holds is made on first use and then stays: `ca.pem`, to be trusted
    by the push client, its key, and the certificate and key of APNs.
    """

    def __init__(self, folder: Path) -> None:
        self.ca_file = folder / "ca.pem"
        self.ca_key_file = folder / "ca.key"
        self.apns_file = folder / "apns.pem"
        self.apns_key_file = folder / "apns.key"
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / "lock"):
            if not self.ca_file.exists():
                self._make_ca()
            if not _lasts(self.apns_file):
                self._make_apns()

    def issue_push_certificate(
        self,
        request: x509.CertificateSigningRequest | None = None,
        *,
        topic: str | None = None,
        lifetime: timedelta = YEAR,
    ) -> tuple[bytes, bytes]:
        """Return an MDM push certificate and its key, as PEM.

        With a certificate signing request the key is that of the requester, and empty
        here. Giving the `topic` of an earlier certificate renews it.
        """
        topic = topic or f"{TOPIC_PREFIX}External.{uuid.uuid4()}"
        name = [
            (NameOID.USER_ID, topic),
            (NameOID.COMMON_NAME, f"APSP:{topic.rpartition('.')[2]}"),
            (NameOID.COUNTRY_NAME, "US"),
        ]
        key = None if request else rsa.generate_private_key(65537, 2048)
        public_key = key.public_key() if key else cast("Any", request).public_key()
        certificate = self._issue(
            name,
            public_key,
            lifetime,
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]),
            x509.UnrecognizedExtension(PRODUCTION_PUSH, b"\x05\x00"),
        )
        return _pem(certificate), _key_pem(key) if key else b""

    def server_context(self) -> ssl.SSLContext:
        """Return the TLS of APNs: HTTP/2 for holders of certificates of this Apple."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.apns_file, self.apns_key_file)
        context.load_verify_locations(self.ca_file)
        context.verify_mode = ssl.CERT_REQUIRED
        context.set_alpn_protocols(["h2"])
        return context

    def _make_ca(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name([(NameOID.COMMON_NAME, "Simulated Apple Certification Authority")])
        usage = x509.KeyUsage(
            **dict.fromkeys(KEY_USAGES, False)
            | {"key_cert_sign": True, "crl_sign": True}
        )
        certificate = (
            _builder(name, name, key.public_key(), 10 * YEAR)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(key, hashes.SHA256())
        )
        self.apns_file.unlink(missing_ok=True)
        _write(self.ca_key_file, _key_pem(key), 0o600)
        _write(self.ca_file, _pem(certificate), 0o644)

    def _make_apns(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName("localhost")]
        addresses = [x509.IPAddress(ip_address(a)) for a in ("127.0.0.1", "::1")]
        certificate = self._issue(
            [(NameOID.COMMON_NAME, "Simulated APNs")],
            key.public_key(),
            YEAR,
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
            x509.SubjectAlternativeName([*names, *addresses]),
        )
        _write(self.apns_key_file, _key_pem(key), 0o600)
        _write(self.apns_file, _pem(certificate), 0o644)

    def _issue(
        self,
        name: list[tuple[ObjectIdentifier, str]],
        public_key: PublicKey,
        lifetime: timedelta,
        *extensions: x509.ExtensionType,
    ) -> x509.Certificate:
        ca = x509.load_pem_x509_certificate(self.ca_file.read_bytes())
        ca_key = serialization.load_pem_private_key(self.ca_key_file.read_bytes(), None)
        ca_id = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        by = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ca_id)
        usage = x509.KeyUsage(
            **dict.fromkeys(KEY_USAGES, False) | {"digital_signature": True}
        )
        builder = (
            _builder(_name(name), ca.subject, public_key, lifetime)
            .add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(by, critical=False)
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(cast("ec.EllipticCurvePrivateKey", ca_key), hashes.SHA256())


KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: PublicKey, lifetime: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), False)
    )


def _name(attributes: list[tuple[ObjectIdentifier, str]]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write a whole file or none; it has its mode before it has any content."""
    draft = path.with_suffix(".new")
    draft.touch(mode)
    draft.write_bytes(content)
    draft.replace(path)


def _lasts(path: Path) -> bool:
    if not path.exists():
        return False
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    return certificate.not_valid_after_utc > datetime.now(UTC) + 30 * DAY


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes out, which may want to make the same files."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True)
class Notification:
    """A push as it arrived; `uid` is that of the client certificate."""

    uid: str
    headers: tuple[tuple[str, str], ...]
    payload: bytes

    def header(self, name: str, default: str = "") -> str:
        return dict(self.headers).get(name, default)

    @property
    def path(self) -> str:
        return self.header(":path")

    @property
    def token(self) -> str:
        return self.path.removeprefix("/3/device/").lower()

    @property
    def topic(self) -> str:
        return self.header("apns-topic")

    @property
    def expiration(self) -> int:
        """UNIX time; 0 to deliver now or never."""
        return int(self.header("apns-expiration", "0"))

    @property
    def magic(self) -> str:
        """The PushMagic; empty in a payload that is none of MDM."""
        try:
            content = json.loads(self.payload)
        except ValueError:
            return ""
        magic = content.get("mdm") if isinstance(content, dict) else None
        return magic if isinstance(magic, str) else ""

    @property
    def has_duplicates(self) -> bool:
        names = [name for name, _ in self.headers]
        return len(names) != len(set(names))

    @property
    def has_bad_id(self) -> bool:
        try:
            uuid.UUID(self.header("apns-id", str(uuid.UUID(int=0))))
        except ValueError:
            return True
        return False


@dataclass(frozen=True)
class Reply:
    """What APNs says to one push; `timestamp` in milliseconds, with a 410 only."""

    status: int
    reason: str = ""
    timestamp: int | None = None

    @property
    def body(self) -> bytes:
        content: dict[str, object] = {"reason": self.reason} if self.reason else {}
        if self.timestamp is not None:
            content["timestamp"] = self.timestamp
        return json.dumps(content).encode() if content else b""


class Fault(enum.Enum):
    """What APNs or the network do instead of a reply."""

    RESET = "RST_STREAM"
    GOAWAY = "GOAWAY"
    SILENCE = "silence"
    DROP = "connection lost"


SENT = Reply(200)
MAX_PAYLOAD = 4096

# In this order. What needs to know the devices is in `SimulatedAPNs._decide`.
REFUSALS: tuple[tuple[Callable[[Notification], bool], Reply], ...] = (
    (lambda n: n.header(":method") != "POST", Reply(405, "MethodNotAllowed")),
    (lambda n: not n.path.startswith("/3/device/"), Reply(404, "BadPath")),
    (lambda n: not n.token, Reply(400, "MissingDeviceToken")),
    (lambda n: n.has_duplicates, Reply(400, "DuplicateHeaders")),
    (lambda n: not n.uid.startswith(TOPIC_PREFIX), Reply(403, "BadCertificate")),
    (lambda n: n.has_bad_id, Reply(400, "BadMessageId")),
    (
        lambda n: not n.header("apns-expiration", "0").isdecimal(),
        Reply(400, "BadExpirationDate"),
    ),
    (
        lambda n: n.header("apns-priority", "10") not in ("1", "5", "10"),
        Reply(400, "BadPriority"),
    ),
    (
        lambda n: len(n.header("apns-collapse-id")) > 64,
        Reply(400, "BadCollapseId"),
    ),
    (lambda n: n.header("apns-push-type") != "mdm", Reply(400, "InvalidPushType")),
    (lambda n: not n.topic, Reply(400, "MissingTopic")),
    (lambda n: not n.topic.startswith(TOPIC_PREFIX), Reply(400, "BadTopic")),
    (lambda n: n.topic != n.uid, Reply(400, "TopicDisallowed")),
    (lambda n: len(n.payload) > MAX_PAYLOAD, Reply(413, "PayloadTooLarge")),
    (lambda n: not n.magic, Reply(400, "PayloadEmpty")),
    (
        lambda n: not re.fullmatch("([0-9a-f]{2}){32,100}", n.token),
        Reply(400, "BadDeviceToken"),
    ),
)


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


@dataclass
class Subscription:
    """A token which a device holds, or (`callback` None) no longer wants."""

    topic: str
    callback: Callable[[str], None] | None
    settled: threading.Event = field(default_factory=threading.Event)

    def message(self, token: str) -> dict[str, str]:
        if self.callback is None:
            return {"unregister": token}
        return {"register": token, "topic": self.topic}


class Courier:
    """The connection of a device, or of a whole fleet, to APNs; its thread keeps it up.

    While APNs is away it tries again, ever slower up to `MAX_PAUSE` seconds, and then
    registers everything anew. It may be used from several threads.
    """

    MIN_PAUSE = 0.05
    MAX_PAUSE = 5.0

    def __init__(self, host: str, port: int) -> None:
        self.address = (host, port)
        self._subscriptions: dict[str, Subscription] = {}
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._tried = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)
        self._thread.start()

    def register(
        self,
        token: str,
        topic: str,
        callback: Callable[[str], None],
        *,
        wait: float = 5.0,
    ) -> bool:
        """Have `callback` called with the PushMagic of every push for `token`.

        It is called on this courier's thread, so it should be quick. Return whether
        APNs confirmed within `wait` seconds, False at once if there is no connection;
        APNs then learns of it when there is one.
        """
        return self._subscribe(token, Subscription(topic, callback), wait)

    def unregister(self, token: str, *, wait: float = 5.0) -> bool:
        """Give `token` up: APNs answers Unregistered from now on. As `register`."""
        return self._subscribe(token, Subscription("", None), wait)

    def close(self) -> None:
        """Disconnect; APNs stores pushes until another courier registers the tokens."""
        self._closing.set()
        with self._lock:
            if self._socket:
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _subscribe(self, token: str, subscription: Subscription, wait: float) -> bool:
        token = token.lower()
        with self._lock:
            self._subscriptions[token] = subscription
            if self._socket:
                with contextlib.suppress(OSError):  # the thread sees it too
                    self._send(token, subscription)
        if threading.current_thread() is self._thread:
            return False  # the confirmation is read by this very thread, later
        self._tried.wait(wait)
        return subscription.settled.wait(wait if self._socket else 0)

    def _send(self, token: str, subscription: Subscription) -> None:
        assert self._socket
        line = json.dumps(subscription.message(token)).encode() + b"\n"
        self._socket.sendall(line)

    def _run(self) -> None:
        pause = self.MIN_PAUSE
        while not self._closing.is_set():
            try:
                with socket.create_connection(self.address, timeout=5) as connection:
                    connection.settimeout(None)
                    self._begin(connection)
                    pause = self.MIN_PAUSE
                    self._read(connection)
            except OSError as error:
                logger.debug("no connection to APNs: %s", error)
            finally:
                self._tried.set()
                with self._lock:
                    self._socket = None
            self._closing.wait(pause * random.uniform(0.5, 1.5))
            pause = min(pause * 2, self.MAX_PAUSE)

    def _begin(self, connection: socket.socket) -> None:
        """Register everything again: this APNs may know nothing of us."""
        with self._lock:
            self._socket = connection
            for token, subscription in self._subscriptions.items():
                self._send(token, subscription)
            self._tried.set()
            if self._closing.is_set():
                connection.shutdown(socket.SHUT_RDWR)

    def _read(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as lines:
            for line in lines:
                self._take(json.loads(line))

    def _take(self, message: dict[str, str]) -> None:
        if "token" in message:
            self._deliver(message["token"], message["mdm"])
        elif "registered" in message:
            self._settle(message["registered"])
        else:
            self._settle(message["unregistered"])

    def _settle(self, token: str) -> None:
        with self._lock:
            subscription = self._subscriptions.get(token)
            if subscription and subscription.callback is None:
                del self._subscriptions[token]
        if subscription:
            subscription.settled.set()

    def _deliver(self, token: str, magic: str) -> None:
        with self._lock:
            subscription = self._subscriptions.get(token)
        if subscription and subscription.callback:
            try:
                subscription.callback(magic)
            except Exception:
                logger.exception("a device failed over a push")
