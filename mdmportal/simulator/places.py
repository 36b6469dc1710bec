"""Places: where simulated devices are, and the time there."""

from typing import NamedTuple


class Place(NamedTuple):
    time_zone: str
    latitude: float
    longitude: float


PLACES = (
    Place("Europe/Paris", 48.8606, 2.3376),
    Place("America/Los_Angeles", 37.3349, -122.0090),
    Place("Europe/Berlin", 52.5186, 13.3762),
    Place("America/New_York", 40.7484, -73.9857),
    Place("Europe/London", 51.5007, -0.1246),
    Place("Asia/Tokyo", 35.6586, 139.7454),
    Place("Australia/Sydney", -33.8568, 151.2153),
    Place("America/Sao_Paulo", -23.5614, -46.6559),
    Place("Asia/Kolkata", 12.9716, 77.5946),
    Place("Africa/Johannesburg", -26.1076, 28.0567),
)


def of(seed: int) -> Place:
    """Return where the unit of this number is: most are at headquarters."""
    return PLACES[seed // 2 % len(PLACES) if seed % 2 else 0]
