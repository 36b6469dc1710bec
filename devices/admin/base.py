"""Base: what the dashboard's lists and pages have in common."""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from unfold.admin import ModelAdmin

COUNTED = 10_000
"""How far long lists are counted: beyond, the number costs more than it tells."""


def badge(text: str, tone: str = "mute") -> SafeString:
    """Return ``text`` as a badge; ``tone`` is ok, info, warn, bad or mute."""
    return format_html('<span class="mp-badge mp-badge--{}">{}</span>', tone, text)


def moment(column: str, title: str = "") -> Callable[[Any], str]:
    """Return a list's column that shows a date and time in the viewer's zone."""

    @admin.display(description=title or column.replace("_", " "), ordering=column)
    def show(row: Any) -> str:
        value = getattr(row, column)
        return date_format(localtime(value), "j M Y, H:i") if value else "-"

    show.__name__ = column
    return show


def ids(texts: Iterable[str]) -> list[int]:
    """Return those texts that can be ids: numbers that fit into a column."""
    return [
        int(text)
        for text in texts
        if text.isascii() and text.isdigit() and len(text) < 19
    ]


class LongPaginator(Paginator):  # type: ignore[type-arg]
    """For lists that grow without end: counts no further than COUNTED."""

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows[:COUNTED].count()


class Admin(ModelAdmin):  # type: ignore[misc]
    """A list of the dashboard. ``empty`` explains an empty one: icon, title, text, and
    where its button leads with what is on it, if there is one. A row's page is
    ``details_template``, filled by ``details``; without one it is the form."""

    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_filter_submit = True
    empty: tuple[str, str, str] = ("inbox", "Nothing here yet", "")
    empty_button: tuple[str, str] | None = None
    details_template = ""

    def page(self, request: HttpRequest, template: str, **context: Any) -> HttpResponse:
        """Return a page of our own in the dashboard's frame."""
        request.current_app = self.admin_site.name
        frame = self.admin_site.each_context(request)
        # Above a row's page stands the way back to its list; other pages have a title.
        ours = {"opts": self.opts, **context} if "object" in context else context
        return TemplateResponse(request, template, {**frame, **ours})

    def details(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Return what a row's own page shows beside the row itself."""
        return {}

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[no-any-return]
        if not self.has_view_or_change_permission(request, row):
            raise PermissionDenied
        shown = self.details(request, row)
        if self.details_template:
            return self.page(request, self.details_template, object=row, **shown)
        context = {**(extra_context or {}), **shown}
        return super().change_view(request, object_id, form_url, context)  # type: ignore[no-any-return]


class ReadOnlyAdmin(Admin):
    """Rows that come from devices, or are kept as evidence: no one edits them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
