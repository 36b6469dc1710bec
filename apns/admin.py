"""Push certificate: what lets us wake devices, its page, and its upload."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.safestring import SafeString

from devices.admin.base import Admin, badge, moment
from devices.models import Enrollment

from . import certificates
from .forms import UploadForm
from .models import PushCertificate

IN_USE = "in use"


@admin.register(PushCertificate)
class PushCertificateAdmin(Admin):
    list_display = (
        "topic",
        "state",
        "apple_account",
        moment("not_after", "valid until"),
        "problem",
    )
    ordering = ("-uploaded_at", "-pk")
    empty = (
        "notifications_active",
        "There is no push certificate yet",
        "Apple wakes devices only for servers that have one. It is free, takes ten "
        "minutes, and must be renewed each year with the same Apple Account.",
    )
    empty_button = ("admin:apns_pushcertificate_add", "Upload a push certificate")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PushCertificate]:
        """The key stays where it is: no page shows it."""
        rows: QuerySet[PushCertificate] = super().get_queryset(request)
        return rows.defer("private_key", "certificate")

    @admin.display()
    def state(self, certificate: PushCertificate) -> SafeString:
        state = state_of(certificate)
        return badge(state, "ok" if state == IN_USE else "bad")

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Take an upload: the first certificate, a renewal, or another topic's."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        renewed = self.get_queryset(request).first()
        account = renewed.apple_account if renewed else ""
        form = UploadForm(
            request.POST if request.method == "POST" else None,
            request.FILES if request.method == "POST" else None,
            renewed=renewed,
            initial={"apple_account": account},
        )
        if request.method == "POST" and form.is_valid() and form.upload:
            return self._take(request, form, form.upload)
        return self.page(
            request,
            "apns/upload.html",
            title="Renew the push certificate" if renewed else "Push certificate",
            form=form,
            renewed=renewed,
        )

    def _take(
        self, request: HttpRequest, form: UploadForm, upload: certificates.Upload
    ) -> HttpResponse:
        account = form.cleaned_data["apple_account"]
        taken = certificates.take(upload, apple_account=account, by=request.user)
        messages.success(
            request,
            f"The push certificate is in use until {taken.not_after:%d %B %Y}.",
        )
        return redirect("admin:apns_pushcertificate_change", taken.pk)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        certificate = self.found(request, object_id)
        if certificate is None:
            return self.is_missing(request, object_id)
        enrolled = Enrollment.objects.filter(
            state=Enrollment.State.ACTIVE, topic=certificate.topic
        )
        return self.page(
            request,
            "apns/certificate.html",
            title="Push certificate",
            object=certificate,
            state=state_of(certificate),
            enrolled=enrolled.count(),
            may_upload=self.has_add_permission(request),
        )

    def has_delete_permission(
        self, request: HttpRequest, obj: PushCertificate | None = None
    ) -> bool:
        """Never one that devices are enrolled with: they could not be reached again."""
        if obj is None:
            return False  # nor several at once
        in_use = Enrollment.objects.filter(
            state=Enrollment.State.ACTIVE, topic=obj.topic
        ).exists()
        return bool(super().has_delete_permission(request, obj)) and not in_use


def state_of(certificate: PushCertificate) -> str:
    """Return whether it can be used, in words."""
    if certificate.is_stopped:
        return "refused by Apple"
    return "expired" if certificate.is_expired else IN_USE
