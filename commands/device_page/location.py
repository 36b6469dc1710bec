"""Location: where a device said it was while it was lost, on a map.

Only who may see it sees it, and that they looked is written down, once an hour. The map
is ours and asks nobody; other maps are opened with a place only by a click.
"""

import dataclasses
import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils import timezone

from devices.models import AuditEntry, Device, Location

from .. import terms
from .look import Look
from .told import Told, told

PERMISSION = "devices.view_location"
ACTION = "location seen"
SEEN_AGAIN_AFTER = dt.timedelta(hours=1)
SHOWN = 200
"""Places on the map and in the list, the newest."""

LOCATABLE = (Device.Platform.IOS, Device.Platform.IPADOS, "")
"""Where there is a Lost Mode; of an unknown system there may be."""

COMPASS = (
    *("north", "northeast", "east", "southeast"),
    *("south", "southwest", "west", "northwest"),
)


@dataclass(frozen=True)
class Place:
    """A place in words, and where other maps show it."""

    row: Location

    @property
    def accuracy(self) -> str:
        metres = self.row.horizontal_accuracy
        return "accuracy unknown" if metres is None else f"± {_distance(metres)}"

    @property
    def height(self) -> str:
        if self.row.altitude is None:
            return ""
        return f"{self.row.altitude:.0f} m ± {self.row.vertical_accuracy:.0f} m"

    @property
    def movement(self) -> str:
        """How fast and whither it went; '' if it stood still, or did not say."""
        if not self.row.speed:
            return ""
        speed = f"{self.row.speed * 3.6:.0f} km/h"
        if self.row.course is None:
            return speed
        return f"{speed} to the {COMPASS[round(self.row.course / 45) % 8]}"

    @property
    def is_late(self) -> bool:
        """Whether the place was old already when the device told it."""
        return self.row.received_at - self.row.taken_at > dt.timedelta(minutes=10)

    @property
    def _pair(self) -> str:
        return f"{self.row.latitude:.6f},{self.row.longitude:.6f}"

    @property
    def apple_maps(self) -> str:
        return f"https://maps.apple.com/?ll={self._pair}&q={self._pair}"

    @property
    def openstreetmap(self) -> str:
        latitude, longitude = self._pair.split(",")
        return (
            f"https://www.openstreetmap.org/?mlat={latitude}&mlon={longitude}"
            f"#map=16/{latitude}/{longitude}"
        )

    def point(self) -> Mapping[str, Any]:
        """Return what the map draws."""
        return {
            "lat": self.row.latitude,
            "lng": self.row.longitude,
            "accuracy": self.row.horizontal_accuracy,
            "label": f"{terms.moment(self.row.taken_at)}, {self.accuracy}",
        }


def gather(look: Look) -> dict[str, Any]:
    rows = Location.objects.filter(device=look.device).order_by("-taken_at", "-pk")
    places = [Place(row) for row in rows[:SHOWN]]
    if places:
        _write_down(look)
    asked = _asked(look)
    return {
        "told": asked,
        "places": places,
        "last": places[0] if places else None,
        "points": json.dumps([each.point() for each in places]),
        "is_lost": bool(look.device.in_lost_mode),
        "why": _why(look.device, asked, places),
        "kept_for": settings.LOCATION_DAYS,
        "tiles_url": settings.MAP_TILES_URL,
        "tiles_attribution": settings.MAP_TILES_ATTRIBUTION,
    }


def _asked(look: Look) -> Told:
    """Return what became of the last question; only in Lost Mode there is another."""
    found = told(look, "DeviceLocation")
    can_ask = found.can_ask and bool(look.device.in_lost_mode)
    return dataclasses.replace(found, can_ask=can_ask)


def _why(device: Device, asked: Told, places: Sequence[Place]) -> str:
    """Return why no place is known, or none newer, in words; '' where all is well."""
    if device.platform not in LOCATABLE:
        return (
            "Apple lets only an iPhone or iPad be located, and only in Lost Mode: this "
            f"is {device.platform}."
        )
    if device.is_supervised is False:
        return "Only a supervised device has a Lost Mode; this one is not supervised."
    if not device.in_lost_mode:
        return (
            "It is not in Lost Mode, and only then it says where it is. Lost Mode "
            "locks it, shows your message, and it is asked at once."
        )
    return "" if places else asked.why


def _write_down(look: Look) -> None:
    """Note who looked, once in a while: a page that is read again says no more."""
    since = timezone.now() - SEEN_AGAIN_AFTER
    before = AuditEntry.objects.filter(
        device=look.device, action=ACTION, actor=look.viewer, at__gte=since
    )
    if not before.exists():
        AuditEntry.write(look.viewer, ACTION, look.device)


def _distance(metres: float) -> str:
    return f"{metres / 1000:.1f} km" if metres >= 1000 else f"{metres:.0f} m"
