"""Power: restarting and shutting down, after the report.

https://developer.apple.com/documentation/devicemanagement/restart-device-command
"""

from typing import TYPE_CHECKING

from .. import absence
from ..absence import Absence
from ..errors import mdm_error
from .table import Answer, Request, Table

if TYPE_CHECKING:
    from ..channel import Channel

NO_BOOTSTRAP_TOKEN = 12085


def restart(channel: "Channel", request: Request) -> Answer:
    """A kernel cache is built anew, on Apple silicon, by the server's token only."""
    device = channel.device
    wanted = request.get("RebuildKernelCache") and device.hardware.apple_silicon
    if wanted and not device.state.bootstrap_token:
        text = "The kernel cache cannot be rebuilt without a bootstrap token."
        raise mdm_error(NO_BOOTSTRAP_TOKEN, text)
    channel.afterwards(lambda: absence.begin(device, Absence.RESTARTING))
    return {}


def shut_down(channel: "Channel", request: Request) -> Answer:
    device = channel.device
    channel.afterwards(lambda: absence.begin(device, Absence.OFF))
    return {}


ANSWERS: Table = {"RestartDevice": restart, "ShutDownDevice": shut_down}
