"""Delivery: the queue, one row for each channel's copy of a command."""

from collections import Counter
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from devices.admin.base import LongPaginator, ReadOnlyAdmin, moment
from mdmportal.protocol.connect import Status

from .. import answers, errors, live, queue, repeating, words
from ..models import Delivery, Result, State
from ..results import sayings
from .filters import DeliveryTypeFilter, QueuedFilter, SettledFilter, StateFilter

MOST_REPEATED = 500
NOTHING = (
    "inbox",
    "Nothing waits",
    "Whatever devices were told, they have answered. What they are told next waits "
    "here until they connect.",
)


@require_POST
def act(request: HttpRequest, model_admin: "DeliveryAdmin", pk: int) -> HttpResponse:
    """Cancel or repeat one delivery, as its page's buttons ask."""
    rows = model_admin.get_queryset(request).filter(pk=pk)
    if "cancel" in request.POST and model_admin.has_cancel_permission(request):
        model_admin.cancel(request, rows)
    elif "repeat" in request.POST and model_admin.has_repeat_permission(request):
        model_admin.repeat(request, rows)
    else:
        messages.error(request, "Your account may not do this.")
    return redirect("admin:commands_delivery_change", pk)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = (
        "command_type",
        "device",
        "user",
        "live_state",
        moment("queued_at", "queued"),
        "by",
    )
    list_filter = (StateFilter, DeliveryTypeFilter, QueuedFilter, SettledFilter)
    list_select_related = ("command__ordered_by", "channel__enrollment__device")
    search_fields = (
        "uuid",
        "channel__enrollment__device__name",
        "channel__enrollment__device__serial_number",
        "channel__user_short_name",
    )
    search_help_text = "Search device, user or CommandUUID"
    ordering = ("-pk",)
    paginator = LongPaginator
    details_template = "commands/delivery.html"
    show_all = "?state="
    counted = "deliveries"
    actions = ("cancel", "repeat")
    custom_urls = (
        ("live/", "commands_live", live.cells),
        ("<int:pk>/act/", "commands_delivery_act", act),
    )
    empty = (
        "inbox",
        "The queue is empty",
        "What devices are told to do waits here until they connect, and stays with "
        "its answer.",
    )
    empty_button = ("admin:commands_command_order", "Send a command")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Open on what waits; “All” among the states shows the rest."""
        is_plain = request.method == "GET" and not request.GET
        if is_plain and self.has_view_permission(request):
            return redirect(f"{self.list_url}?state=open")
        waits = request.GET.dict() == {"state": "open"}
        context = {"title": "Queue", "nothing": NOTHING if waits else None}
        context |= extra_context or {}
        return super().changelist_view(request, context)

    def buttons(self, request: HttpRequest) -> list[tuple[str, str]]:
        """A list that shows only what waits says how to see all of it."""
        found = super().buttons(request)
        if request.GET.get("state") != "open":
            return [*found, (f"{self.list_url}?state=open", "What waits")]
        return [*found, (f"{self.list_url}{self.show_all}", "All, also what is over")]

    def lookup_allowed(self, lookup: str, value: str, request: Any = None) -> bool:
        """An order's page links to its deliveries."""
        is_ours = lookup == "command__order"
        return is_ours or bool(super().lookup_allowed(lookup, value, request))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        """The keys may be secret: they are decrypted on a delivery's own page alone."""
        rows: QuerySet[Delivery] = super().get_queryset(request)
        return rows.defer("command__keys_plist")

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("commands.change_delivery")

    def has_repeat_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("commands.add_command")

    @admin.display(description="command", ordering="command__request_type")
    def command_type(self, delivery: Delivery) -> str:
        return words.title(delivery.command.request_type)

    command_type.plain = (  # type: ignore[attr-defined]
        lambda delivery: delivery.command.request_type
    )

    @admin.display(ordering="channel__enrollment__device__name")
    def device(self, delivery: Delivery) -> str:
        return str(delivery.channel.enrollment.device)

    @admin.display()
    def user(self, delivery: Delivery) -> str:
        return delivery.channel.user_name or "-"

    @admin.display(description="state", ordering="state")
    def live_state(self, delivery: Delivery) -> SafeString:
        return live.state_cell(delivery)

    live_state.plain = Delivery.get_state_display  # type: ignore[attr-defined]

    @admin.display(description="ordered by")
    def by(self, delivery: Delivery) -> str:
        return str(delivery.command.ordered_by or "portal")

    @admin.action(description="Cancel what is not yet sent", permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        chosen = Delivery.objects.filter(pk__in=queryset.order_by().values("pk"))
        total = chosen.count()
        sent = chosen.filter(state=State.SENT).count()
        cancelled = queue.cancel(chosen)
        settled = total - sent - cancelled
        parts = [f"{cancelled} cancelled."]
        if sent:
            parts.append(f"{sent} already sent: the device may be doing it.")
        if settled:
            parts.append(f"{settled} already settled.")
        level = messages.SUCCESS if cancelled else messages.WARNING
        self.message_user(request, " ".join(parts), level)

    @admin.action(description="Send again what failed", permissions=["repeat"])
    def repeat(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        rows = list(queryset[: MOST_REPEATED + 1])
        if len(rows) > MOST_REPEATED:
            text = f"At most {MOST_REPEATED} at a time: choose fewer."
            self.message_user(request, text, messages.ERROR)
            return
        again = repeating.repeat(rows, by=request.user)
        parts = [f"{again.queued} queued again."]
        reasons = Counter(reason for _, reason in again.refused)
        parts += [f"{count} not: {reason}." for reason, count in reasons.items()]
        level = messages.SUCCESS if again.queued else messages.WARNING
        self.message_user(request, " ".join(parts), level)

    def details(self, request: HttpRequest, delivery: Delivery) -> dict[str, Any]:
        command, channel = delivery.command, delivery.channel
        result = Result.objects.filter(delivery=delivery).first()
        repeatable = repeating.why_not(delivery) == ""
        said = answers.content(result) if result else {}
        not_understood = said.get("Status") == Status.COMMAND_FORMAT_ERROR
        return {
            "title": f"{words.title(command.request_type)} to "
            f"{channel.enrollment.device}",
            "command_title": words.title(command.request_type),
            "command": command,
            "channel": channel,
            "summary": words.summary(command.request_type),
            "state": live.state_cell(delivery),
            "errors": errors.read(delivery.error_chain),
            "explained": errors.explain(
                delivery.error_chain, is_format_error=not_understood
            ),
            "sayings": sayings.of(command.request_type, said),
            "keys": answers.pretty(command.keys) if command.keys else "",
            "result": result,
            "answer": answers.text(result) if result else "",
            "can_cancel": self.has_cancel_permission(request)
            and delivery.state in (State.QUEUED, State.POSTPONED),
            "can_repeat": self.has_repeat_permission(request) and repeatable,
        }
