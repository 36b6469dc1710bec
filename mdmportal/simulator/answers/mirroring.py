"""Mirroring: showing the screen on an Apple TV.

https://developer.apple.com/documentation/devicemanagement/request-mirroring-command
"""

from typing import TYPE_CHECKING

from ..errors import malformed
from .table import Answer, Request, Table

if TYPE_CHECKING:
    from ..channel import Channel

DESTINATIONS = ("DestinationName", "DestinationDeviceID")


def request_mirroring(channel: "Channel", request: Request) -> Answer:
    """Every destination is there; a supervised device does not ask its person."""
    wanted = [request[name] for name in DESTINATIONS if name in request]
    if not wanted:
        raise malformed("RequestMirroring: there is no destination")
    if not wanted[0]:
        return {"MirroringResult": "DestinationNotFound"}
    channel.device.state.mirrored_to = wanted[0]
    return {"MirroringResult": "Prompting"}


def stop_mirroring(channel: "Channel", request: Request) -> Answer:
    channel.device.state.mirrored_to = ""
    return {}


ANSWERS: Table = {
    "RequestMirroring": request_mirroring,
    "StopMirroring": stop_mirroring,
}
