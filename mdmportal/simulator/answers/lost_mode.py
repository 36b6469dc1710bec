"""Managed Lost Mode: the device says on its screen that it is lost, and where it is.

https://developer.apple.com/documentation/devicemanagement/enable-lost-mode-command
"""

import datetime as dt
import math
import random
from typing import TYPE_CHECKING

from .. import places
from ..errors import malformed, mdm_error
from .table import Answer, Request, Table

if TYPE_CHECKING:
    from ..channel import Channel
    from ..device import SimulatedDevice

LOST_ALREADY, NOT_LOST = 12066, 12067
SCREEN = ("Message", "PhoneNumber", "Footnote")
METRES_PER_DEGREE = 111_320
PACE = (20.0, 200.0)
"""How many metres it moves between one question and the next."""
WALKING = 1.4
"""Metres a second."""


def enable(channel: "Channel", request: Request) -> Answer:
    if "Message" not in request and "PhoneNumber" not in request:
        raise malformed("EnableLostMode: there is neither Message nor PhoneNumber")
    if channel.device.state.lost_mode:
        raise mdm_error(LOST_ALREADY, "The device is in Managed Lost Mode already.")
    shown = {name: request[name] for name in SCREEN if name in request}
    channel.device.state.lost_mode = shown
    return {}


def disable(channel: "Channel", request: Request) -> Answer:
    _check_lost(channel)
    channel.device.state.lost_mode = {}
    return {}


def location(channel: "Channel", request: Request) -> Answer:
    """Answer where it is: somebody carries it about, the same way in every run."""
    _check_lost(channel)
    latitude, longitude, course = _whereabouts(channel.device)
    channel.device.state.located += 1
    return {
        "Latitude": latitude,
        "Longitude": longitude,
        "HorizontalAccuracy": 12.5,
        "VerticalAccuracy": 4.0,
        "Altitude": 72.3,
        "Speed": WALKING,
        "Course": course,
        "Timestamp": dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _whereabouts(device: "SimulatedDevice") -> tuple[float, float, float]:
    """Return latitude, longitude and course, all of them in degrees."""
    source = random.Random(f"{device.unit.serial_number} walks")
    _, latitude, longitude = places.of(device.unit.seed)
    course = 0.0
    for _ in range(device.state.located + 1):
        course, way = source.uniform(0, 360), source.uniform(*PACE)
        latitude += way * math.cos(math.radians(course)) / METRES_PER_DEGREE
        narrower = METRES_PER_DEGREE * math.cos(math.radians(latitude))
        longitude += way * math.sin(math.radians(course)) / narrower
    return round(latitude, 6), round(longitude, 6), round(course, 1)


def play_sound(channel: "Channel", request: Request) -> Answer:
    _check_lost(channel)
    channel.device.state.sounds += 1
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
