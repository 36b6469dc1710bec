"""Filters of the lists: each is a parameter of the address, so it can be linked."""

import datetime as dt
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import (
    AllValuesCheckboxFilter,
    ChoicesDropdownFilter,
    DropdownFilter,
    RelatedDropdownFilter,
)

from ..models import Channel, Device, Enrollment, Identity

Rows = QuerySet[Device]
UNTOLD = "unknown"
"""The value of a parameter that asks for what devices have not told."""
CLOSE, SOON = dt.timedelta(days=30), dt.timedelta(days=90)


class ChoiceFilter(ChoicesDropdownFilter):  # type: ignore[misc]
    """One of a field's choices."""


class ValuesFilter(AllValuesCheckboxFilter):  # type: ignore[misc]
    """Any of the values that occur."""


class WayFilter(RelatedDropdownFilter):  # type: ignore[misc]
    """The way in that an enrollment came by, whatever it is called today."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.title = "way in"


Table = dict[str, tuple[str, Q]]


class TableFilter(DropdownFilter):  # type: ignore[misc]
    """One of a table's entries: parameter value -> title and what it leaves."""

    def lookups(self, request: HttpRequest, model_admin: object) -> list[object]:
        return [(value, title) for value, (title, _) in self.table().items()]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        chosen = self.table().get(self.value() or "")
        return queryset.filter(chosen[1]) if chosen else queryset

    def table(self) -> Table:
        raise NotImplementedError


# --- Devices


def _in_state(*states: str) -> Q:
    return Q(pk__in=Enrollment.objects.filter(state__in=states).values("device"))


def _seen(channels: Q) -> Q:
    """Return the enrolled devices whose device channel is among ``channels``."""
    found = Channel.objects.filter(
        channels, user_id="", enrollment__state=Enrollment.State.ACTIVE
    )
    return Q(pk__in=found.values("enrollment__device"))


def missing() -> Q:
    """Return the devices that are enrolled and were not seen for 30 days."""
    return _seen(_before(days=30))


def _before(**ago: int) -> Q:
    limit = timezone.now() - dt.timedelta(**ago)
    return Q(last_seen_at__lt=limit) | Q(last_seen_at__isnull=True)


class StateFilter(TableFilter):
    """Whether a device is enrolled now."""

    title = "enrollment"
    parameter_name = "state"

    def table(self) -> Table:
        active, pending = Enrollment.State.ACTIVE, Enrollment.State.PENDING
        return {
            "active": ("Enrolled", _in_state(active)),
            "pending": ("Enrolling", _in_state(pending)),
            "left": ("Left", ~_in_state(active, pending)),
        }


class PlatformFilter(TableFilter):
    title = "platform"
    parameter_name = "platform"

    def table(self) -> Table:
        named = {each: (each, Q(platform=each)) for each in Device.Platform.values}
        return {**named, UNTOLD: ("Not told yet", Q(platform=""))}


class SeenFilter(TableFilter):
    """How long an enrolled device has been silent."""

    title = "last seen"
    parameter_name = "seen"

    def table(self) -> Table:
        return {
            "hour": ("Within the last hour", _seen(~_before(hours=1))),
            "day": ("Within the last day", _seen(~_before(days=1))),
            "week": ("Within the last 7 days", _seen(~_before(days=7))),
            "missing": ("Not for 30 days", missing()),
        }


class SupervisedFilter(TableFilter):
    title = "supervision"
    parameter_name = "supervised"

    def table(self) -> Table:
        return {
            "yes": ("Supervised", Q(is_supervised=True)),
            "no": ("Not supervised", Q(is_supervised=False)),
            UNTOLD: ("Not told yet", Q(is_supervised__isnull=True)),
        }


# --- Identities


def expiring(*, after: dt.timedelta | None, until: dt.timedelta) -> Q:
    """Return what expires within the span, counted from now; ``after`` None: ever."""
    now = timezone.now()
    span = Q(not_after__lte=now + until)
    return span if after is None else span & Q(not_after__gt=now + after)


def _in_use(span: Q) -> Q:
    return Q(pk__in=Identity.in_use().filter(span).values("pk"))


NOW = dt.timedelta()
BANDS: dict[str, tuple[str, dt.timedelta | None, dt.timedelta]] = {
    "expired": ("expired", None, NOW),
    "30": ("within 30 days", NOW, CLOSE),
    "90": ("within 90 days", CLOSE, SOON),
}
"""Bands of expiry, for lists and the overview alike."""


class ExpiryFilter(TableFilter):
    """When the identities of enrolled devices expire."""

    title = "expiry, of enrolled devices"
    parameter_name = "expires"

    def table(self) -> Table:
        return {
            name: (title.capitalize(), _in_use(expiring(after=after, until=until)))
            for name, (title, after, until) in BANDS.items()
        }
