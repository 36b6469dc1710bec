"""Order: what was wanted of many, how far it has come, and what can be done with it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html
from django.utils.safestring import SafeString

from devices.admin.base import LongPaginator, ReadOnlyAdmin, moment

from .. import answers, live, progress, refusals, terms, words
from ..models import Delivery, Order, Recipient
from ..ordering import rights
from . import acting
from .filters import OrderedFilter, OrderStateFilter, TypeFilter
from .recipient import recipients_url
from .review import refused_csv, review

SHOWN = 50
"""Deliveries on an order's page; the list has all of them."""

State = Order.State


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = (
        "title",
        "audience",
        "state_badge",
        "outcome",
        "by",
        moment("ordered_at", "ordered"),
        "note",
    )
    list_filter = (OrderStateFilter, TypeFilter, OrderedFilter)
    list_select_related = ("ordered_by",)
    search_fields = ("request_type", "audience", "note", "ordered_by__username")
    search_help_text = "Search command, audience, note or person"
    ordering = ("-ordered_at", "-pk")
    paginator = LongPaginator
    details_template = "commands/order.html"
    custom_urls = (
        ("<int:pk>/review/", "commands_order_review", review),
        ("<int:pk>/refused/", "commands_order_refused", refused_csv),
        ("<int:pk>/act/", "commands_order_act", acting.act),
    )
    empty = (
        "receipt_long",
        "Nothing was ordered yet",
        "What people order is listed here, with how far it has come. What the portal "
        "asks by itself is in the queue.",
    )
    empty_button = ("admin:commands_command_order", "Send a command")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        """Drafts are their makers' own. The keys may be secret: they are decrypted on
        an order's own page alone."""
        rows: QuerySet[Order] = super().get_queryset(request)
        theirs = rights.drafts_of_others(request.user)
        return rows.exclude(theirs).defer("keys_plist", "passwords_plist")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who sees what devices are told sees orders, and everybody their own."""
        is_theirs = obj is not None and obj.ordered_by_id == request.user.pk
        return is_theirs or rights.sees_orders(request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def prepare(self, rows: Sequence[Any]) -> None:
        """Add the progress of a page's orders, by one statement for all."""
        found = progress.of_orders(rows)
        for row in rows:
            row.progress = found[row.pk]

    # --- The list

    @admin.display(description="command", ordering="request_type")
    def title(self, order: Order) -> SafeString:
        text = '{} <code class="mp-apples">{}</code>'
        return format_html(text, words.title(order.request_type), order.request_type)

    title.plain = lambda order: order.request_type  # type: ignore[attr-defined]

    @admin.display(description="state", ordering="state")
    def state_badge(self, order: Any) -> SafeString:
        return live.order_state(order.progress)

    state_badge.plain = Order.get_state_display  # type: ignore[attr-defined]

    @admin.display(description="progress")
    def outcome(self, order: Any) -> SafeString:
        cell = live.order_cell(order.progress)
        return format_html('<div style="min-width: 220px">{}</div>', cell)

    outcome.plain = lambda order: order.progress.words  # type: ignore[attr-defined]

    @admin.display(description="ordered by", ordering="ordered_by__username")
    def by(self, order: Order) -> str:
        return str(order.ordered_by or "portal")

    # --- The page of one

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        order = self.get_object(request, object_id)
        if order is not None and order.state == State.DRAFT:
            return redirect("admin:commands_order_review", order.pk)
        return super().change_view(request, object_id, form_url, extra_context)

    def details(self, request: HttpRequest, order: Order) -> dict[str, Any]:
        deliveries = Delivery.objects.filter(command__order=order).select_related(
            "channel__enrollment__device"
        )
        shown = progress.of_order(order)
        return {
            "title": f"{order.title}: {order.audience or 'devices chosen'}",
            "command": order.title,
            "summary": words.summary(order.request_type),
            "consequence": words.consequence(order.request_type, order.keys),
            "destructive": order.is_destructive,
            "state_badge": live.order_state(shown),
            "keys": answers.pretty(order.keys) if order.keys else "",
            "progress": live.order_cell(shown),
            "shown": shown,
            "terms": terms.of(order),
            "refusals": refusals.of(order) if order.refused else [],
            "refused_url": recipients_url(order, Recipient.State.REFUSED),
            "all_url": recipients_url(order),
            "rows": [(row, live.state_cell(row)) for row in deliveries[:SHOWN]],
            "repeated": list(order.repeated.exclude(state=State.DRAFT)[:SHOWN]),
            "offered": self._offered(request, order, shown),
        }

    def _offered(
        self, request: HttpRequest, order: Order, shown: progress.OrderProgress
    ) -> Mapping[str, bool]:
        """Return which buttons make sense, and are this account's to press."""
        state = order.state
        makes_sense: Iterable[tuple[str, bool]] = (
            ("approve", state == State.AWAITING),
            ("reject", state == State.AWAITING),
            ("go_on", state == State.PAUSED),
            ("cancel", state in CANCELLABLE or shown.unsent > 0),
            ("repeat", state in OVER and shown.repeatable > 0),
        )
        return {
            name: sense and rights.may(request.user, name, order)
            for name, sense in makes_sense
        }


CANCELLABLE = (State.AWAITING, State.RUNNING, State.PAUSED)
OVER = (State.DONE, State.CANCELLED)
