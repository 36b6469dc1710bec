"""Stays: when the device enrolled, left, and was seen last."""

from collections.abc import Iterable, Iterator

from django.urls import reverse

from devices.models import Channel, Enrollment

from .event import BEGAN, ENROLLED, LEFT, SEEN, Cursor, Event
from .scope import Found, Scope, placed

STAYS = 100


def stays(scope: Scope, before: Cursor | None, limit: int) -> Found:
    if scope.user:
        return Found(())
    rows = Enrollment.objects.filter(device=scope.device).select_related("owner")
    newest = rows.order_by("-opened_at", "-pk")[:STAYS]
    events = (event for stay in newest for event in _of_stay(stay))
    return placed(events, before, limit)


def _of_stay(stay: Enrollment) -> Iterator[Event]:
    url = reverse("admin:devices_enrollment_change", args=[stay.pk])
    by = f" by “{stay.way}”" if stay.way else ""
    kept = {"kind": "enrollment", "url": url, "who": str(stay.owner or "")}
    began = Cursor(stay.opened_at, BEGAN, stay.pk)
    yield Event(began, text=f"Began to enroll{by}", tone="info", **kept)
    if stay.enrolled_at:
        done = Cursor(stay.enrolled_at, ENROLLED, stay.pk)
        text = f"Enrolled, mode: {stay.get_mode_display()}"
        yield Event(done, text=text, tone="ok", **kept)
    if stay.ended_at:
        over = Cursor(stay.ended_at, LEFT, stay.pk)
        text = f"Left management: {stay.end_reason or 'no reason known'}"
        yield Event(over, text=text, tone="warn", **kept)


def seen(scope: Scope, before: Cursor | None, limit: int) -> Found:
    """Each channel was last seen once; that it was seen before says nothing."""
    events = (
        Event(
            Cursor(channel.last_seen_at, SEEN, channel.pk),
            "enrollment",
            "Last seen",
            "mute",
            user=scope.name(channel.pk),
        )
        for channel in _newest(scope.channels)
        if channel.last_seen_at
    )
    return placed(events, before, limit)


def _newest(channels: Iterable[Channel]) -> list[Channel]:
    """Return the newest channel of each user, and of the device."""
    by_user = {each.user_id: each for each in sorted(channels, key=lambda one: one.pk)}
    return list(by_user.values())
