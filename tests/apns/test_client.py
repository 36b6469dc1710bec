"""The push client, over real sockets to the simulated APNs."""

import contextlib
import multiprocessing
import socket
import ssl
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from apns import client
from apns.client import Answer, Credentials, Push, Server, Verdict, verdict
from mdmportal.simulator.apns import SimulatedAPNs, run_in_thread
from mdmportal.simulator.apple import SimulatedApple
from mdmportal.simulator.notification import Fault

TOPIC = f"com.apple.mgmt.External.{uuid.UUID(int=1)}"
SHORT = timedelta(seconds=0.5)
LONG = timedelta(seconds=60)

Send = Callable[..., list[Answer]]


def push_to(number: int, magic: str = "magic") -> Push:
    return Push(f"{number:064x}", magic)


TOKENS = [push_to(number).token for number in range(10)]


@pytest.fixture(scope="module")
def apple(tmp_path_factory: pytest.TempPathFactory) -> SimulatedApple:
    return SimulatedApple(tmp_path_factory.mktemp("apple"))


@pytest.fixture(scope="module")
def credentials(apple: SimulatedApple) -> Credentials:
    return Credentials(TOPIC, *apple.issue_push_certificate(topic=TOPIC))


@pytest.fixture
def apns(apple: SimulatedApple) -> Iterator[SimulatedAPNs]:
    with run_in_thread(apple) as apns:
        yield apns
        client.disconnect()


@pytest.fixture
def server(apns: SimulatedAPNs) -> Server:
    return Server("localhost", apns.port, apns.apple.ca_file)


@pytest.fixture
def send(credentials: Credentials, server: Server) -> Send:
    def send(*pushes: Push, timeout: timedelta = LONG, **options: Any) -> list[Answer]:
        return client.push(
            credentials, pushes, server=server, timeout=timeout, **options
        )

    return send


# What is said on the wire


def test_a_push_says_what_apple_asks_for_and_nothing_else(
    send: Send, apns: SimulatedAPNs
) -> None:
    apns.answer_with(None, 200)
    [answer] = send(Push("AB" * 32, "It's ünique"))
    [notification] = apns.notifications
    headers = dict(notification.headers)
    expiration = datetime.fromtimestamp(int(headers.pop("apns-expiration")), UTC)
    assert timedelta(days=6) < expiration - datetime.now(UTC) <= timedelta(days=7)
    assert uuid.UUID(headers.pop("apns-id")) == uuid.UUID(answer.apns_id)
    assert headers == {
        ":method": "POST",
        ":scheme": "https",
        ":path": "/3/device/" + "ab" * 32,
        ":authority": f"localhost:{apns.port}",
        "apns-topic": TOPIC,
        "apns-push-type": "mdm",
        "apns-priority": "10",
    }
    assert notification.payload.decode() == '{"mdm": "It\'s ünique"}'
    assert answer == Answer(200, "", None, answer.apns_id)


def test_a_push_never_expires_at_once(send: Send, apns: SimulatedAPNs) -> None:
    apns.answer_with(None, 200)
    send(push_to(1), expiration=timedelta(0))
    assert apns.notifications[0].expiration > 0


def test_a_token_that_is_none_harms_nobody(send: Send, apns: SimulatedAPNs) -> None:
    apns.answer_with(TOKENS[1], 200)
    answers = send(Push("\r\nx: y", "m"), Push("../ä", "m"), push_to(1))
    assert [answer.status for answer in answers] == [400, 400, 200]
    assert answers[0].reason == "BadDeviceToken"


def test_no_pushes_need_no_connection(send: Send, apns: SimulatedAPNs) -> None:
    assert send() == []
    assert apns.connections == 0


# What the answers are, and what they mean


def test_answers_come_in_the_order_of_the_pushes(
    send: Send, apns: SimulatedAPNs
) -> None:
    apns.answer_with(TOKENS[1], 410, "Unregistered")
    apns.answer_with(TOKENS[2], 200)
    apns.answer_with(TOKENS[3], 429, "TooManyRequests")
    answers = send(*map(push_to, (3, 2, 1, 4, 2)))
    assert [answer.status for answer in answers] == [429, 200, 410, 400, 200]


def test_unregistered_tells_since_when(send: Send, apns: SimulatedAPNs) -> None:
    since = datetime(2024, 2, 29, 12, 30, 15, 123000, UTC)
    apns.answer_with(None, 410, "Unregistered", timestamp=since)
    [answer] = send(push_to(1))
    assert (answer.reason, answer.timestamp) == ("Unregistered", since)


VERDICTS = {
    (200, ""): Verdict.SENT,
    (410, "Unregistered"): Verdict.TOKEN_DEAD,
    (410, "ExpiredToken"): Verdict.TOKEN_DEAD,
    (400, "BadDeviceToken"): Verdict.TOKEN_DEAD,
    (400, "DeviceTokenNotForTopic"): Verdict.CONFIGURATION,
    (400, "BadTopic"): Verdict.CONFIGURATION,
    (400, "MissingTopic"): Verdict.CONFIGURATION,
    (400, "TopicDisallowed"): Verdict.CONFIGURATION,
    (403, "BadCertificate"): Verdict.CERTIFICATE,
    (403, "BadCertificateEnvironment"): Verdict.CERTIFICATE,
    (403, "Forbidden"): Verdict.CERTIFICATE,
    (403, "NotYetInvented"): Verdict.CERTIFICATE,
    (429, "TooManyRequests"): Verdict.SLOW_DOWN,
    (400, "IdleTimeout"): Verdict.RETRY,
    (500, "InternalServerError"): Verdict.RETRY,
    (503, "ServiceUnavailable"): Verdict.RETRY,
    (503, "Shutdown"): Verdict.RETRY,
    (502, ""): Verdict.RETRY,
    (400, "BadExpirationDate"): Verdict.BUG,
    (400, "BadPriority"): Verdict.BUG,
    (400, "BadMessageId"): Verdict.BUG,
    (400, "PayloadEmpty"): Verdict.BUG,
    (400, "DuplicateHeaders"): Verdict.BUG,
    (400, "InvalidPushType"): Verdict.BUG,
    (400, "MissingDeviceToken"): Verdict.BUG,
    (404, "BadPath"): Verdict.BUG,
    (405, "MethodNotAllowed"): Verdict.BUG,
    (413, "PayloadTooLarge"): Verdict.BUG,
    (410, ""): Verdict.BUG,
}


def test_each_answer_has_its_verdict(send: Send, apns: SimulatedAPNs) -> None:
    pushes = [push_to(number) for number in range(len(VERDICTS))]
    for one, (status, reason) in zip(pushes, VERDICTS, strict=True):
        apns.answer_with(one.token, status, reason)
    answers = send(*pushes)
    assert [(answer.status, answer.reason) for answer in answers] == list(VERDICTS)
    assert [verdict(answer) for answer in answers] == list(VERDICTS.values())


@pytest.mark.parametrize("reason", ["ConnectionLost", "StreamReset", "Timeout"])
def test_what_was_not_answered_is_to_be_sent_again(reason: str) -> None:
    assert verdict(Answer(0, reason)) is Verdict.RETRY


# One connection, for long


def test_thousands_of_refusals_do_not_exhaust_the_connection(
    send: Send, apns: SimulatedAPNs
) -> None:
    apns.answer_with(None, 410, "Unregistered")
    for _ in range(6):
        answers = send(*[push_to(number) for number in range(500)])
        assert {answer.status for answer in answers} == {410}
    assert apns.pushes == 3000
    assert apns.connections == 1


def test_a_batch_larger_than_the_connection_has_streams_is_sent(
    apple: SimulatedApple, credentials: Credentials
) -> None:
    with run_in_thread(apple, max_streams=3) as apns:
        apns.answer_with(None, 200)
        server = Server("localhost", apns.port, apple.ca_file)
        pushes = [push_to(number) for number in range(50)]
        answers = client.push(credentials, pushes, server=server, timeout=LONG)
        assert [answer.status for answer in answers] == [200] * 50
        client.disconnect()


def test_a_batch_of_every_kind_of_failure_ends(send: Send, apns: SimulatedAPNs) -> None:
    kinds = [Fault.RESET, Fault.SILENCE, Fault.GOAWAY, Fault.DROP]
    for number, fault in enumerate(kinds):
        apns.fail_with(push_to(number).token, fault)
    apns.answer_with(None, 410, "Unregistered")
    answers = send(*map(push_to, range(500)), timeout=timedelta(seconds=3))
    assert len(answers) == 500
    assert {answer.status for answer in answers} <= {0, 410}


def test_large_magics_wait_for_the_window(send: Send, apns: SimulatedAPNs) -> None:
    apns.answer_with(None, 200)
    answers = send(*[push_to(number, "m" * 4000) for number in range(60)])
    assert [answer.status for answer in answers] == [200] * 60


def test_threads_share_the_connection(send: Send, apns: SimulatedAPNs) -> None:
    apns.answer_with(None, 200)
    send(push_to(0))
    answers: list[Answer] = []
    threads = [
        threading.Thread(target=lambda: answers.extend(send(*map(push_to, range(50)))))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status for answer in answers] == [200] * 400
    assert apns.connections == 1


def test_a_renewed_certificate_is_used_at_once(
    send: Send, apns: SimulatedAPNs, apple: SimulatedApple, server: Server
) -> None:
    apns.answer_with(None, 200)
    send(push_to(1))
    renewed = Credentials(TOPIC, *apple.issue_push_certificate(topic=TOPIC))
    for _ in range(2):
        [answer] = client.push(renewed, [push_to(1)], server=server)
        assert answer.status == 200
    assert apns.connections == 2


def _send_in_child(send: Send, queue: "multiprocessing.Queue[list[int]]") -> None:
    queue.put([answer.status for answer in send(push_to(2), push_to(3))])


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_opens_its_own_connection(
    send: Send, apns: SimulatedAPNs
) -> None:
    apns.answer_with(None, 200)
    send(push_to(1))
    fork = multiprocessing.get_context("fork")
    queue = fork.Queue()
    child = fork.Process(target=_send_in_child, args=(send, queue))
    child.start()
    assert queue.get(timeout=20) == [200, 200]
    child.join()
    assert [answer.status for answer in send(push_to(4))] == [200]
    assert apns.connections == 2


# What goes wrong below HTTP


def test_a_reset_stream_is_tried_once_more(send: Send, apns: SimulatedAPNs) -> None:
    apns.fail_with(TOKENS[1], Fault.RESET, times=1)
    apns.answer_with(None, 200)
    assert [answer.status for answer in send(push_to(1), push_to(2))] == [200, 200]
    assert apns.connections == 1


def test_a_stream_that_is_always_reset_is_given_up(
    send: Send, apns: SimulatedAPNs
) -> None:
    apns.fail_with(TOKENS[1], Fault.RESET)
    apns.answer_with(None, 200)
    answers = send(push_to(1), push_to(2))
    assert [answer.status for answer in answers] == [0, 200]
    assert answers[0] == Answer(0, "StreamReset")


@pytest.mark.parametrize("fault", [Fault.GOAWAY, Fault.DROP])
def test_a_lost_connection_is_replaced(
    fault: Fault, send: Send, apns: SimulatedAPNs
) -> None:
    apns.fail_with(TOKENS[4], fault, times=1)
    apns.answer_with(None, 200)
    for _ in range(2):
        answers = send(*map(push_to, range(10)))
        assert [answer.status for answer in answers] == [200] * 10
    assert apns.connections == 2


@pytest.mark.parametrize(
    ("fault", "reason"),
    [(Fault.GOAWAY, "Shutdown"), (Fault.DROP, "ConnectionLost")],
)
def test_a_connection_lost_twice_is_told_and_the_next_push_works(
    fault: Fault, reason: str, send: Send, apns: SimulatedAPNs
) -> None:
    apns.fail_with(None, fault, times=2)
    apns.answer_with(None, 200)
    assert send(push_to(1)) == [Answer(0, reason)]
    assert [answer.status for answer in send(push_to(1))] == [200]


def test_silence_is_a_timeout_and_the_next_push_has_a_new_connection(
    send: Send, apns: SimulatedAPNs
) -> None:
    apns.fail_with(None, Fault.SILENCE, times=20)
    apns.answer_with(None, 200)
    answers = send(*map(push_to, range(20)), timeout=SHORT)
    assert answers == [Answer(0, "Timeout")] * 20
    assert [answer.status for answer in send(push_to(1))] == [200]
    assert apns.connections == 2


def test_a_server_that_accepts_and_says_nothing_is_a_timeout(
    credentials: Credentials, apple: SimulatedApple
) -> None:
    with socket.create_server(("localhost", 0)) as listener:
        server = Server("localhost", listener.getsockname()[1], apple.ca_file)
        answers = client.push(
            credentials, [push_to(1), push_to(2)], server=server, timeout=SHORT
        )
    assert answers == [Answer(0, "Timeout")] * 2


def test_one_push_without_answer_costs_only_itself(
    send: Send, apns: SimulatedAPNs
) -> None:
    apns.fail_with(TOKENS[1], Fault.SILENCE)
    apns.answer_with(None, 200)
    for _ in range(2):
        answers = send(push_to(0), push_to(1), push_to(2), timeout=SHORT)
        assert [answer.reason for answer in answers] == ["", "Timeout", ""]
    assert apns.connections == 1


def test_a_restarted_server_is_found_again(
    apple: SimulatedApple, credentials: Credentials
) -> None:
    with run_in_thread(apple) as apns:
        port = apns.port
        apns.answer_with(None, 200)
        server = Server("localhost", port, apple.ca_file)
        [answer] = client.push(credentials, [push_to(1)], server=server)
        assert answer.status == 200
    answers = client.push(credentials, [push_to(1)] * 100, server=server)
    assert answers == [Answer(0, "ConnectionLost")] * 100
    with run_in_thread(apple, port=port) as apns:
        apns.answer_with(None, 200)
        [answer] = client.push(credentials, [push_to(1)], server=server)
        assert answer.status == 200
        client.disconnect()


# Trust


def test_a_certificate_of_another_authority_is_refused(
    apns: SimulatedAPNs, server: Server, tmp_path: Path
) -> None:
    stranger = SimulatedApple(tmp_path).issue_push_certificate(topic=TOPIC)
    pushes = [push_to(1), push_to(2)]
    answers = client.push(Credentials(TOPIC, *stranger), pushes, server=server)
    assert [answer.status for answer in answers] == [0, 0]
    assert apns.pushes == 0


@pytest.fixture
def strict_server(apple: SimulatedApple) -> Iterator[Server]:
    """A TLS server which sends its alerts; that of asyncio closes without a word."""

    def refuse_one() -> None:
        connection, _ = listener.accept()
        with apple.server_context().wrap_socket(
            connection, server_side=True, do_handshake_on_connect=False
        ) as tls:
            with contextlib.suppress(ssl.SSLError):
                tls.do_handshake()
            tls.shutdown(socket.SHUT_WR)
            while tls.recv(1000):  # closed with bytes unread, TCP might lose the alert
                pass

    with socket.create_server(("localhost", 0)) as listener:
        thread = threading.Thread(target=refuse_one)
        thread.start()
        yield Server("localhost", listener.getsockname()[1], apple.ca_file)
        thread.join()


def assert_refused(certificate: tuple[bytes, bytes], server: Server) -> None:
    pushes = [push_to(1), push_to(2)]
    answers = client.push(Credentials(TOPIC, *certificate), pushes, server=server)
    assert answers == [Answer(0, "CertificateRefused")] * 2
    assert verdict(answers[0]) is Verdict.CERTIFICATE


def test_the_refusal_of_an_expired_certificate_is_told(
    strict_server: Server, apple: SimulatedApple
) -> None:
    expired = apple.issue_push_certificate(topic=TOPIC, lifetime=-timedelta(hours=1))
    assert_refused(expired, strict_server)


def test_the_refusal_of_a_strange_certificate_is_told(
    strict_server: Server, tmp_path: Path
) -> None:
    stranger = SimulatedApple(tmp_path).issue_push_certificate(topic=TOPIC)
    assert_refused(stranger, strict_server)


def test_a_server_of_another_authority_is_not_spoken_to(
    apns: SimulatedAPNs, credentials: Credentials, tmp_path: Path
) -> None:
    stranger = Server("localhost", apns.port, SimulatedApple(tmp_path).ca_file)
    [answer] = client.push(credentials, [push_to(1)], server=stranger)
    assert answer == Answer(0, "ServerNotTrusted")
    assert verdict(answer) is Verdict.CONFIGURATION
    assert apns.connections == 0


def test_the_topic_of_another_certificate_is_disallowed(
    apns: SimulatedAPNs, apple: SimulatedApple, server: Server
) -> None:
    other = apple.issue_push_certificate()
    [answer] = client.push(Credentials(TOPIC, *other), [push_to(1)], server=server)
    assert answer.reason == "TopicDisallowed"


def test_a_key_of_another_certificate_is_an_error(
    apple: SimulatedApple, credentials: Credentials, server: Server
) -> None:
    _, key = apple.issue_push_certificate()
    mixed = Credentials(TOPIC, credentials.certificate, key)
    with pytest.raises(ssl.SSLError):
        client.push(mixed, [push_to(1)], server=server)


def test_secrets_are_not_shown(credentials: Credentials) -> None:
    assert "PRIVATE KEY" not in repr(credentials)
    assert "magic" not in repr(push_to(1))
