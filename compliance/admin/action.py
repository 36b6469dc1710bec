"""Actions: what happened because of a policy, and what went wrong."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from devices.admin.base import LongPaginator, ReadOnlyAdmin, badge, moment

from ..models import Action, Policy
from .filters import KindFilter, OutcomeFilter, PolicyFilter

TONES = {
    Action.State.WAITING: "info",
    Action.State.DONE: "ok",
    Action.State.FAILED: "bad",
    Action.State.DROPPED: "mute",
}


def state_badge(state: str) -> SafeString:
    return badge(Action.State(state).label, TONES[Action.State(state)])


@admin.register(Action)
class ActionAdmin(ReadOnlyAdmin):
    list_display = (
        "kind",
        "device",
        "policy",
        "about",
        "outcome",
        "problem",
        "tries",
        moment("created_at", "since"),
        moment("next_at", "next try"),
        moment("settled_at", "settled"),
    )
    list_display_links = None
    list_filter = (OutcomeFilter, KindFilter, ("policy", PolicyFilter))
    list_select_related = ("device", "policy")
    search_fields = ("device__name", "device__serial_number")
    search_help_text = "Search device"
    fields = (
        "kind",
        "device",
        "policy",
        "about",
        "outcome",
        "problem",
        "tries",
        moment("created_at"),
        moment("next_at"),
        moment("settled_at"),
    )
    readonly_fields = fields
    ordering = ("-pk",)
    paginator = LongPaginator
    empty = (
        "bolt",
        "Nothing had to be done yet",
        "What policies do about devices that violate them is listed here for 30 days, "
        "with what became of it.",
    )
    empty_button = ("admin:compliance_policy_changelist", "See the policies")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Action]:
        rows: QuerySet[Action] = super().get_queryset(request)
        return rows.defer(*Policy.SECRETS_JOINED)

    @admin.display(description="outcome", ordering="state")
    def outcome(self, action: Action) -> SafeString:
        return state_badge(action.state)

    outcome.plain = lambda row: row.get_state_display()  # type: ignore[attr-defined]
