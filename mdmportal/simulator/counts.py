"""Counts: what a fleet has done so far."""

import threading
from dataclasses import dataclass, field


@dataclass
class Counts:
    """What a fleet has done.

    ``errors`` are commands that devices answered with an error, ``odd`` those that had
    what a server should not send them, ``retries`` what failed and is tried again,
    ``troubles`` what went wrong for good.
    """

    enrolled: int = 0
    left: int = 0
    sessions: int = 0
    commands: int = 0
    errors: int = 0
    odd: int = 0
    retries: int = 0
    troubles: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, **numbers: int) -> None:
        with self._lock:
            for name, number in numbers.items():
                setattr(self, name, getattr(self, name) + number)

    def __str__(self) -> str:
        return (
            f"{self.enrolled} enrolled, {self.left} left, {self.sessions} sessions, "
            f"{self.commands} commands answered ({self.errors} with an error"
            f"{f', {self.odd} odd' if self.odd else ''}), "
            f"{self.retries} retries, {self.troubles} troubles"
        )
