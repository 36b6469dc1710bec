"""Identity: the certificates of devices. What is done about one: enrollment.admin."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from ..models import Identity
from .base import LongPaginator, ReadOnlyAdmin, moment
from .filters import ExpiryFilter


class IdentityList(ReadOnlyAdmin):
    list_display = (
        "subject",
        "device",
        moment("not_before", "issued"),
        moment("not_after", "expires"),
        moment("revoked_at", "revoked"),
    )
    list_filter = (ExpiryFilter, ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("enrollment__device",)
    search_fields = (
        "subject",
        "serial_number",
        "fingerprint",
        "enrollment__device__name",
        "enrollment__device__serial_number",
    )
    search_help_text = "Search subject, fingerprint or device"
    fields = (
        "subject",
        "device",
        "enrollment",
        "serial_number",
        "fingerprint",
        "not_before",
        "not_after",
        "revoked_at",
        "created_at",
    )
    readonly_fields = fields
    paginator = LongPaginator
    empty = (
        "badge",
        "No identities yet",
        "A device gets a certificate of its own when it enrolls; it is listed here.",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Identity]:
        rows: QuerySet[Identity] = super().get_queryset(request)
        return rows.defer("certificate")

    @admin.display(ordering="enrollment__device__name")
    def device(self, identity: Identity) -> str:
        return str(identity.enrollment.device) if identity.enrollment else "not used"
