"""Managed Lost Mode: the device says on its screen that it is lost, and where it is.

https://developer.apple.com/documentation/devicemanagement/enable-lost-mode-command
"""

import datetime as dt
from typing import TYPE_CHECKING

from ..errors import FormatError, mdm_error
from .table import Answer, Request, Table

if TYPE_CHECKING:
    from ..channel import Channel

NOT_LOST = 12067
CUPERTINO = (37.3349, -122.0090)
SCREEN = ("Message", "PhoneNumber", "Footnote")


def enable(channel: "Channel", request: Request) -> Answer:
    if "Message" not in request and "PhoneNumber" not in request:
        raise FormatError
    shown = {name: request[name] for name in SCREEN if name in request}
    channel.device.state.lost_mode = shown
    return {}


def disable(channel: "Channel", request: Request) -> Answer:
    _check_lost(channel)
    channel.device.state.lost_mode = {}
    return {}


def location(channel: "Channel", request: Request) -> Answer:
    """Answer where it is; each unit is somewhere else around Cupertino."""
    _check_lost(channel)
    latitude, longitude = CUPERTINO
    away = channel.device.unit.seed % 100 / 1000
    return {
        "Latitude": latitude + away,
        "Longitude": longitude - away,
        "HorizontalAccuracy": 12.5,
        "VerticalAccuracy": 4.0,
        "Altitude": 72.3,
        "Speed": -1.0,
        "Course": -1.0,
        "Timestamp": dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def play_sound(channel: "Channel", request: Request) -> Answer:
    _check_lost(channel)
    return {}


def _check_lost(channel: "Channel") -> None:
    if not channel.device.state.lost_mode:
        raise mdm_error(NOT_LOST, "The device is not in Managed Lost Mode.")


ANSWERS: Table = {
    "EnableLostMode": enable,
    "DisableLostMode": disable,
    "DeviceLocation": location,
    "PlayLostModeSound": play_sound,
}
