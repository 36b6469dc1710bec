"""Channel: the managed users of Macs and Shared iPads, and the page of each."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.decorators import display

from apns.tasks import ask_for_push
from devices.admin.base import LongPaginator, ReadOnlyAdmin
from devices.admin.enrollment import state_badge
from devices.models import Channel, Enrollment

from .. import device_page, queue
from . import asking

NOT_OPEN = "This user is not managed any more: nothing can be sent to them."


@require_POST
def ask(request: HttpRequest, model_admin: "ChannelAdmin", pk: int) -> HttpResponse:
    """Ask the user's channel again for what the inventory holds of them."""
    channel = model_admin.channel_to_order(request, pk)
    if channel:
        asking.ask(request, channel)
    return asking.back(request, reverse("admin:devices_channel_change", args=[pk]))


@require_POST
def push(request: HttpRequest, model_admin: "ChannelAdmin", pk: int) -> HttpResponse:
    """Push at once: it wakes the agent of a user who is logged in."""
    channel = model_admin.channel_to_order(request, pk)
    if channel and channel.can_be_pushed:
        queue.waken([channel.pk])
        ask_for_push()
        messages.success(request, "Push asked for.")
    elif channel:
        messages.error(request, device_page.push_trouble(channel))
    return asking.back(request, reverse("admin:devices_channel_change", args=[pk]))


@admin.register(Channel)
class ChannelAdmin(ReadOnlyAdmin):
    """Only users: the device's own channel is the device's page."""

    list_display = ("title", "device", "person", "state", "last_seen")
    list_select_related = ("enrollment__device", "person")
    search_fields = (
        "user_short_name",
        "user_long_name",
        "user_id",
        "enrollment__device__name",
        "enrollment__device__serial_number",
        "person__username",
        "person__email",
    )
    search_help_text = "User, Mac, person"
    ordering = ("user_long_name", "user_short_name", "pk")
    paginator = LongPaginator
    details_template = "devices/user/page.html"
    actions = ("send",)
    custom_urls = (
        ("<int:pk>/ask/", "devices_channel_ask", ask),
        ("<int:pk>/push/", "devices_channel_push", push),
    )
    empty = (
        "person",
        "No managed user yet",
        "A user of a Mac is managed who enrolled it, or whose network account the "
        "portal knows; on a Shared iPad, everyone who logs in.",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Channel]:
        rows: QuerySet[Channel] = super().get_queryset(request)
        return rows.exclude(user_id="").select_related("enrollment__device", "person")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who sees a device sees its users."""
        return bool(request.user.has_perm("devices.view_device"))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_order_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("commands.add_command")

    @admin.action(description="Send a command…", permissions=["order"])
    def send(self, request: HttpRequest, queryset: QuerySet[Channel]) -> HttpResponse:
        """Go on to what they are told: those chosen, or all that the list finds."""
        if request.POST.get("select_across") == "1":
            chosen = {"userlist": request.GET.urlencode()}
        else:
            ids = queryset.values_list("pk", flat=True)
            chosen = {"users": ",".join(map(str, ids))}
        path = reverse("admin:commands_command_order")
        return redirect(f"{path}?{urlencode(chosen)}")

    def channel_to_order(self, request: HttpRequest, pk: int) -> Channel | None:
        """Return the channel for who may order; say if it is closed."""
        if not request.user.has_perm("commands.add_command"):
            raise PermissionDenied
        channel = get_object_or_404(self.get_queryset(request), pk=pk)
        if channel.enrollment.state != Enrollment.State.ACTIVE:
            messages.error(request, NOT_OPEN)
            return None
        return channel

    @display(description="user", ordering="user_long_name", header=True)  # type: ignore[untyped-decorator, unused-ignore]
    def title(self, channel: Channel) -> tuple[str, str]:
        return channel.user_name, channel.user_short_name

    @admin.display(ordering="enrollment__device__name")
    def device(self, channel: Channel) -> str:
        return str(channel.enrollment.device)

    @admin.display(description="device is")
    def state(self, channel: Channel) -> SafeString:
        return state_badge(channel.enrollment)

    @admin.display(description="last seen", ordering="last_seen_at")
    def last_seen(self, channel: Channel) -> str:
        seen = channel.last_seen_at
        return str(naturaltime(seen)) if seen else "never"

    last_seen.plain = lambda row: row.last_seen_at  # type: ignore[attr-defined]

    def details(self, request: HttpRequest, channel: Channel) -> dict[str, Any]:
        return {
            "title": channel.user_name,
            **device_page.user_context(channel, request.user, request.GET),
        }
