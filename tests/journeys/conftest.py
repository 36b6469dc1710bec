"""Devices on a journey: real sockets, real pushes, the real portal."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mdmportal.simulator.courier import Courier
from mdmportal.simulator.device import SimulatedDevice
from mdmportal.simulator.hardware import IPHONE_16, Hardware
from mdmportal.simulator.transport import HTTPTransport

from ..portal import Portal
from ..servers import wait_for

Enroll = Callable[..., "Traveller"]
PRELUDE = """
import datetime as dt, json
from commands import ordering, orders, queue
from commands.models import Command, Delivery, Result
from devices.models import Channel, Device, Enrollment, Secret, User
device = Device.objects.get(serial_number="<serial>")
deliveries = Delivery.objects.filter(channel__enrollment__device=device)
"""


class Traveller:
    """A simulated device with its own connection, and what the portal says of it."""

    def __init__(self, portal: Portal, device: SimulatedDevice) -> None:
        self.portal, self.device = portal, device

    def install(self) -> None:
        self.device.install(self.portal.manage("enrollment_profile"))

    @property
    def serial(self) -> str:
        return self.device.unit.serial_number

    def row(self) -> dict[str, object]:
        rows = self.portal.manage("devices")
        return next(row for row in rows if row["serial_number"] == self.serial)

    def run(self, script: str, **names: object) -> Any:
        """Run a script in the portal with ``names`` put in; return what it prints."""
        code = PRELUDE + script
        for name, value in {"serial": self.serial, **names}.items():
            code = code.replace(f"<{name}>", str(value))
        return self.portal.manage("shell", "--no-imports", "--command", code)

    def order(self, request_type: str, *more: str) -> str:
        """Order a command as an administrator's script does; return its CommandUUID."""
        rows = self.portal.manage("order", request_type, "--to", self.serial, *more)
        return str(rows[0]["command_uuid"])

    def state(self, command_uuid: str) -> str:
        rows = self.portal.manage("deliveries", "--device", str(self.row()["id"]))
        return next(
            str(row["state"]) for row in rows if row["command_uuid"] == command_uuid
        )

    def is_pushed(self) -> None:
        """Wait until a push arrives."""
        wait_for(self.device.pushed.is_set, f"a push to {self.device}")

    def settle(self) -> None:
        """Take and answer what was asked at enrollment."""
        self.is_pushed()
        self.device.session()


def unpacked(
    portal: Portal, courier: Courier, hardware: Hardware, number: int
) -> SimulatedDevice:
    """Return a new device that can reach the portal."""
    return SimulatedDevice(
        hardware,
        HTTPTransport(),
        seed=number,
        courier=courier,
        factory=portal.factory,
    )


@pytest.fixture
def courier(portal: Portal) -> Iterator[Courier]:
    courier = Courier(*portal.courier)
    yield courier
    courier.close()


@pytest.fixture
def enroll(portal: Portal, courier: Courier) -> Enroll:
    """Return a maker of devices that enrolled over the network."""
    numbers = iter(range(1, 1000))

    def enroll(hardware: Hardware = IPHONE_16, seed: int = 0) -> Traveller:
        number = abs(hash((id(numbers), next(numbers), seed))) % 10**9
        traveller = Traveller(portal, unpacked(portal, courier, hardware, number))
        traveller.install()
        traveller.settle()
        return traveller

    return enroll
