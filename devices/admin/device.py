"""Device: the list of all hardware. Its own page needs the queue: commands.admin."""

from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from ..models import Device, User
from . import columns
from .base import COLUMNS, Admin, KeyPaginator
from .columns import newest
from .filters import (
    ActivationLockFilter,
    ApplicationFilter,
    CertificateFilter,
    EncryptionFilter,
    FirewallFilter,
    InstalledProfileFilter,
    LostModeFilter,
    ModeFilter,
    PasscodeFilter,
    PlatformFilter,
    SeenFilter,
    StateFilter,
    SupervisedFilter,
    UpdateFilter,
    VersionFilter,
    WayTextFilter,
)
from .joined import GroupFilter, TagFilter
from .search import search

__all__ = ["DeviceList", "newest"]


@require_POST
def choose_columns(request: HttpRequest, model_admin: "DeviceList") -> HttpResponse:
    """Keep which columns a person wants to see, and go back to the list."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    person: User = request.user  # type: ignore[assignment]
    names = [] if "usual" in request.POST else request.POST.getlist("column")
    kept = {**person.list_columns, columns.LIST: names}
    person.list_columns = kept
    person.save(update_fields=["list_columns"])
    query = request.POST.get("query", "")
    return redirect(
        f"{model_admin.list_url}?{query}" if query else model_admin.list_url
    )


class DeviceList(Admin):
    list_filter = (
        StateFilter,
        PlatformFilter,
        VersionFilter,
        UpdateFilter,
        SeenFilter,
        SupervisedFilter,
        EncryptionFilter,
        PasscodeFilter,
        FirewallFilter,
        ActivationLockFilter,
        LostModeFilter,
        ModeFilter,
        WayTextFilter,
        ("owner", AutocompleteSelectFilter),
        ("owner", admin.EmptyFieldListFilter),
        CertificateFilter,
        ApplicationFilter,
        InstalledProfileFilter,
        GroupFilter,
        TagFilter,
    )
    ordering = ("name", "pk")
    search_fields = ("search_text",)
    search_help_text = "Name, serial, UDID, IMEI, MAC, asset tag, person"
    list_per_page = 50
    paginator = KeyPaginator
    csv_ids = ("id", "udid", "enrollment_id", "serial_number")
    empty = (
        "devices",
        "No device here yet",
        "A device appears when it enrolls: open the address or QR code of a way in on "
        "it. It cannot be added by hand.",
    )
    empty_button = ("admin:enrollment_enrollmentprofile_changelist", "See the ways in")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(partial(choose_columns, model_admin=self))
        name = "devices_device_columns"
        return [path("columns/", view, name=name), *super().get_urls()]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: Device | None = None
    ) -> bool:
        return bool(request.user.is_superuser)

    def buttons(self, request: HttpRequest) -> list[tuple[str, str]]:
        """Offer to keep what the list is filtered by as a smart group."""
        asked = request.GET.copy()
        for name in (COLUMNS, "o", "p"):
            asked.pop(name, None)
        if not asked or not request.user.has_perm("devices.add_devicegroup"):
            return super().buttons(request)
        page = reverse("admin:devices_devicegroup_add")
        url = f"{page}?{urlencode({'from': asked.urlencode()})}"
        return [*super().buttons(request), (url, "Save as smart group")]

    def shown(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the names of the columns to show to this person."""
        kept = getattr(request.user, "list_columns", {})
        return columns.chosen(request.GET.get(COLUMNS), kept.get(columns.LIST))

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return [columns.COLUMNS[name].as_display for name in self.shown(request)]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Device]:
        rows: QuerySet[Device] = super().get_queryset(request)
        return columns.fetched(rows, self.shown(request))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Device], search_term: str
    ) -> tuple[QuerySet[Device], bool]:
        return search(queryset, search_term), False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        shown = set(self.shown(request))
        choices = [
            (column.name, column.title, column.name in shown)
            for column in columns.COLUMNS.values()
            if column.name != columns.FIRST
        ]
        asked = request.GET.copy()
        asked.pop(COLUMNS, None)
        asked.pop("o", None)  # it counts columns
        context = {"list_columns": choices, "list_query": asked.urlencode()}
        return super().changelist_view(request, {**context, **(extra_context or {})})
