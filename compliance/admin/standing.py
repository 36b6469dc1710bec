"""Standings: which device stands how with which policy, and why."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html
from django.utils.safestring import SafeString

from devices.admin.base import LongPaginator, ReadOnlyAdmin, badge, moment
from devices.admin.search import search
from devices.models import Device

from ..live import TONES
from ..models import Policy, Standing
from .filters import PlatformFilter, PolicyFilter, StateFilter


@admin.register(Standing)
class StandingAdmin(ReadOnlyAdmin):
    list_display = (
        "to",
        "policy",
        "state_label",
        "why",
        moment("since"),
        moment("checked_at", "written"),
    )
    list_display_links = None
    list_filter = (StateFilter, ("policy", PolicyFilter), PlatformFilter)
    list_select_related = ("device", "policy")
    search_fields = ("device__search_text",)
    search_help_text = "Name, serial, UDID, person"
    ordering = ("-since", "-pk")
    paginator = LongPaginator
    csv_ids = ("device_id", "policy_id")
    empty = (
        "verified_user",
        "No device has been judged yet",
        "Policies say what devices must be. How each device stands with each policy is "
        "listed here.",
    )
    empty_button = ("admin:compliance_policy_changelist", "See the policies")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Standing]:
        rows: QuerySet[Standing] = super().get_queryset(request)
        return rows.defer(*Policy.SECRETS_JOINED)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Standing], search_term: str
    ) -> tuple[QuerySet[Standing], bool]:
        if not search_term.strip():
            return queryset, False
        found = search(Device.objects.order_by(), search_term)
        return queryset.filter(device__in=found.values("pk")), False

    @admin.display(description="device", ordering="device__name")
    def to(self, standing: Standing) -> SafeString:
        url = f"{standing.device.get_absolute_url()}?tab=compliance"
        return format_html('<a class="mp-link" href="{}">{}</a>', url, standing.device)

    to.plain = lambda standing: str(standing.device)  # type: ignore[attr-defined]

    @admin.display(description="state", ordering="state")
    def state_label(self, standing: Standing) -> SafeString:
        return badge(standing.get_state_display(), TONES[standing.state])

    state_label.plain = lambda row: row.get_state_display()  # type: ignore[attr-defined]

    @admin.display(description="why")
    def why(self, standing: Standing) -> str:
        return standing.words or "-"

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A verdict is shown where the device's others are."""
        row = self.get_object(request, object_id)
        if row is None:
            return super().change_view(request, object_id, form_url, extra_context)
        return redirect(f"{row.device.get_absolute_url()}?tab=compliance")
