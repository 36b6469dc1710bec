"""Secret: what is kept of which device; a value is never shown in a list."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from ..models import Secret
from .base import ReadOnlyAdmin, moment


@admin.register(Secret)
class SecretAdmin(ReadOnlyAdmin):
    list_display = (
        "kind",
        "device_label",
        "device",
        moment("created_at", "kept since"),
        moment("replaced_at", "replaced"),
    )
    list_filter = ("kind", ("replaced_at", admin.EmptyFieldListFilter))
    list_select_related = ("device",)
    search_fields = ("device_label", "device__name")
    search_help_text = "Search serial number or name"
    fields = ("kind", "device_label", "device", "created_at", "replaced_at")
    readonly_fields = fields
    empty = (
        "key",
        "No secrets are kept",
        "Unlock tokens, bootstrap tokens and bypass codes appear when devices hand "
        "them over. They stay, encrypted, when a device is deleted.",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Secret]:
        """Leave the values where they are: none is decrypted to draw a list."""
        rows: QuerySet[Secret] = super().get_queryset(request)
        return rows.defer("value")
