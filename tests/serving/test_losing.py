"""Losing PostgreSQL or Redis: devices are put off, nothing is lost, all comes back."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from mdmportal.simulator.courier import Courier
from mdmportal.simulator.device import SimulatedDevice
from mdmportal.simulator.errors import ServerRefused
from mdmportal.simulator.hardware import IPHONE
from mdmportal.simulator.transport import HTTPTransport

from ..portal import ROOT, Portal, run_portal, status
from ..servers import PostgreSQL, Redis, find, free_port, run_postgresql, wait_for

pytestmark = pytest.mark.skipif(
    not (find("postgres") and find("initdb") and find("redis-server")),
    reason="PostgreSQL and Redis are not installed",
)

GONE = """
import django

django.setup()
from apns.tasks import push_due
from kombu.exceptions import OperationalError

try:
    push_due.delay()
except OperationalError:
    print("given up")
"""


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    with run_postgresql() as server:
        yield server


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    with Redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def portal(
    postgresql: PostgreSQL, redis: Redis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Portal]:
    folder = tmp_path_factory.mktemp("portal")
    with run_portal(folder, database=postgresql.url, redis=redis.url) as running:
        yield running


@pytest.fixture(scope="module")
def iphone(portal: Portal) -> Iterator[SimulatedDevice]:
    courier = Courier(*portal.courier)
    device = SimulatedDevice(IPHONE, HTTPTransport(), courier=courier)
    device.install(portal.manage("enrollment_profile"))
    wait_for(device.pushed.is_set, "the first push")
    device.session()
    yield device
    courier.close()


def states(portal: Portal) -> dict[str, str]:
    rows = portal.manage("deliveries")
    return {row["command_uuid"]: row["state"] for row in rows}


def order(portal: Portal, device: SimulatedDevice) -> str:
    serial_number = device.unit.serial_number
    [row] = portal.manage("order", "ProfileList", "--to", serial_number)
    return str(row["command_uuid"])


def is_back(portal: Portal) -> None:
    """Ask until it is ready: a process finds once that its connection is dead."""
    wait_for(lambda: status(f"{portal.url}/readyz") == 200, "the portal is back")


def test_without_postgresql_devices_are_told_to_come_again(
    portal: Portal, postgresql: PostgreSQL, iphone: SimulatedDevice
) -> None:
    command = order(portal, iphone)
    postgresql.stop()
    try:
        assert status(f"{portal.url}/healthz") == 200
        assert status(f"{portal.url}/readyz") == 503
        for _ in range(3):
            with pytest.raises(ServerRefused) as refused:
                iphone.connect()
            assert refused.value.status == 503
    finally:
        postgresql.start()
    is_back(portal)
    iphone.session()
    assert states(portal)[command] == "acknowledged"


def test_workers_push_again_once_postgresql_is_back(
    portal: Portal, postgresql: PostgreSQL, iphone: SimulatedDevice
) -> None:
    postgresql.stop()
    postgresql.start()
    iphone.pushed.clear()
    order(portal, iphone)
    wait_for(iphone.pushed.is_set, "a push")
    is_back(portal)
    iphone.session()


def test_without_redis_an_order_is_kept_and_its_push_comes_when_redis_is_back(
    portal: Portal, redis: Redis, iphone: SimulatedDevice
) -> None:
    iphone.pushed.clear()
    redis.stop()
    try:
        command = order(portal, iphone)
        assert states(portal)[command] == "queued"
        assert not iphone.pushed.is_set()
    finally:
        redis.start()
    wait_for(iphone.pushed.is_set, "the push that was due")
    iphone.session()
    assert states(portal)[command] == "acknowledged"


def test_without_redis_devices_are_served(
    portal: Portal, redis: Redis, iphone: SimulatedDevice
) -> None:
    redis.stop()
    try:
        command = order(portal, iphone)
        iphone.session()
        assert states(portal)[command] == "acknowledged"
    finally:
        redis.start()


def test_what_a_lost_broker_is_told_is_given_up_at_once() -> None:
    """An order must not wait: kombu would go on trying, and for ever if told 0."""
    done = publish(REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    assert done.stdout.strip() == "given up"


def publish(**variables: str) -> subprocess.CompletedProcess[str]:
    served = {"MDM_EMBEDDED": "false", "SECRET_KEY": "x" * 50, "FIELD_KEYS": "a" * 64}
    served["DJANGO_SETTINGS_MODULE"] = "mdmportal.settings"
    return subprocess.run(
        [sys.executable, "-c", GONE],
        cwd=ROOT,
        env=os.environ | served | variables,
        capture_output=True,
        text=True,
        timeout=60,
    )
