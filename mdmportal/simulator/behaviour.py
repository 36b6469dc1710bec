"""Behaviour: what a device is told to do with a command instead of obeying."""

from dataclasses import dataclass
from enum import StrEnum

from .errors import Error

ANY = "*"
"""Stands for every RequestType."""


class Behaviour(StrEnum):
    NOT_NOW = "NotNow"
    COMMAND_FORMAT_ERROR = "CommandFormatError"
    REPEAT = "repeat"
    """Obey, and send the report twice, as if the first response was lost."""
    VANISH = "vanish"
    """Take the command and go silent, as if the battery died."""


@dataclass
class Order:
    """A behaviour for the next ``times`` commands of a type; None: for all of them."""

    request_type: str
    behaviour: Behaviour | Error
    times: int | None


class Orders:
    """What a device was told, the first that fits being used up first."""

    def __init__(self) -> None:
        self._orders: list[Order] = []

    def add(
        self, request_type: str, behaviour: Behaviour | Error, times: int | None
    ) -> None:
        self._orders.append(Order(request_type, behaviour, times))

    def take(self, request_type: str) -> Behaviour | Error | None:
        """Return what to do with this command, None: obey."""
        for order in self._orders:
            if order.request_type in (request_type, ANY):
                if order.times is not None:
                    order.times -= 1
                    if not order.times:
                        self._orders.remove(order)
                return order.behaviour
        return None
