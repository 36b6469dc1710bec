"""The simulated APNs: certificates, what it answers, what devices get."""

import json
import multiprocessing
import os
import queue
import signal
import socket
import ssl
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from h2 import events
from h2.connection import H2Connection

from mdmportal.simulator.apns import SimulatedAPNs, run_in_thread, serve
from mdmportal.simulator.apple import SimulatedApple
from mdmportal.simulator.courier import Courier

TOPIC = f"com.apple.mgmt.External.{uuid.UUID(int=1)}"
TOKEN = "0a" * 32
Headers = dict[str, str] | list[tuple[str, str]]
Post = Callable[..., tuple[int, Any]]

HEADERS = {
    ":method": "POST",
    ":scheme": "https",
    ":authority": "localhost",
    ":path": f"/3/device/{TOKEN}",
    "apns-topic": TOPIC,
    "apns-push-type": "mdm",
    "apns-priority": "10",
    "apns-expiration": "0",
}


@pytest.fixture(scope="module")
def apple(tmp_path_factory: pytest.TempPathFactory) -> SimulatedApple:
    return SimulatedApple(tmp_path_factory.mktemp("apple"))


@pytest.fixture(scope="module")
def context(
    apple: SimulatedApple, tmp_path_factory: pytest.TempPathFactory
) -> ssl.SSLContext:
    return client_context(apple, tmp_path_factory.mktemp("client"), topic=TOPIC)


def client_context(
    apple: SimulatedApple, folder: Path, **options: Any
) -> ssl.SSLContext:
    certificate, key = apple.issue_push_certificate(**options)
    path = folder / "push.pem"
    path.write_bytes(certificate + key)
    context = ssl.create_default_context(cafile=apple.ca_file)
    context.load_cert_chain(path)
    context.set_alpn_protocols(["h2"])
    return context


@pytest.fixture
def apns(apple: SimulatedApple) -> Iterator[SimulatedAPNs]:
    with run_in_thread(apple) as apns:
        yield apns


@pytest.fixture
def device(apns: SimulatedAPNs) -> "Iterator[Device]":
    device = Device(apns)
    yield device
    device.courier.close()


@pytest.fixture
def push(apns: SimulatedAPNs, context: ssl.SSLContext) -> Post:
    def push(magic: str = "magic", **headers: str) -> tuple[int, Any]:
        payload = json.dumps({"mdm": magic}).encode()
        return post(apns, context, HEADERS | dashed(headers), payload)

    return push


class Device:
    """One device with a courier of its own, and what was pushed to it."""

    def __init__(self, apns: SimulatedAPNs) -> None:
        self.courier = Courier("127.0.0.1", apns.courier_port)
        self.magics: queue.Queue[Any] = queue.Queue()

    def register(self, token: str = TOKEN, topic: str = TOPIC) -> None:
        assert self.courier.register(token, topic, self.magics.put)

    def note(self, token: str, magic: str) -> None:
        self.magics.put((token, magic))

    def next(self) -> Any:
        return self.magics.get(timeout=10)


def dashed(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def post(
    apns: SimulatedAPNs, context: ssl.SSLContext, headers: Headers, payload: bytes
) -> tuple[int, Any]:
    """Return status and JSON for one request on a connection of its own."""
    http = H2Connection()
    http.initiate_connection()
    pairs = list(headers.items()) if isinstance(headers, dict) else headers
    http.send_headers(1, pairs, end_stream=not payload)
    if payload:
        http.send_data(1, payload, end_stream=True)
    with (
        socket.create_connection(("localhost", apns.port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as tls,
    ):
        tls.sendall(http.data_to_send())
        return _answer(http, tls)


def _answer(http: H2Connection, tls: ssl.SSLSocket) -> tuple[int, Any]:
    status, body = 0, b""
    while data := tls.recv(65536):
        for event in http.receive_data(data):
            if isinstance(event, events.ResponseReceived):
                status = int(dict(event.headers)[b":status"])
            elif isinstance(event, events.DataReceived):
                body += event.data
            elif isinstance(event, events.StreamEnded):
                return status, json.loads(body or b"{}")
    raise ConnectionError("APNs closed the connection")


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


# Certificates


def test_the_world_is_made_once(tmp_path: Path) -> None:
    first = SimulatedApple(tmp_path)
    files = {path: path.read_bytes() for path in tmp_path.iterdir()}
    SimulatedApple(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == files
    assert first.ca_file in files


def test_keys_are_readable_by_their_owner_alone(apple: SimulatedApple) -> None:
    for path in (apple.ca_key_file, apple.apns_key_file):
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_push_certificate_is_like_one_of_apple(apple: SimulatedApple) -> None:
    pem, key_pem = apple.issue_push_certificate()
    certificate = x509.load_pem_x509_certificate(pem)
    key = serialization.load_pem_private_key(key_pem, None)
    [uid] = certificate.subject.get_attributes_for_oid(NameOID.USER_ID)
    [name] = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    identifier = str(uid.value).removeprefix("com.apple.mgmt.External.")
    assert str(uuid.UUID(identifier)) == identifier
    assert name.value == f"APSP:{identifier}"
    assert certificate.public_key() == key.public_key()
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == (
        timedelta(days=366)
    )


def test_a_signing_request_keeps_its_key_and_a_renewal_its_topic(
    apple: SimulatedApple,
) -> None:
    key = rsa.generate_private_key(65537, 2048)
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "MDM")]))
        .sign(key, hashes.SHA256())
    )
    pem, no_key = apple.issue_push_certificate(request, topic=TOPIC)
    certificate = x509.load_pem_x509_certificate(pem)
    assert no_key == b""
    assert certificate.public_key() == key.public_key()
    [uid] = certificate.subject.get_attributes_for_oid(NameOID.USER_ID)
    assert uid.value == TOPIC


# Answers


def test_a_push_reaches_its_device(push: Post, device: "Device") -> None:
    device.register()
    assert push("wake up") == (200, {})
    assert device.next() == "wake up"


def test_an_unknown_token_is_bad(push: Post) -> None:
    assert push() == (400, {"reason": "BadDeviceToken"})


def test_a_device_that_left_is_unregistered_since_then(
    push: Post, device: "Device"
) -> None:
    device.register()
    before = time.time() * 1000
    assert device.courier.unregister(TOKEN)
    status, answer = push()
    assert (status, answer["reason"]) == (410, "Unregistered")
    assert before - 1 <= answer["timestamp"] <= time.time() * 1000 + 1


def test_a_device_that_came_back_is_registered(push: Post, device: "Device") -> None:
    device.register()
    assert device.courier.unregister(TOKEN)
    device.register()
    assert push()[0] == 200


def test_a_token_belongs_to_one_topic(push: Post, device: "Device") -> None:
    device.register(topic=f"com.apple.mgmt.External.{uuid.UUID(int=2)}")
    assert push() == (400, {"reason": "DeviceTokenNotForTopic"})


@pytest.mark.parametrize(
    ("header", "value", "status", "reason"),
    [
        (":method", "PUT", 405, "MethodNotAllowed"),
        (":path", f"/2/device/{TOKEN}", 404, "BadPath"),
        (":path", "/3/device/", 400, "MissingDeviceToken"),
        (":path", "/3/device/cafe", 400, "BadDeviceToken"),
        (":path", "/3/device/" + "xy" * 32, 400, "BadDeviceToken"),
        ("apns-topic", "", 400, "MissingTopic"),
        ("apns-topic", "com.example.app", 400, "BadTopic"),
        ("apns-topic", "com.apple.mgmt.External.other", 400, "TopicDisallowed"),
        ("apns-priority", "11", 400, "BadPriority"),
        ("apns-expiration", "tomorrow", 400, "BadExpirationDate"),
        ("apns-push-type", "alert", 400, "InvalidPushType"),
        ("apns-id", "1", 400, "BadMessageId"),
        ("apns-collapse-id", "x" * 65, 400, "BadCollapseId"),
    ],
)
def test_a_wrong_header_has_its_reason(
    header: str, value: str, status: int, reason: str, push: Post, device: "Device"
) -> None:
    device.register()
    assert push(**{header: value}) == (status, {"reason": reason})


@pytest.mark.parametrize(
    ("payload", "status", "reason"),
    [
        (b"", 400, "PayloadEmpty"),
        (b"{}", 400, "PayloadEmpty"),
        (b"not JSON", 400, "PayloadEmpty"),
        (b'{"mdm": "' + b"x" * 5000 + b'"}', 413, "PayloadTooLarge"),
    ],
)
def test_a_wrong_payload_has_its_reason(
    payload: bytes,
    status: int,
    reason: str,
    apns: SimulatedAPNs,
    context: ssl.SSLContext,
) -> None:
    assert post(apns, context, HEADERS, payload) == (status, {"reason": reason})


def test_headers_are_not_to_be_repeated(
    apns: SimulatedAPNs, context: ssl.SSLContext
) -> None:
    headers = [*HEADERS.items(), ("apns-priority", "5")]
    assert post(apns, context, headers, b"{}") == (400, {"reason": "DuplicateHeaders"})


def test_a_certificate_that_is_not_for_mdm_is_bad(
    apns: SimulatedAPNs, apple: SimulatedApple, tmp_path: Path
) -> None:
    context = client_context(apple, tmp_path, topic="com.example.app")
    status, answer = post(apns, context, HEADERS, b"{}")
    assert (status, answer["reason"]) == (403, "BadCertificate")


def test_without_a_certificate_there_is_no_connection(
    apns: SimulatedAPNs, apple: SimulatedApple
) -> None:
    context = ssl.create_default_context(cafile=apple.ca_file)
    context.set_alpn_protocols(["h2"])
    with pytest.raises(OSError, match=r"(?i)certificate|reset|closed"):
        post(apns, context, HEADERS, b"{}")
    assert apns.pushes == 0


def test_an_order_holds_as_often_as_it_says(
    apns: SimulatedAPNs, push: Post, device: "Device"
) -> None:
    device.register()
    apns.answer_with(TOKEN, 503, "ServiceUnavailable", times=2)
    assert [push()[0] for _ in range(3)] == [503, 503, 200]


# Devices that are away


def test_the_last_push_is_kept_for_a_device_that_is_away(
    apns: SimulatedAPNs, push: Post, device: "Device"
) -> None:
    device.register()
    device.courier.close()
    until(lambda: apns.registrations[TOKEN].courier is None)
    later = str(int(time.time()) + 600)
    assert push("first", apns_expiration=later)[0] == 200
    assert push("second", apns_expiration=later)[0] == 200
    again = Device(apns)
    again.register()
    assert again.next() == "second"
    assert push("third")[0] == 200
    assert again.next() == "third"
    again.courier.close()


@pytest.mark.parametrize("expiration", ["0", "1"])
def test_an_expired_push_is_not_delivered_later(
    expiration: str, apns: SimulatedAPNs, push: Post, device: "Device"
) -> None:
    device.register()
    device.courier.close()
    until(lambda: apns.registrations[TOKEN].courier is None)
    assert push("lost", apns_expiration=expiration)[0] == 200
    again = Device(apns)
    again.register()
    assert push("found")[0] == 200
    assert again.next() == "found"
    again.courier.close()


def test_a_courier_carries_many_tokens(push: Post, device: "Device") -> None:
    tokens = [f"{number:064x}" for number in range(50)]
    for token in tokens:
        device.courier.register(token, TOPIC, partial(device.note, token))
    for token in reversed(tokens):
        assert push(f"for {token}", **{":path": f"/3/device/{token}"})[0] == 200
    got = {device.next() for _ in tokens}
    assert got == {(token, f"for {token}") for token in tokens}


def test_a_device_may_leave_while_it_is_told_of_a_push(
    push: Post, device: "Device"
) -> None:
    left = device.magics

    def leave(magic: str) -> None:
        device.courier.unregister(TOKEN)
        left.put(magic)

    assert device.courier.register(TOKEN, TOPIC, leave)
    assert push("go")[0] == 200
    assert device.next() == "go"
    until(lambda: push()[0] == 410)


def test_a_failing_device_does_not_cut_off_the_others(
    push: Post, device: "Device"
) -> None:
    other = "0b" * 32
    assert device.courier.register(other, TOPIC, json.loads)  # no magic is JSON
    device.register()
    assert push(**{":path": f"/3/device/{other}"})[0] == 200
    assert push("still there")[0] == 200
    assert device.next() == "still there"


def test_devices_find_a_restarted_apns_by_themselves(
    apple: SimulatedApple, context: ssl.SSLContext
) -> None:
    with run_in_thread(apple) as apns:
        port = apns.courier_port
        device = Device(apns)
        device.register()
    with run_in_thread(apple, courier_port=port) as apns:
        until(lambda: TOKEN in apns.registrations)
        payload = json.dumps({"mdm": "again"}).encode()
        assert post(apns, context, HEADERS, payload)[0] == 200
        assert device.next() == "again"
        device.courier.close()


def test_a_registration_waits_for_an_apns_that_is_not_there_yet(
    apple: SimulatedApple,
) -> None:
    with run_in_thread(apple) as apns:
        port = apns.courier_port
    courier = Courier("127.0.0.1", port)
    assert not courier.register(TOKEN, TOPIC, print, wait=0.05)
    with run_in_thread(apple, courier_port=port) as apns:
        until(lambda: TOKEN in apns.registrations)
        courier.close()


def _serve(folder: Path, ports: "multiprocessing.Queue[int]") -> None:
    serve(SimulatedApple(folder), ready=lambda apns: ports.put(apns.courier_port))


def test_apns_runs_as_a_process_until_it_is_interrupted(apple: SimulatedApple) -> None:
    spawn = multiprocessing.get_context("spawn")
    ports = spawn.Queue()
    process = spawn.Process(target=_serve, args=(apple.ca_file.parent, ports))
    process.start()
    courier = Courier("127.0.0.1", ports.get(timeout=30))
    assert courier.register(TOKEN, TOPIC, print)
    courier.close()
    assert process.pid
    os.kill(process.pid, signal.SIGINT)
    process.join(timeout=10)
    assert process.exitcode == 1


def test_what_is_no_message_ends_the_connection(apns: SimulatedAPNs) -> None:
    with socket.create_connection(("127.0.0.1", apns.courier_port), 10) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert stranger.recv(100) == b""
