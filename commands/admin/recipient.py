"""Recipient: the list of all whom an order is for, also as a file."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from devices.admin.base import LongPaginator, ReadOnlyAdmin, badge

from .. import words
from ..models import Order, Recipient
from ..ordering import rights

TONES = {
    Recipient.State.WAITING: "info",
    Recipient.State.QUEUED: "ok",
    Recipient.State.REFUSED: "warn",
    Recipient.State.CANCELLED: "mute",
}


@admin.register(Recipient)
class RecipientAdmin(ReadOnlyAdmin):
    """Reached from an order's page: ``?order=…&state=…``."""

    list_display = ("device_link", "user", "state_badge", "reason", "of_order")
    list_select_related = ("device", "channel", "order")
    list_display_links = None
    list_filter = ("state",)
    search_fields = ("device__name", "device__serial_number")
    search_help_text = "Search device"
    ordering = ("pk",)
    paginator = LongPaginator
    empty = (
        "group",
        "Nobody is here",
        "Whom an order is for is listed from the order's page.",
    )

    def lookup_allowed(self, lookup: str, value: str, request: Any = None) -> bool:
        return lookup == "order" or bool(super().lookup_allowed(lookup, value, request))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Recipient]:
        """Who a draft is for is its maker's alone to see."""
        rows: QuerySet[Recipient] = super().get_queryset(request)
        rows = rows.defer("order__keys_plist", "order__passwords_plist")
        theirs = Order.objects.filter(rights.drafts_of_others(request.user))
        return rows.exclude(order__in=theirs.order_by().values("pk"))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Names of devices are for who may see devices."""
        user = request.user
        return rights.sees_orders(user) and bool(user.has_perm(rights.SEE_DEVICES))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    @admin.display(description="device", ordering="device__name")
    def device_link(self, recipient: Recipient) -> SafeString:
        device = recipient.device
        return format_html('<a href="{}">{}</a>', device.get_absolute_url(), device)

    device_link.plain = lambda row: str(row.device)  # type: ignore[attr-defined]

    @admin.display
    def user(self, recipient: Recipient) -> str:
        channel = recipient.channel
        return channel.user_name if channel and channel.user_id else "-"

    @admin.display(description="state", ordering="state")
    def state_badge(self, recipient: Recipient) -> SafeString:
        tone = TONES[Recipient.State(recipient.state)]
        return badge(recipient.get_state_display(), tone)

    state_badge.plain = Recipient.get_state_display  # type: ignore[attr-defined]

    @admin.display(description="order")
    def of_order(self, recipient: Recipient) -> SafeString:
        order = recipient.order
        title = words.title(order.request_type)
        return format_html('<a href="{}">{}</a>', order.get_absolute_url(), title)

    of_order.plain = lambda row: row.order_id  # type: ignore[attr-defined]


def recipients_url(order: Order, state: str = "") -> str:
    """Return where the recipients of an order are listed, those in a state or all."""
    path = reverse("admin:commands_recipient_changelist")
    asked: dict[str, str | int] = {"order": order.pk}
    if state:
        asked["state__exact"] = state
    return f"{path}?{urlencode(asked)}"
