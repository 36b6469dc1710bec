"""Ways in: where devices enroll, as what, and with which rights."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.safestring import SafeString

from devices.admin.base import Admin, badge
from devices.models import DeviceGroup, Enrollment
from mdmportal import qr

from .. import download as downloads
from .. import profiles
from ..forms import WayForm, is_used
from ..models import EnrollmentProfile, Route

# By the challenge it answered: an enrollment keeps no more than its way's name.
STAY = "challenges__identity__enrollment"
ENROLLED = Count(
    STAY, filter=Q(**{f"{STAY}__state": Enrollment.State.ACTIVE}), distinct=True
)


def download(request: HttpRequest, model_admin: "WayAdmin", pk: int) -> HttpResponse:
    """Hand out a profile for one device, made now."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    way = get_object_or_404(EnrollmentProfile, pk=pk)
    if way.is_account_driven:
        messages.error(request, "Its profile goes to devices whose person signed in.")
        return redirect("admin:enrollment_enrollmentprofile_change", pk)
    try:
        return downloads.respond(way, downloads.make(way))
    except profiles.NotReady as problem:
        messages.error(request, str(problem))
        return redirect("admin:enrollment_enrollmentprofile_change", pk)


FIELDSETS: Any = (
    (None, {"fields": ("name", "kind", "description", "is_enabled", "code")}),
    (
        "Who may enroll",
        {"fields": ("requires_sign_in", "is_listed", "device_group")},
    ),
    (
        "Signing in",
        {
            "classes": ("mp-only-account",),
            "fields": (
                "method",
                "session_days",
                "remove_after_days",
                "unenroll_after_days",
            ),
            "description": "Account-driven ways only: people sign in, in Settings, and "
            "from time to time again.",
        },
    ),
    ("What IT may do", {"classes": ("mp-not-own",), "fields": ("rights",)}),
    (
        "Users of Macs and Shared iPads",
        {
            "classes": ("mp-not-own",),
            "fields": ("network_users", "manages_shared_users"),
            "description": "Each user who is managed gets commands and profiles of "
            "their own. A change counts from the next login.",
        },
    ),
    (
        "What owners may do",
        {"fields": ("owner_may_lock", "owner_may_remove")},
    ),
)
"""portal.css shows what concerns the kind that is chosen."""


@admin.register(EnrollmentProfile)
class WayAdmin(Admin):
    form = WayForm
    list_display = ("name", "state", "kind", "address", "enrolled")
    list_filter = ("is_enabled", "kind")
    search_fields = ("name", "code")
    ordering = ("name", "pk")
    autocomplete_fields = ("device_group",)
    fieldsets = FIELDSETS
    change_form_outer_before_template = "enrollment/way.html"
    custom_urls = (
        ("<int:pk>/profile/", "enrollment_enrollmentprofile_download", download),
    )
    empty = (
        "qr_code_2",
        "There is no way in yet",
        "A way in is an address with a QR code where devices enroll, and what the "
        "portal may do on them.",
    )
    empty_button = ("admin:enrollment_enrollmentprofile_add", "Add a way in")

    def formfield_for_foreignkey(
        self, db_field: Any, request: HttpRequest, **options: Any
    ) -> Any:
        """Devices join groups that are filled by hand, not by conditions."""
        if db_field.name == "device_group":
            options["queryset"] = DeviceGroup.static()
        return super().formfield_for_foreignkey(db_field, request, **options)

    def get_queryset(self, request: HttpRequest) -> QuerySet[EnrollmentProfile]:
        rows: QuerySet[EnrollmentProfile] = super().get_queryset(request)
        return rows.annotate(devices=ENROLLED)

    @admin.display(ordering="is_enabled")
    def state(self, way: EnrollmentProfile) -> SafeString:
        return badge("open", "ok") if way.is_enabled else badge("closed")

    @admin.display()
    def address(self, way: EnrollmentProfile) -> str:
        return way.url

    @admin.display(description="enrolled now", ordering="devices")
    def enrolled(self, way: EnrollmentProfile) -> int:
        return int(way.devices)  # type: ignore[attr-defined]

    def has_delete_permission(
        self, request: HttpRequest, obj: EnrollmentProfile | None = None
    ) -> bool:
        """A way that devices came by is what tells how they came: it is closed."""
        if obj is not None and is_used(obj):
            return False
        return bool(super().has_delete_permission(request, obj))

    def details(self, request: HttpRequest, way: EnrollmentProfile) -> dict[str, Any]:
        return {
            "way": way,
            "state": self.state(way),
            "qr": qr.svg(way.url),
            "used": is_used(way),
            "routes": _routes(way) if way.is_account_driven else (),
        }


def _routes(way: EnrollmentProfile) -> QuerySet[Route]:
    """Return by which mail domains devices find the way."""
    return way.routes.select_related("domain").order_by("domain__name", "model_family")
