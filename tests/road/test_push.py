"""Pushing: through a simulated APNs, over HTTP/2 and TLS."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from apns import certificates, client, tasks
from apns.models import PushCertificate
from commands import queue
from devices.models import Channel
from mdmportal.simulator.apns import SimulatedAPNs, run_in_thread
from mdmportal.simulator.apple import SimulatedApple
from mdmportal.simulator.courier import Courier
from mdmportal.simulator.device import SimulatedDevice

from .conftest import IPAD, Enroll, channel

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def apple(tmp_path_factory: pytest.TempPathFactory) -> SimulatedApple:
    return SimulatedApple(tmp_path_factory.mktemp("apple"))


@pytest.fixture(scope="module")
def pair(apple: SimulatedApple) -> tuple[bytes, bytes]:
    return apple.issue_push_certificate()


@pytest.fixture
def apns(apple: SimulatedApple, settings: Any) -> Iterator[SimulatedAPNs]:
    with run_in_thread(apple) as apns:
        settings.APNS_HOST, settings.APNS_PORT = "localhost", apns.port
        settings.APNS_CA_FILE = str(apple.ca_file)
        yield apns
        client.disconnect()


@pytest.fixture
def courier(apns: SimulatedAPNs) -> Iterator[Courier]:
    courier = Courier("127.0.0.1", apns.courier_port)
    yield courier
    courier.close()


@pytest.fixture
def device(enroll: Enroll, courier: Courier) -> SimulatedDevice:
    device = enroll()
    device.courier = courier
    device.listen()
    return device


def order(device: SimulatedDevice) -> None:
    queue.enqueue([channel(device).pk], "DeviceLock")


def test_an_order_wakes_the_device(device: SimulatedDevice) -> None:
    order(device)
    assert tasks.push_due() == 1
    assert device.pushed.wait(5)
    assert channel(device).push_answer == "200"


def test_many_orders_make_one_push(
    device: SimulatedDevice, apns: SimulatedAPNs
) -> None:
    for _ in range(5):
        order(device)
    assert tasks.push_due() == 1
    assert tasks.push_due() == 0


def test_a_device_that_does_not_come_is_pushed_again_ever_later(
    device: SimulatedDevice,
) -> None:
    order(device)
    waits = []
    for _ in range(4):
        assert tasks.push_due() == 1
        push_at = channel(device).push_at
        assert push_at is not None
        waits.append((push_at - timezone.now()).total_seconds())
        Channel.objects.update(push_at=timezone.now())
    assert waits == sorted(waits)
    assert 20 < waits[0] < 40


def test_the_wait_after_a_push_is_spread() -> None:
    assert len({tasks.backoff(0) for _ in range(20)}) > 1
    assert tasks.backoff(1000) < dt.timedelta(days=2)


def test_a_dead_token_is_pushed_to_no_more_and_starves_no_one(
    device: SimulatedDevice, enroll: Enroll, courier: Courier
) -> None:
    dead = enroll(IPAD)
    dead.courier = courier
    dead.listen()
    courier.unregister(dead.kept.token.hex())
    order(dead)
    order(device)
    assert tasks.push_due() == 2
    assert device.pushed.wait(5)
    gone = channel(dead)
    assert gone.push_dead
    assert gone.push_at is None
    assert "Unregistered" in gone.push_answer
    assert gone.push_token, "the device is not unenrolled by it"


def test_a_token_that_is_newer_than_its_obituary_lives(
    device: SimulatedDevice, apns: SimulatedAPNs
) -> None:
    answer = client.Answer(
        410, "Unregistered", timezone.now() - dt.timedelta(minutes=5), ""
    )
    tasks._bury(channel(device), answer)
    assert not channel(device).push_dead


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (429, "TooManyRequests"),
        (503, "ServiceUnavailable"),
        (500, "InternalServerError"),
    ],
)
def test_what_passes_is_tried_again(
    device: SimulatedDevice, apns: SimulatedAPNs, status: int, reason: str
) -> None:
    apns.answer_with(None, status, reason)
    order(device)
    tasks.push_due()
    waiting = channel(device)
    assert reason in waiting.push_answer
    assert waiting.push_at is not None
    assert not waiting.push_dead


def test_a_wrong_topic_raises_an_alarm_and_keeps_the_token(
    device: SimulatedDevice, apns: SimulatedAPNs
) -> None:
    apns.answer_with(None, 400, "DeviceTokenNotForTopic")
    order(device)
    tasks.push_due()
    certificate = PushCertificate.objects.get()
    assert "DeviceTokenNotForTopic" in certificate.problem
    assert not certificate.is_stopped
    assert not channel(device).push_dead


def test_a_refused_certificate_stops_its_topic_until_another_is_uploaded(
    device: SimulatedDevice, apns: SimulatedAPNs, pair: tuple[bytes, bytes]
) -> None:
    apns.answer_with(None, 403, "BadCertificate")
    order(device)
    tasks.push_due()
    assert PushCertificate.objects.get().is_stopped
    Channel.objects.update(push_at=timezone.now())
    assert tasks.push_due() == 0
    apns.forget_orders()
    certificates.take(certificates.read(*pair))
    assert tasks.push_due() == 1
    assert device.pushed.wait(5)


def test_an_apple_that_does_not_answer_is_a_problem_until_it_does(
    device: SimulatedDevice, settings: Any
) -> None:
    port, settings.APNS_PORT = settings.APNS_PORT, 1
    order(device)
    tasks.push_due()
    assert "does not answer" in PushCertificate.objects.get().problem
    settings.APNS_PORT = port
    Channel.objects.update(push_at=timezone.now())
    tasks.push_due()
    assert PushCertificate.objects.get().problem == ""


def test_losing_apns_delays_a_push_and_loses_nothing(
    device: SimulatedDevice, settings: Any
) -> None:
    port = settings.APNS_PORT
    settings.APNS_PORT = 1  # no one listens there
    order(device)
    assert tasks.push_due() == 1
    assert channel(device).push_at is not None
    settings.APNS_PORT = port
    Channel.objects.update(push_at=timezone.now())
    tasks.push_due()
    assert device.pushed.wait(5)


def test_an_unreadable_ca_file_is_a_problem_and_no_crash(
    device: SimulatedDevice, settings: Any, tmp_path: Path
) -> None:
    client.disconnect()
    settings.APNS_CA_FILE = str(tmp_path / "missing.pem")
    order(device)
    tasks.push_due()
    assert PushCertificate.objects.get().problem
    assert channel(device).push_at is not None


def test_the_silent_are_woken_once_a_day(device: SimulatedDevice) -> None:
    assert tasks.wake_the_silent() == 0
    days = timezone.now() - dt.timedelta(days=2)
    Channel.objects.update(last_seen_at=days, pushed_at=days)
    assert tasks.wake_the_silent() == 1
    assert tasks.push_due() == 1
    assert device.pushed.wait(5)
    Channel.objects.update(push_at=None)
    assert tasks.wake_the_silent() == 0


def test_a_broker_that_is_gone_does_not_fail_the_order(
    device: SimulatedDevice,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    def fail() -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr(tasks.push_due, "delay", fail)
    with django_capture_on_commit_callbacks(execute=True):
        order(device)
    assert channel(device).push_at is not None
