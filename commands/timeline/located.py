"""Located: where a lost device said it was, for who may see that."""

from django.urls import reverse

from devices.models import Location

from .event import LOCATED, Cursor, Event
from .scope import Found, Scope, listed, rows_of


def located(scope: Scope, before: Cursor | None, limit: int) -> Found:
    if scope.user or not scope.located:
        return Found(())
    rows = Location.objects.filter(device=scope.device)
    found = rows_of(rows, "taken_at", LOCATED, before, limit)
    return listed([_located(scope, each) for each in found], limit)


def _located(scope: Scope, place: Location) -> Event:
    metres = place.horizontal_accuracy
    page = reverse("admin:devices_device_change", args=[scope.device.pk])
    return Event(
        Cursor(place.taken_at, LOCATED, place.pk),
        "located",
        f"Located: {place}",
        "info",
        details=[] if metres is None else [f"± {metres:.0f} m"],
        url=f"{page}?tab=location",
    )
