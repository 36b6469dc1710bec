"""Filters of the lists: each is a parameter of the address, so it can be linked."""

import datetime as dt
from typing import Any

from django.core.cache import cache
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import (
    AllValuesCheckboxFilter,
    ChoicesDropdownFilter,
    DropdownFilter,
    MultipleDropdownFilter,
    RelatedDropdownFilter,
    TextFilter,
)

from ..models import (
    Channel,
    Device,
    Enrollment,
    Identity,
    InstalledApplication,
    InstalledCertificate,
    InstalledProfile,
)

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

    def has_output(self) -> bool:
        return True

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


def seen_within(**ago: int) -> Q:
    """Return the enrolled devices that were seen within that time."""
    return _seen(Q(last_seen_at__gte=timezone.now() - dt.timedelta(**ago)))


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
            "hour": ("Within the last hour", seen_within(hours=1)),
            "day": ("Within the last day", seen_within(days=1)),
            "week": ("Within the last 7 days", seen_within(days=7)),
            "missing": ("Not for 30 days", missing()),
        }


class ToldFilter(TableFilter):
    """Yes, no, or not told, of the fact in ``column``; ``words`` are for yes and no."""

    column = ""
    words = ("Yes", "No")

    def table(self) -> Table:
        yes, no = self.words
        return {
            "yes": (yes, Q(**{self.column: True})),
            "no": (no, Q(**{self.column: False})),
            UNTOLD: ("Not told yet", Q(**{f"{self.column}__isnull": True})),
        }


class SupervisedFilter(ToldFilter):
    title, parameter_name = "supervision", "supervised"
    column, words = "is_supervised", ("Supervised", "Not supervised")


class EncryptionFilter(ToldFilter):
    title, parameter_name = "encryption", "encrypted"
    column, words = "is_encrypted", ("Encrypted", "Not encrypted")


class PasscodeFilter(ToldFilter):
    title, parameter_name = "passcode", "passcode"
    column, words = "passcode_present", ("Has a passcode", "Has none")


class FirewallFilter(ToldFilter):
    title, parameter_name = "firewall", "firewall"
    column, words = "firewall_enabled", ("On", "Off")


class ActivationLockFilter(ToldFilter):
    title, parameter_name = "activation lock", "activation_lock"
    column, words = "is_activation_locked", ("Locked", "Not locked")


class LostModeFilter(ToldFilter):
    title, parameter_name = "lost mode", "lost_mode"
    column, words = "in_lost_mode", ("In lost mode", "Not in lost mode")


class UpdateFilter(TableFilter):
    title = "OS update"
    parameter_name = "update"

    def table(self) -> Table:
        none = Q(update_available="")
        return {
            "available": ("Available", ~none),
            "none": ("None that it has told of", none),
        }


class ModeFilter(TableFilter):
    """How a device is enrolled now."""

    title = "enrolled as"
    parameter_name = "mode"

    def table(self) -> Table:
        return {
            mode.value: (mode.label.capitalize(), _enrolled(mode=mode))
            for mode in Enrollment.Mode
        }


def _enrolled(**how: object) -> Q:
    found = Enrollment.objects.filter(state=Enrollment.State.ACTIVE, **how)
    return Q(pk__in=found.order_by().values("device"))


class FacetFilter(MultipleDropdownFilter):  # type: ignore[misc]
    """Any of the values that occur, as they were a while ago: none are looked for in
    all rows each time. A value that the address names holds whether it is known or not.
    """

    def lookups(self, request: HttpRequest, model_admin: object) -> list[object]:
        known = facets(request)[self.parameter_name]
        asked = request.GET.getlist(self.parameter_name)
        values = [*known, *(value for value in asked if value and value not in known)]
        return [(value, value) for value in values]

    def has_output(self) -> bool:
        return True

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        values = [value for value in self.value() or () if value]
        return queryset.filter(self.having(values)) if values else queryset

    def having(self, values: list[str]) -> Q:
        raise NotImplementedError


class VersionFilter(FacetFilter):
    title, parameter_name = "OS version", "os_version"

    def having(self, values: list[str]) -> Q:
        return Q(os_version__in=values)


class WayTextFilter(FacetFilter):
    title, parameter_name = "way in", "way"

    def having(self, values: list[str]) -> Q:
        return _enrolled(way__in=values)


FACETS = "devices.facets"
FACETS_FOR = 60
"""Seconds for which the values that occur are remembered."""
MOST_VALUES = 200


def facets(request: HttpRequest) -> dict[str, list[str]]:
    """Return the values that occur, by parameter; looked up once for a page."""
    found: dict[str, list[str]] | None = getattr(request, "device_facets", None)
    if found is None:
        found = cache.get_or_set(FACETS, _facets, FACETS_FOR)
        request.device_facets = found  # type: ignore[attr-defined]
    return found or {}


def _facets() -> dict[str, list[str]]:
    versions = (
        Device.objects.exclude(os_version="")
        .order_by("-os_version_key", "os_version")
        .values_list("os_version", "os_version_key")
        .distinct()[:MOST_VALUES]
    )
    ways = (
        Enrollment.objects.filter(state=Enrollment.State.ACTIVE)
        .exclude(way="")
        .order_by("way")
        .values_list("way", flat=True)
        .distinct()[:MOST_VALUES]
    )
    return {"os_version": [version for version, _ in versions], "way": list(ways)}


# --- What is on devices


class OnDeviceFilter(TextFilter):  # type: ignore[misc]
    """The devices that have what is named, exactly so, in the address."""

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        value = (self.value() or "").strip()
        return queryset.filter(self.having(value)) if value else queryset

    def having(self, value: str) -> Q:
        raise NotImplementedError


class ApplicationFilter(OnDeviceFilter):
    """An application by its identifier; with ``:`` and a version, that version."""

    title, parameter_name = "application’s identifier", "app"

    def having(self, value: str) -> Q:
        identifier, _, version = value.partition(":")
        which = Q(application__identifier=identifier)
        if version:
            which &= Q(application__short_version=version) | Q(
                application__version=version
            )
        found = InstalledApplication.objects.filter(which)
        return Q(pk__in=found.order_by().values("device"))


class InstalledProfileFilter(OnDeviceFilter):
    title, parameter_name = "profile’s identifier", "profile"

    def having(self, value: str) -> Q:
        found = InstalledProfile.objects.filter(identifier=value)
        return Q(pk__in=found.order_by().values("device"))


def with_certificate(*, after: dt.timedelta | None, until: dt.timedelta) -> Q:
    """Return the devices that have a certificate which expires within the span."""
    found = InstalledCertificate.objects.filter(expiring(after=after, until=until))
    return Q(pk__in=found.order_by().values("device"))


class CertificateFilter(TableFilter):
    """When certificates that are on a device expire."""

    title = "certificates on it"
    parameter_name = "certificate"

    def table(self) -> Table:
        return {
            name: (title.capitalize(), with_certificate(after=after, until=until))
            for name, (title, after, until) in BANDS.items()
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


class BandFilter(TableFilter):
    """When rows that have ``not_after`` expire."""

    title = "expiry"
    parameter_name = "expires"

    def table(self) -> Table:
        return {
            name: (title.capitalize(), expiring(after=after, until=until))
            for name, (title, after, until) in BANDS.items()
        }


class ExpiryFilter(TableFilter):
    """When the identities of enrolled devices expire."""

    title = "expiry, of enrolled devices"
    parameter_name = "expires"

    def table(self) -> Table:
        return {
            name: (title.capitalize(), _in_use(expiring(after=after, until=until)))
            for name, (title, after, until) in BANDS.items()
        }
