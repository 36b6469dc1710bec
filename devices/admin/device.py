"""Device: the list of all hardware. Its own page needs the queue: commands.admin."""

from django.contrib import admin
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.db.models import OuterRef, Prefetch, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display

from ..models import Channel, Device, Enrollment, present_stay
from .base import Admin
from .enrollment import state_badge
from .filters import (
    PlatformFilter,
    SeenFilter,
    StateFilter,
    SupervisedFilter,
    ValuesFilter,
)

LAST_SEEN = Subquery(
    Channel.objects.filter(enrollment__device=OuterRef("pk"), user_id="")
    .order_by("-enrollment__opened_at", "-enrollment_id")
    .values("last_seen_at")[:1]
)
"""Only for sorting: a page's rows get theirs by two statements for all of them."""


class DeviceList(Admin):
    list_display = (
        "title",
        "serial_number",
        "system",
        "owner",
        "state",
        "supervised",
        "last_seen",
    )
    list_filter = (
        StateFilter,
        PlatformFilter,
        SeenFilter,
        SupervisedFilter,
        ("owner", admin.EmptyFieldListFilter),
        ("os_version", ValuesFilter),
    )
    list_select_related = ("owner",)
    ordering = ("name", "pk")
    search_fields = (
        "name",
        "serial_number",
        "udid",
        "enrollment_id",
        "imei",
        "wifi_mac",
        "owner__username",
        "owner__first_name",
        "owner__last_name",
        "owner__email",
    )
    search_help_text = "Name, serial, UDID, IMEI, MAC, owner"
    list_per_page = 50
    empty = (
        "devices",
        "No device here yet",
        "A device appears when it enrolls: open the address or QR code of a way in on "
        "it. It cannot be added by hand.",
    )
    empty_button = ("admin:enrollment_enrollmentprofile_changelist", "See the ways in")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: Device | None = None
    ) -> bool:
        return bool(request.user.is_superuser)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Device]:
        rows: QuerySet[Device] = super().get_queryset(request)
        channels = Prefetch("channels", Channel.objects.filter(user_id=""))
        stays = Enrollment.objects.order_by("-opened_at", "-pk")
        return rows.prefetch_related(
            Prefetch("enrollments", stays.prefetch_related(channels))
        )

    @display(description="device", ordering="name", header=True)  # type: ignore[untyped-decorator, unused-ignore]
    def title(self, device: Device) -> tuple[str, str]:
        model = device.model_name or device.product_name or device.model
        return str(device), model or "model unknown"

    @admin.display(ordering="os_version")
    def system(self, device: Device) -> str:
        return f"{device.platform} {device.os_version}".strip() or "-"

    @admin.display()
    def state(self, device: Device) -> SafeString:
        return state_badge(newest(device))

    @admin.display(ordering="is_supervised")
    def supervised(self, device: Device) -> str:
        return {True: "yes", False: "no"}.get(device.is_supervised, "-")  # type: ignore[arg-type]

    @admin.display(description="last seen", ordering=LAST_SEEN)
    def last_seen(self, device: Device) -> str:
        stay = newest(device)
        channel = next(iter(stay.channels.all()), None) if stay else None
        seen = channel.last_seen_at if channel else None
        return str(naturaltime(seen)) if seen else "never"


def newest(device: Device) -> Enrollment | None:
    """Return the device's present or last stay; of prefetched rows without a query."""
    return present_stay(device.enrollments.all())
