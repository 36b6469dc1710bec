"""Location: answers to DeviceLocation, as places.

What makes no sense is left out; a place without coordinates that can be is none, and
the answer stays raw with the reason.
https://developer.apple.com/documentation/devicemanagement/devicelocationresponse
"""

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive

from devices.models import Location

from .said import Said

Answer = Mapping[str, Any]

AHEAD = dt.timedelta(minutes=10)
"""How far a device's clock may be ahead of ours before we take our own."""
OLDEST = dt.datetime(2007, 1, 1, tzinfo=dt.UTC)
"""Before there was a device: a clock that was never set."""


def read(said: Said) -> None:
    """Keep the place. An answer that is read twice is one place."""
    answer = said.answer
    row = Location(
        device=said.device,
        latitude=_degrees(answer, "Latitude", 90),
        longitude=_degrees(answer, "Longitude", 180),
        horizontal_accuracy=_positive(answer.get("HorizontalAccuracy")),
        speed=_positive(answer.get("Speed")),
        course=_positive(answer.get("Course"), below=360),
        taken_at=_taken_at(answer.get("Timestamp"), said.at),
        received_at=said.at,
        delivery_uuid=said.delivery.uuid,
        **_height(answer),
    )
    Location.objects.bulk_create([row], ignore_conflicts=True)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _degrees(answer: Answer, key: str, most: int) -> float:
    """Raises ValueError for what is on no map."""
    number = _number(answer.get(key))
    if number is None or abs(number) > most:
        raise ValueError(f"{key} is not between -{most} and {most} degrees")
    return number


def _positive(value: Any, below: float = 1e9) -> float | None:
    """Return what was measured; Apple's negative values say that it is unknown."""
    number = _number(value)
    return number if number is not None and 0 <= number < below else None


def _height(answer: Answer) -> dict[str, float | None]:
    """An altitude below the sea is one; without an accuracy it is unknown."""
    accuracy = _positive(answer.get("VerticalAccuracy"))
    altitude = _number(answer.get("Altitude"))
    is_known = accuracy is not None and altitude is not None and abs(altitude) < 1e5
    return {
        "vertical_accuracy": accuracy,
        "altitude": altitude if is_known else None,
    }


def _taken_at(value: Any, received_at: dt.datetime) -> dt.datetime:
    """Return when the device was there; when it said so, if its clock cannot be."""
    moment = _moment(value)
    if moment is None or not OLDEST <= moment <= received_at + AHEAD:
        return received_at
    return moment


def _moment(value: Any) -> dt.datetime | None:
    """Return an RFC 3339 time, or a date of the property list."""
    try:
        found = parse_datetime(value) if isinstance(value, str) else value
    except ValueError:
        return None
    if not isinstance(found, dt.datetime):
        return None
    return found.replace(tzinfo=dt.UTC) if is_naive(found) else found
