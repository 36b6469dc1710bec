"""Command: what was ordered, by whom, and what became of it; and ordering itself."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from devices.admin.base import LongPaginator, ReadOnlyAdmin, moment

from .. import answers, live, progress, words
from ..models import Command
from . import choosing, filling
from .custom import custom
from .filters import OrderedFilter, TypeFilter

SHOWN = 50
"""Deliveries on an order's page; the list has all of them."""


def _outcome(command: Any) -> str:
    shown: progress.Progress = command.progress
    return ", ".join(f"{share.count} {share.state.label}" for share in shown.shares)


@admin.register(Command)
class CommandAdmin(ReadOnlyAdmin):
    list_display = (
        "request_type",
        "what",
        "ordered_by",
        moment("ordered_at", "ordered"),
        "outcome",
    )
    list_filter = (TypeFilter, OrderedFilter)
    list_select_related = ("ordered_by",)
    search_fields = ("request_type", "note", "ordered_by__username")
    search_help_text = "Search command, note or person"
    ordering = ("-ordered_at", "-pk")
    paginator = LongPaginator
    details_template = "commands/command.html"
    custom_urls = (
        ("order/", "commands_command_order", choosing.choose),
        ("custom/", "commands_command_custom", custom),
        ("order/<str:request_type>/", "commands_command_order_form", filling.fill),
    )
    empty = (
        "send",
        "Nothing was ordered yet",
        "What people and the portal order is listed here, with what became of it.",
    )
    empty_button = ("admin:commands_command_order", "Send a command")

    def prepare(self, rows: Sequence[Any]) -> None:
        """Add the progress of a page's orders, by one statement for all."""
        found = progress.of(row.pk for row in rows)
        for row in rows:
            row.progress = found[row.pk]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Command]:
        """The keys may be secret: they are decrypted on an order's own page alone."""
        rows: QuerySet[Command] = super().get_queryset(request)
        return rows.defer("keys_plist")

    @admin.display(description="")
    def what(self, command: Command) -> str:
        return command.note or words.summary(command.request_type)

    @admin.display(description="outcome")
    def outcome(self, command: Command) -> SafeString:
        shown: progress.Progress = command.progress  # type: ignore[attr-defined]
        cell = live.progress_cell(shown)
        return format_html('<div style="min-width: 220px">{}</div>', cell)

    outcome.plain = _outcome  # type: ignore[attr-defined]

    def details(self, request: HttpRequest, command: Command) -> dict[str, Any]:
        deliveries = command.deliveries.select_related("channel__enrollment__device")
        shown = progress.of([command.pk])[command.pk]
        return {
            "title": words.title(command.request_type),
            "command": words.title(command.request_type),
            "summary": words.summary(command.request_type),
            "keys": answers.pretty(command.keys) if command.keys else "",
            "progress": live.progress_cell(shown),
            "total": shown.total,
            "rows": [(row, live.state_cell(row)) for row in deliveries[:SHOWN]],
        }
