"""Software: applications, profiles and certificates, and on which devices they are."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Func, IntegerField, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ..models import (
    Application,
    InstalledApplication,
    InstalledCertificate,
    InstalledProfile,
)
from .base import COUNTED, LongPaginator, ReadOnlyAdmin, bounded, moment
from .filters import BandFilter


def _devices(parameter: str, value: str) -> str:
    """Return the address of the list of the devices that have it."""
    return (
        f"{reverse('admin:devices_device_changelist')}?{urlencode({parameter: value})}"
    )


def _link(url: str, words: object) -> SafeString:
    return format_html('<a class="mp-link" href="{}">{}</a>', url, words)


class _Counted(Func):
    """How many rows a subquery has, which is limited."""

    template = "(SELECT COUNT(*) FROM %(expressions)s counted)"
    output_field = IntegerField()


def installed_on(ids: Sequence[int]) -> dict[int, int]:
    """Return on how many devices each application is, by one statement.

    Each is counted by its part of the index, and no further than COUNTED.
    """
    rows = InstalledApplication.objects.filter(application=OuterRef("pk")).order_by()
    some = Subquery(rows.values("device").distinct()[: COUNTED + 1])
    found = (
        Application.objects.filter(pk__in=ids).order_by().annotate(on=_Counted(some))
    )
    return {pk: bounded(on) for pk, on in found.values_list("pk", "on")}


@admin.register(Application)
class ApplicationAdmin(ReadOnlyAdmin):
    list_display = ("name", "identifier", "short_version", "version", "size", "on")
    list_display_links = None
    ordering = ("name", "identifier", "pk")
    search_fields = ("name", "identifier")
    search_help_text = "Name or identifier"
    paginator = LongPaginator
    empty = (
        "apps",
        "No application is known yet",
        "Devices are asked which applications they have; each version is listed here "
        "once, however many devices have it.",
    )
    empty_button = ("admin:devices_device_changelist", "See the devices")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Application]:
        rows: QuerySet[Application] = super().get_queryset(request)
        return rows.defer("facts")

    def prepare(self, rows: Sequence[Any]) -> None:
        counts = installed_on([row.pk for row in rows])
        for row in rows:
            row.on = counts[row.pk]

    @admin.display(description="size", ordering="bundle_size")
    def size(self, application: Application) -> str:
        size = application.bundle_size
        return "-" if size is None else filesizeformat(size)

    size.plain = lambda row: row.bundle_size  # type: ignore[attr-defined]

    @admin.display(description="devices")
    def on(self, application: Any) -> SafeString:
        version = application.short_version or application.version
        value = f"{application.identifier}:{version}"
        return _link(_devices("app", value.rstrip(":")), str(application.on))


class OnDeviceAdmin(ReadOnlyAdmin):
    """A list of what devices have, each with the device it is on."""

    list_display_links = None
    list_select_related = ("device",)
    paginator = LongPaginator

    @admin.display(description="device", ordering="device__name")
    def on(self, row: Any) -> SafeString:
        return _link(row.device.get_absolute_url(), row.device)

    @admin.display(description="user", ordering="user_id")
    def whose(self, row: Any) -> str:
        return row.user_id or "-"


@admin.register(InstalledProfile)
class InstalledProfileAdmin(OnDeviceAdmin):
    list_display = ("name", "identifier_link", "on", "whose", "is_managed")
    list_filter = ("is_managed",)
    ordering = ("identifier", "device", "pk")
    search_fields = ("identifier", "name")
    search_help_text = "Name or identifier"
    empty = (
        "description",
        "No profile is known yet",
        "Devices are asked which configuration profiles they have, ours and others.",
    )
    empty_button = ("admin:devices_device_changelist", "See the devices")

    @admin.display(description="identifier", ordering="identifier")
    def identifier_link(self, row: InstalledProfile) -> SafeString:
        return _link(_devices("profile", row.identifier), row.identifier)


@admin.register(InstalledCertificate)
class InstalledCertificateAdmin(OnDeviceAdmin):
    list_display = (
        "common_name",
        "issuer",
        "on",
        "whose",
        "is_identity",
        moment("not_after", "expires"),
    )
    list_filter = (BandFilter, "is_identity")
    ordering = ("not_after", "device", "pk")
    search_fields = ("common_name", "=fingerprint")
    search_help_text = "Name or SHA-256"
    empty = (
        "verified",
        "No certificate is known yet",
        "Devices are asked which certificates they have; what expires first is first.",
    )
    empty_button = ("admin:devices_device_changelist", "See the devices")
