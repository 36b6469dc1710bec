"""RecurringOrder: what is ordered again and again, made with its command's form."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from devices.admin.base import Admin, badge, moment
from devices.models import AuditEntry
from mdmportal import catalogue
from mdmportal.protocol import plist

from .. import answers, checking, destructive, filled, ordering, progress, terms, words
from ..forms import OrderForm
from ..models import Order, RecurringOrder
from ..ordering import drafting
from . import choosing, who
from .calendar import CalendarForm

LAST = 10
"""Orders of the past on its page."""
NEXT = 3
"""Times to come on its page."""
ERASES = "erasing is never ordered by the calendar"


@admin.register(RecurringOrder)
class RecurringOrderAdmin(Admin):
    list_display = (
        "name",
        "command",
        "whose",
        "when",
        moment("next_at", "next"),
        "is_on",
    )
    list_select_related = ("group",)
    search_fields = ("name", "request_type", "note")
    search_help_text = "Search name, command or note"
    ordering = ("name", "pk")
    empty = (
        "event_repeat",
        "Nothing is ordered by the calendar",
        "Have devices restart every Sunday night, say, or be asked for updates on the "
        "first of each month: whoever is in the group then.",
    )
    empty_button = ("admin:commands_recurringorder_add", "Add a recurring order")

    def get_queryset(self, request: HttpRequest) -> QuerySet[RecurringOrder]:
        rows: QuerySet[RecurringOrder] = super().get_queryset(request)
        return rows.defer("keys_plist")

    @admin.display(ordering="request_type")
    def command(self, recurring: RecurringOrder) -> SafeString:
        name = recurring.request_type
        return format_html(
            '{} <code class="mp-apples">{}</code>', words.title(name), name
        )

    command.plain = lambda row: row.request_type  # type: ignore[attr-defined]

    @admin.display(description="to", ordering="group__name")
    def whose(self, recurring: RecurringOrder) -> str:
        return str(recurring.group or "all enrolled devices")

    @admin.display(description="when")
    def when(self, recurring: RecurringOrder) -> str:
        return terms.calendar(recurring)

    @admin.display(description="state", ordering="is_enabled")
    def is_on(self, recurring: RecurringOrder) -> SafeString:
        if recurring.trouble:
            return badge(recurring.trouble, "bad")
        return badge("enabled", "ok") if recurring.is_enabled else badge("off")

    is_on.plain = lambda row: row.is_enabled  # type: ignore[attr-defined]

    # --- The page of one

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        who.check(request)
        request_type = request.GET.get("command", "")
        if not request_type:
            return _choose(request, self)
        if request_type not in catalogue.commands():
            raise Http404("no such command")
        return self._edit(request, RecurringOrder(request_type=request_type))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        recurring = self.get_object(request, object_id)
        if recurring is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[no-any-return]
        if not self.has_view_or_change_permission(request, recurring):
            raise PermissionDenied
        if request.method == "POST" and not self.may_edit(request, recurring):
            raise PermissionDenied
        return self._edit(request, recurring)

    def may_edit(self, request: HttpRequest, recurring: RecurringOrder) -> bool:
        """Who changes it orders it from then on, so must be allowed to."""
        may = self.has_change_permission(request, recurring) if recurring.pk else True
        return (
            may
            and request.user.has_perms(who.RIGHTS)
            and not refusal(request.user, recurring.request_type)
        )

    def _edit(self, request: HttpRequest, recurring: RecurringOrder) -> HttpResponse:
        """Show the form, show when it would be, or keep it."""
        if not self.may_edit(request, recurring):
            if recurring.pk is None:
                raise PermissionDenied
            return self._show(request, recurring, None, None)
        data = request.POST if request.method == "POST" else None
        form = _order_form(request, recurring)
        calendar = CalendarForm(data, instance=recurring, confirm=_confirm(recurring))
        if request.method == "POST":
            right = [form.is_valid(), calendar.is_valid()]
            if "_preview" not in request.POST and all(right):
                if self._save(request, recurring, form):
                    return redirect(
                        "admin:commands_recurringorder_change", recurring.pk
                    )
            elif not calendar.errors.keys() - {"name", "confirm"}:
                return self._show(request, recurring, form, calendar, upcoming=True)
        return self._show(request, recurring, form, calendar)

    def _save(
        self, request: HttpRequest, recurring: RecurringOrder, form: OrderForm
    ) -> bool:
        """Keep it in the name of who says so; False with the form's errors if wrong."""
        request_type = recurring.request_type
        try:
            drafting.prepared(request_type, form.keys, is_custom=False)
        except checking.Invalid as problem:
            form.add_error(None, str(problem))
            return False
        if refusal(request.user, request_type, form.keys):
            raise PermissionDenied
        is_new = recurring.pk is None
        recurring.keys_plist = plist.dumps(form.keys)
        recurring.ordered_by = request.user  # type: ignore[assignment]
        recurring.trouble = ""
        recurring.next_at = (
            ordering.next_time(recurring, timezone.now())
            if recurring.is_enabled
            else None
        )
        recurring.save()
        verb = "added" if is_new else "changed"
        AuditEntry.write(request.user, f"recurring order {verb}", str(recurring))
        messages.success(request, f"Saved. {terms.calendar(recurring).capitalize()}.")
        return True

    def _show(
        self,
        request: HttpRequest,
        recurring: RecurringOrder,
        form: OrderForm | None,
        calendar: CalendarForm | None,
        *,
        upcoming: bool = False,
    ) -> HttpResponse:
        is_new, request_type = recurring.pk is None, recurring.request_type
        wrong = bool((form and form.errors) or (calendar and calendar.errors))
        times = list(_upcoming(recurring)) if upcoming or not (is_new or wrong) else []
        return self.page(
            request,
            "commands/recurring.html",
            **({} if is_new else {"object": recurring}),
            title="Add a recurring order" if is_new else str(recurring),
            recurring=None if is_new else recurring,
            command=words.title(request_type),
            request_type=request_type,
            summary=words.summary(request_type),
            destructive=destructive.is_destructive(request_type),
            consequence=words.consequence(request_type),
            calendar=terms.calendar(recurring) if not is_new else "",
            form=form,
            when=calendar,
            wrong=wrong and not upcoming,
            times=times,
            last=[] if is_new else _last(recurring),
            may_delete=not is_new and self.has_delete_permission(request, recurring),
        )

    def delete_model(self, request: HttpRequest, obj: RecurringOrder) -> None:
        AuditEntry.write(request.user, "recurring order deleted", str(obj))
        super().delete_model(request, obj)


def refusal(user: Any, request_type: str, keys: Any = None) -> str:
    """Return why this account may not have it ordered by the calendar; '' if it may."""
    if destructive.level(request_type, keys) >= destructive.Level.ERASING:
        return ERASES
    return destructive.refusal(user, request_type, keys)


def _choose(request: HttpRequest, model_admin: Any) -> HttpResponse:
    entries = [
        choosing.Entry(
            request_type=name,
            title=words.title(name),
            summary=words.summary(name),
            url=f"?command={name}",
            refused=refusal(request.user, name),
            destructive=destructive.is_destructive(name),
        )
        for name in catalogue.commands()
    ]
    return model_admin.page(  # type: ignore[no-any-return]
        request,
        "commands/choose.html",
        title="Add a recurring order",
        lead="What is to be ordered again and again?",
        groups=choosing.grouped(entries),
        back=reverse("admin:commands_recurringorder_changelist"),
        back_to="the recurring orders",
    )


def _order_form(request: HttpRequest, recurring: RecurringOrder) -> OrderForm:
    is_sent, request_type = request.method == "POST", recurring.request_type
    return OrderForm(
        catalogue.commands()[request_type],
        request.POST if is_sent else None,
        request.FILES if is_sent else None,
        filled=filled.names(request_type),
        optional=filled.optional(request_type),
        initial=_initial(request, recurring),
    )


def _initial(request: HttpRequest, recurring: RecurringOrder) -> dict[str, Any]:
    """Return what is filled in at first: nothing secret that another typed."""
    if not recurring.pk:
        return {}
    if recurring.ordered_by_id == request.user.pk:
        return dict(recurring.keys)
    return dict(answers.without_secrets(recurring.keys))


def _confirm(recurring: RecurringOrder) -> str:
    """Return what must be typed: the name of a command that destroys."""
    if not destructive.is_destructive(recurring.request_type):
        return ""
    return words.title(recurring.request_type)


def _upcoming(recurring: RecurringOrder) -> Iterator[dt.datetime]:
    after: dt.datetime | None = timezone.now()
    for _ in range(NEXT):
        after = ordering.next_time(recurring, after) if after else None
        if after:
            yield after


def _last(recurring: RecurringOrder) -> list[Order]:
    rows = recurring.orders.order_by("-pk").defer("keys_plist", "passwords_plist")
    orders = list(rows[:LAST])
    found = progress.of_orders(orders)
    for order in orders:
        order.progress = found[order.pk]  # type: ignore[attr-defined]
    return orders
