"""Declarative management: being told to begin, and the tokens that come with that.

https://developer.apple.com/documentation/devicemanagement/declarative-management-command
"""

import json
from typing import TYPE_CHECKING

from ..errors import mdm_error
from .table import Answer, Request, Table

if TYPE_CHECKING:
    from ..channel import Channel

NO_TOKENS = 12090


def declarative_management(channel: "Channel", request: Request) -> Answer:
    """Keep the tokens, each channel its own; the device does not ask for more yet."""
    data = request.get("Data", b"{}")
    try:
        json.loads(data)
    except ValueError as error:
        text = f"The declaration tokens cannot be read: {error}"
        raise mdm_error(NO_TOKENS, text) from error
    who = str(channel.who().get("UserID", ""))
    channel.device.state.declarations[who] = data
    return {}


ANSWERS: Table = {"DeclarativeManagement": declarative_management}
