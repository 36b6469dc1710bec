"""Case: the list of what happened to devices, and each as it went."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.safestring import SafeString

from devices.admin.base import LongPaginator, ReadOnlyAdmin, badge, moment
from devices.admin.filters import Table, TableFilter

from ..guided import facts, history
from ..guided.workflows import WORKFLOWS
from ..models import Case
from .guided import VIEW, event_cell


class OpenFilter(TableFilter):
    """The list opens on the cases that somebody is at."""

    title = "state"
    parameter_name = "state"

    def table(self) -> Table:
        return {
            "open": ("Open", Q(closed_at=None)),
            "closed": ("Closed", Q(closed_at__isnull=False)),
            "all": ("All", Q()),
        }

    def value(self) -> str:
        return super().value() or "open"


class KindFilter(TableFilter):
    title = "what happened"
    parameter_name = "kind"

    def table(self) -> Table:
        return {
            each.name: (each.title, Q(kind=each.name)) for each in WORKFLOWS.values()
        }


@admin.register(Case)
class CaseAdmin(ReadOnlyAdmin):
    list_display = (
        "what",
        "device",
        "person",
        moment("opened_at", "since"),
        "opened_by",
        "stands",
    )
    list_filter = (OpenFilter, KindFilter)
    list_select_related = ("device__owner", "opened_by", "closed_by")
    search_fields = ("device__search_text", "note")
    search_help_text = "Search device or note"
    ordering = ("-opened_at", "-pk")
    paginator = LongPaginator
    details_template = "commands/guided/case.html"
    empty = (
        "support",
        "No case is open",
        "A case leads through the right commands when a device is lost or stolen, when "
        "somebody leaves or a device changes hands. It is opened on a device's page: "
        "“Something happened…”.",
    )
    empty_button = ("admin:devices_device_changelist", "Choose a device")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A case is what happened to a device: who sees that sees this."""
        return request.user.has_perm(VIEW)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Case]:
        rows: QuerySet[Case] = super().get_queryset(request)
        return rows.defer("device__search_text")

    @admin.display(description="what happened", ordering="kind")
    def what(self, case: Case) -> str:
        return WORKFLOWS[case.kind].title

    @admin.display(description="person")
    def person(self, case: Case) -> str:
        return str(case.device.owner or "-")

    @admin.display(description="state")
    def stands(self, case: Case) -> SafeString:
        if case.is_open:
            return badge("open", "warn")
        return badge(case.get_outcome_display(), "mute")

    stands.plain = lambda case: case.get_outcome_display() or "open"  # type: ignore[attr-defined]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """What is open is gone on with; what is closed is looked at."""
        case = self.get_object(request, object_id)
        if case and case.is_open and self.has_view_permission(request, case):
            return redirect(case)
        return super().change_view(request, object_id, form_url, extra_context)

    def details(self, request: HttpRequest, case: Case) -> dict[str, Any]:
        its = facts.of(case.device, case)
        return {
            "title": str(case),
            "workflow": WORKFLOWS[case.kind],
            "events": [(one, event_cell(one)) for one in history.events(its)],
        }
