"""Certificate authority: what issues the identities of devices."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from devices.admin.base import ReadOnlyAdmin, badge

from ..models import CertificateAuthority


@admin.register(CertificateAuthority)
class CertificateAuthorityAdmin(ReadOnlyAdmin):
    list_display = ("fingerprint", "state", "created_at", "not_after")
    fields = ("fingerprint", "state", "created_at", "not_after")
    readonly_fields = fields
    empty = (
        "verified_user",
        "There is no certificate authority yet",
        "It is made by itself when it is first needed.",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[CertificateAuthority]:
        rows: QuerySet[CertificateAuthority] = super().get_queryset(request)
        return rows.defer("private_key")

    @admin.display()
    def state(self, ours: CertificateAuthority) -> SafeString:
        if ours.not_after <= timezone.now():
            return badge("expired", "bad")
        newest = CertificateAuthority.objects.values_list("pk", flat=True).first()
        return badge("in force", "ok") if ours.pk == newest else badge("still believed")
