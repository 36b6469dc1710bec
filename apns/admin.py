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
    details_template = "apns/certificate.html"
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
        if certificate.is_stopped:
            return badge("refused by Apple", "bad")
        if certificate.is_expired:
            return badge("expired", "bad")
        return badge("in use", "ok")

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

    def details(
        self, request: HttpRequest, certificate: PushCertificate
    ) -> dict[str, Any]:
        return {
            "title": "Push certificate",
            "state": self.state(certificate),
            "enrolled": _enrolled_with(certificate).count(),
            "may_upload": self.has_add_permission(request),
        }

    def has_delete_permission(
        self, request: HttpRequest, obj: PushCertificate | None = None
    ) -> bool:
        """Never one that devices are enrolled with: they could not be reached again."""
        if obj is None:
            return False  # nor several at once
        may = bool(super().has_delete_permission(request, obj))
        return may and not _enrolled_with(obj).exists()


def _enrolled_with(certificate: PushCertificate) -> QuerySet[Enrollment]:
    return Enrollment.objects.filter(
        state=Enrollment.State.ACTIVE, topic=certificate.topic
    )
