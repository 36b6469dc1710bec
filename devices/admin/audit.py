"""Audit: who did what, newest first."""

from typing import Any

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from ..models import AuditEntry
from .base import LongPaginator, ReadOnlyAdmin, moment


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = (moment("at"), "actor_name", "action", "target", "what")
    list_filter = ("action", "at")
    search_fields = ("actor_name", "target")
    search_help_text = "Search who and what"
    fields = ("at", "actor_name", "action", "target", "what")
    readonly_fields = fields
    paginator = LongPaginator
    empty = (
        "fact_check",
        "Nothing was done yet",
        "Orders, uploads and changes made by people are written down here, for good.",
    )

    @admin.display(description="details")
    def what(self, entry: AuditEntry) -> SafeString | str:
        details: dict[str, Any] = entry.details
        shown = [(name, value) for name, value in details.items() if value is not None]
        return format_html_join(", ", "{}: {}", shown) or "-"
