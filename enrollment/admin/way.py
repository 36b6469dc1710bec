"""Ways in: where devices enroll, as what, and with which rights."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.safestring import SafeString

from devices.admin.base import Admin, ReadOnlyAdmin, badge
from devices.models import Enrollment

from . import profiles, qr
from .download import respond
from .forms import WayForm
from .models import CertificateAuthority, EnrollmentProfile

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
    try:
        return respond(way)
    except profiles.NotReady as problem:
        messages.error(request, str(problem))
        return redirect("admin:enrollment_enrollmentprofile_change", pk)


@admin.register(EnrollmentProfile)
class WayAdmin(Admin):
    form = WayForm
    list_display = ("name", "state", "address", "enrolled")
    list_filter = ("is_enabled",)
    search_fields = ("name", "code")
    ordering = ("name", "pk")
    fields = ("name", "description", "is_enabled", "rights", "code")
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

    def details(self, request: HttpRequest, way: EnrollmentProfile) -> dict[str, Any]:
        return {"way": way, "state": self.state(way), "qr": qr.svg(way.url)}


@admin.register(CertificateAuthority)
class CertificateAuthorityAdmin(ReadOnlyAdmin):
    list_display = ("fingerprint", "created_at", "not_after")
    fields = ("fingerprint", "created_at", "not_after")
    readonly_fields = fields
    empty = (
        "verified_user",
        "There is no certificate authority yet",
        "It is made by itself when it is first needed.",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[CertificateAuthority]:
        rows: QuerySet[CertificateAuthority] = super().get_queryset(request)
        return rows.defer("private_key")
