"""An account by which devices of a fleet come in, and whose person signs in again."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .person import Person

if TYPE_CHECKING:
    from .device import SimulatedDevice

EVERY = 3
"""Of so many devices of a fleet one comes in by the account."""
AGAIN_AFTER = 20.0
"""Seconds until the person has seen the notification and signs in again."""


@dataclass(frozen=True)
class Account:
    """``identifier`` is what the person types; ``server`` is asked for its domain."""

    identifier: str
    password: str
    server: str

    @property
    def person(self) -> Person:
        return Person(self.identifier, self.password)

    def is_for(self, device: "SimulatedDevice") -> bool:
        """Whether this device of the fleet is one that comes in by it."""
        can = device.hardware.platform != "tvOS"
        return can and device.unit.seed % EVERY == EVERY - 1

    def enroll(self, device: "SimulatedDevice") -> None:
        """Enroll as the person does in Settings; raises as the device does."""
        device.enroll_with_account(
            self.identifier, self.person, discovery_url=self.server
        )
        # Of what comes in by an account only a Mac of the organisation is supervised.
        device.supervised = device.is_mac and not device.stay.enrollment_id
