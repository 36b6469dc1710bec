"""The running portal, asked over HTTP by a program; a device answers."""

from typing import Any

import pytest
import requests

from ..journeys.conftest import Enroll, courier, enroll
from ..portal import Portal
from ..servers import wait_for
from . import fuzz
from .conftest import ROOT

__all__ = ["courier", "enroll"]


class Remote:
    def __init__(self, portal: Portal) -> None:
        made: bytes = portal.manage("api_token", "journey", "--user", portal.admin)
        self.url, self.token = portal.url + ROOT, made.decode().strip()
        self.headers = {"Authorization": f"Bearer {self.token}"}

    def get(self, path: str) -> Any:
        answer = requests.get(self.url + path, headers=self.headers, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any, status: int = 201) -> Any:
        answer = requests.post(
            self.url + path, json=body, headers=self.headers, timeout=30
        )
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
def remote(portal: Portal) -> Remote:
    return Remote(portal)


def test_a_program_locks_a_device_and_sees_it_done(
    remote: Remote, enroll: Enroll, portal: Portal
) -> None:
    traveller = enroll()
    (device,) = remote.get(f"devices/?serial_number={traveller.serial}")["results"]
    order = {
        "request_type": "DeviceLock",
        "keys": {"Message": "Found me?"},
        "to": {"devices": [traveller.serial]},
    }
    asked = remote.post("orders/", order, 409)
    assert asked["confirm"] in (device["name"], device["serial_number"])
    made = remote.post("orders/", {**order, "confirm": asked["confirm"]})
    traveller.is_pushed()
    traveller.device.session()

    def is_done() -> bool:
        told = remote.get(f"orders/{made['id']}/")
        return bool(told["deliveries"].get("acknowledged") == 1)

    wait_for(is_done, "the lock to be acknowledged")
    (row,) = remote.get(f"deliveries/?order={made['id']}")["results"]
    assert remote.get(f"deliveries/{row['id']}/")["answer"]["Status"] == "Acknowledged"
    assert remote.token not in portal.log()


def test_nothing_that_is_asked_is_answered_otherwise_than_described(
    remote: Remote, portal: Portal
) -> None:
    """A few seconds of what ``make fuzz`` does for minutes."""
    asked = ("--phases", "coverage", "--max-time", "6", "--seed", "1")
    reads = ("--include-method", "GET")
    done = fuzz.run(portal, remote.token, *asked, *reads)
    assert done.returncode == 0, done.stdout.replace(remote.token, "…")
