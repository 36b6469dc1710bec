"""Apple Business Manager keys: by which Apple believes what devices say of us."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.safestring import SafeString

from devices.admin.base import Admin, badge, moment
from devices.models import AuditEntry

from .. import tokens
from ..models import BusinessKey


def download(
    request: HttpRequest, model_admin: "BusinessKeyAdmin", pk: int
) -> HttpResponse:
    """Hand out the certificate to upload; it is no secret."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    key = get_object_or_404(BusinessKey.objects.defer("private_key"), pk=pk)
    response = HttpResponse(key.pem, content_type="application/x-pem-file")
    response["Content-Disposition"] = f'attachment; filename="mdm-portal-{pk}.pem"'
    return response


@admin.register(BusinessKey)
class BusinessKeyAdmin(Admin):
    list_display = ("name", "state", "server_uuid", moment("not_after", "valid until"))
    ordering = ("-pk",)
    change_form_outer_before_template = "enrollment/business.html"
    custom_urls = (
        (
            "<int:pk>/certificate/",
            "enrollment_businesskey_certificate",
            download,
        ),
    )
    empty = (
        "storefront",
        "There is no Apple Business Manager key yet",
        "With one, Managed Apple Accounts can be kept to devices that are managed "
        "here: a device asks for a token, and Apple knows it for yours by the key.",
    )
    empty_button = ("admin:enrollment_businesskey_add", "Make a key")

    def get_queryset(self, request: HttpRequest) -> QuerySet[BusinessKey]:
        """The private key stays where it is: no page shows it."""
        rows: QuerySet[BusinessKey] = super().get_queryset(request)
        return rows.defer("private_key")

    def get_fields(
        self, request: HttpRequest, obj: BusinessKey | None = None
    ) -> tuple[str, ...]:
        """The certificate comes first: Apple gives the UUID for it."""
        return ("name", "server_uuid") if obj else ("name",)

    @admin.display()
    def state(self, key: BusinessKey) -> SafeString:
        if key.not_after <= timezone.now():
            return badge("expired", "bad")
        if key.server_uuid is None:
            return badge("waits for the server UUID", "warn")
        in_use = BusinessKey.in_use()
        return badge("in use", "ok") if in_use == key else badge("replaced")

    def save_model(
        self, request: HttpRequest, obj: BusinessKey, form: Any, change: bool
    ) -> None:
        if not change:
            made = tokens.new_key(obj.name)
            obj.certificate, obj.private_key = made.certificate, made.private_key
            obj.fingerprint, obj.not_after = made.fingerprint, made.not_after
        super().save_model(request, obj, form, change)
        verb = "changed" if change else "made"
        AuditEntry.write(request.user, f"{verb} an Apple Business Manager key", obj)

    def response_add(
        self,
        request: HttpRequest,
        obj: BusinessKey,
        post_url_continue: str | None = None,
    ) -> HttpResponse:
        """Go on to its page, where the next step is."""
        messages.success(request, "The key is made. Its certificate is to be uploaded.")
        return redirect(obj.get_absolute_url())

    def details(self, request: HttpRequest, row: BusinessKey) -> dict[str, Any]:
        return {"key": row, "state": self.state(row)}
