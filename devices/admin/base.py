"""Base: what the dashboard's lists and pages have in common."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.core.paginator import Page, Paginator
from django.db import DataError
from django.db.models import BinaryField, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from .. import csv_export
from ..models import AuditEntry

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
    show.plain = lambda row: getattr(row, column)  # type: ignore[attr-defined]
    return show


def ids(texts: Iterable[str]) -> list[int]:
    """Return those texts that can be ids: numbers that fit into a column."""
    return [
        int(text)
        for text in texts
        if text.isascii() and text.isdigit() and len(text) < 19
    ]


class MoreThan(int):
    """A count that was not finished: as text it says so."""

    def __str__(self) -> str:
        return f"more than {int(self):,}"


def bounded(count: int) -> int:
    """Return a count of no more than COUNTED + 1 as what is known by it."""
    return MoreThan(COUNTED) if count > COUNTED else count


class LongPaginator(Paginator):  # type: ignore[type-arg]
    """For lists that grow without end: counts no further than COUNTED."""

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return bounded(rows[: COUNTED + 1].count())


class KeyPaginator(Paginator):  # type: ignore[type-arg]
    """Finds the keys of a page first: rows before it are counted off in the index,
    with nothing that is joined to them."""

    def page(self, number: int | str) -> Any:
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        keys = rows.prefetch_related(None).select_related(None)
        found = list(keys.values_list("pk", flat=True)[start : start + self.per_page])
        return Page(rows.filter(pk__in=found), number, self)


COLUMNS = "columns"
"""The parameter of a list's address that says which columns it shows."""


class List(ChangeList):  # type: ignore[misc]
    """A list's page: what its rows need beside themselves is had for all at once."""

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        found: dict[str, Any] = super().get_filters_params(params)
        found.pop(COLUMNS, None)
        return found

    def get_results(self, request: HttpRequest) -> None:
        """A number that no column holds is no filter."""
        try:
            super().get_results(request)
        except (OverflowError, DataError) as error:
            raise IncorrectLookupParameters from error
        rows = list(self.result_list)  # type: ignore[has-type]
        self.model_admin.prepare(rows)
        self.result_list = rows


def column_name(column: Any) -> str:
    return column if isinstance(column, str) else str(column.__name__)


def is_secret(model_admin: Any, column: Any) -> bool:
    """Return whether a column is one whose values never leave the portal."""
    try:
        field = model_admin.opts.get_field(column_name(column))
    except FieldDoesNotExist:
        return False
    return isinstance(field, BinaryField)


def plain(model_admin: Any, column: Any) -> Callable[[Any], object]:
    """Return what tells a column's value for a file: what is shown, unless the column
    has a ``plain`` of its own, or is a field, whose choice is said in words."""
    if column == "__str__":
        return str
    if not isinstance(column, str):
        return getattr(column, "plain", column)  # type: ignore[no-any-return]
    method = getattr(model_admin, column, None)
    if method is not None:
        return getattr(method, "plain", method)  # type: ignore[no-any-return]

    def value(row: Any) -> object:
        display = getattr(row, f"get_{column}_display", None)
        found = display() if display else getattr(row, column)
        return found() if callable(found) else found

    return value


class Admin(ModelAdmin):  # type: ignore[misc]
    """A list of the dashboard. ``empty`` explains an empty one: icon, title, text, and
    where its button leads with what is on it, if there is one. A row's page is
    ``details_template``, filled by ``details``; without one it is the form."""

    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_filter_submit = True
    change_form_show_cancel_button = True
    empty: tuple[str, str, str] = ("inbox", "Nothing here yet", "")
    empty_button: tuple[str, str] | None = None
    details_template = ""
    show_all = "?"
    """The query of the address by which the list shows all it has."""
    csv_ids: Sequence[str] = ("id",)
    """What a CSV file says of each row before the columns shown."""

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.csv_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_csv"
        return [path("csv/", view, name=name), *super().get_urls()]

    def _url(self, name: str) -> str:
        app, model = self.opts.app_label, self.opts.model_name
        return reverse(f"{self.admin_site.name}:{app}_{model}_{name}")

    @property
    def list_url(self) -> str:
        return self._url("changelist")

    @property
    def csv_url(self) -> str:
        return self._url("csv")

    def buttons(self, request: HttpRequest) -> list[tuple[str, str]]:
        """Return what else stands above the list: where it leads, and what it says."""
        return []

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return List

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"list_buttons": self.buttons(request), **(extra_context or {})}
        return super().changelist_view(request, context)  # type: ignore[no-any-return]

    def prepare(self, rows: Sequence[Any]) -> None:
        """Add to a page's rows, or a chunk of a file's, what counts for each."""

    def csv_view(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """Return the list, filtered and sorted as its address says, as a CSV file."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            listing = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return redirect(self.list_url)
        names = [
            name
            for name in listing.list_display
            if name != "action_checkbox" and not is_secret(self, name)
        ]
        plural = str(self.opts.verbose_name_plural)
        asked = request.GET.urlencode() or None
        AuditEntry.write(request.user, "exported", plural, filters=asked)
        shown = {column_name(name) for name in names}
        ours = [each for each in self.csv_ids if each not in shown]
        header = [*ours, *(self._heading(name) for name in names)]
        rows = self._csv_rows(listing.queryset, [*ours, *names])
        file = csv_export.lines(header, rows)
        answer = StreamingHttpResponse(file, content_type="text/csv; charset=utf-8")
        name = f"{plural.replace(' ', '-')}.csv"
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer

    def _heading(self, column: Any) -> str:
        name = column_name(column)
        return str(self.opts.verbose_name) if name == "__str__" else name

    def _csv_rows(
        self, found: QuerySet[Any], names: Sequence[Any]
    ) -> Iterator[list[object]]:
        values = [plain(self, name) for name in names]
        for chunk in csv_export.chunks(found):
            self.prepare(chunk)
            for row in chunk:
                yield [value(row) for value in values]

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
