"""Review: who gets a drafted order, who does not and why, before anything is sent."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from devices import csv_export
from devices.models import AuditEntry

from .. import (
    answers,
    availability,
    destructive,
    ordering,
    refusals,
    targets,
    terms,
    words,
)
from ..models import Order, Recipient
from ..ordering import rights
from ..targets import Preview
from . import who
from .filling import tell
from .recipient import recipients_url


class ConfirmForm(forms.Form):
    """The number of devices, which is to be typed where an order destroys."""

    confirm = forms.CharField(
        widget=forms.TextInput({"autocomplete": "off", "inputmode": "numeric"})
    )

    def __init__(self, data: Any, *, count: int) -> None:
        super().__init__(data)
        self.count = count
        label = "Type <q>{}</q>, the number of devices, to confirm"
        self.fields["confirm"].label = format_html(label, count)

    def clean_confirm(self) -> str:
        typed = str(self.cleaned_data["confirm"])
        if typed.replace(",", "").strip() != str(self.count):
            raise ValidationError(f"Type exactly: {self.count}")
        return typed


class SureForm(forms.Form):
    """Nothing needs to be typed."""


def review(request: HttpRequest, model_admin: Any, pk: int) -> HttpResponse:
    """Show a draft of one's own; send it, or throw it away."""
    who.check(request)
    draft = who.draft_of(request, str(pk))
    if _refusal(request, draft):
        raise PermissionDenied
    if "discard" in request.POST:
        return _discard(request, draft)
    preview = _preview(draft)
    form = _form(request, draft, preview.able)
    if request.method == "POST" and preview.able and form.is_valid():
        try:
            order = ordering.confirm(draft, request.user)
        except ordering.NotAllowed as problem:
            raise PermissionDenied(str(problem)) from problem
        except ordering.TooLate as problem:
            messages.error(request, f"Nothing was sent: {problem}.")
            return redirect("admin:commands_order_changelist")
        tell(request, order)
        return redirect(order.get_absolute_url())
    return _page(request, model_admin, draft, preview, form)


def _discard(request: HttpRequest, draft: Order) -> HttpResponse:
    try:
        ordering.discard(draft)
    except ordering.TooLate as problem:
        messages.error(request, f"It is not thrown away: {problem}.")
    else:
        messages.success(request, "The draft is gone. Nothing was sent.")
    return redirect("admin:commands_order_changelist")


def _refusal(request: HttpRequest, draft: Order) -> str:
    return destructive.refusal(
        request.user, draft.request_type, draft.keys, is_custom=draft.is_custom
    )


def _preview(draft: Order) -> Preview:
    """Return who of those written down could take it now, and who could not."""
    found = targets.of_order(draft).preview(draft.request_type, draft.keys)
    return Preview(found.able, (*found.refused, *refusals.of(draft)))


def _form(request: HttpRequest, draft: Order, able: int) -> forms.Form:
    data = request.POST if request.method == "POST" else None
    if draft.is_destructive:
        return ConfirmForm(data, count=able)
    return SureForm(data)


def _page(
    request: HttpRequest,
    model_admin: Any,
    draft: Order,
    preview: Preview,
    form: forms.Form,
) -> HttpResponse:
    request_type = draft.request_type
    return model_admin.page(  # type: ignore[no-any-return]
        request,
        "commands/review.html",
        title=f"{words.title(request_type)}: who gets it",
        draft=draft,
        command=words.title(request_type),
        summary=words.summary(request_type),
        destructive=draft.is_destructive,
        consequence=words.consequence(request_type, draft.keys),
        able=preview.able,
        refusals=preview.refused,
        refused=sum(each.count for each in preview.refused),
        all_url=recipients_url(draft),
        approval=ordering.needs_approval(draft),
        keys=answers.pretty(draft.keys) if draft.keys else "",
        terms=terms.of(draft),
        change_url=_change_url(draft),
        form=form,
    )


def _change_url(draft: Order) -> str:
    """Return the form again, with what was typed and the files that were chosen."""
    if draft.is_custom:
        path = reverse("admin:commands_command_custom")
    else:
        name = "admin:commands_command_order_form"
        path = reverse(name, args=[draft.request_type])
    return f"{path}?{urlencode({'draft': draft.pk})}"


# --- Everybody who does not get it, as a file


def refused_csv(request: HttpRequest, model_admin: Any, pk: int) -> HttpResponseBase:
    """Return all who do not get an order, each with the reason, as a CSV file."""
    if not request.user.has_perm("devices.view_device"):
        raise PermissionDenied
    order = get_object_or_404(Order.objects.all(), pk=pk)
    is_theirs = order.ordered_by_id == request.user.pk
    if not is_theirs and (
        order.state == Order.State.DRAFT or not rights.sees_orders(request.user)
    ):
        raise PermissionDenied
    AuditEntry.write(request.user, "exported", f"refusals of order {order.pk}")
    lines = csv_export.lines(("device", "serial_number", "user", "why"), _rows(order))
    answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    name = f"order-{order.pk}-refused.csv"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _rows(order: Order) -> Iterator[list[object]]:
    keys = order.keys
    states = (Recipient.State.REFUSED, Recipient.State.WAITING)
    rows = order.recipients.filter(state__in=states).order_by("pk")
    joined = rows.select_related("device", "channel__enrollment__device")
    for chunk in csv_export.chunks(joined):
        found: list[Any] = list(chunk)
        for row in found:
            why = row.reason or _why(row, order.request_type, keys)
            if why:
                user = row.channel.user_name if row.channel else ""
                yield [str(row.device), row.device.serial_number, user, why]


def _why(recipient: Recipient, request_type: str, keys: Mapping[str, Any]) -> str:
    """Return why one that waits could not take it now; '' if it could."""
    channel = recipient.channel
    return availability.refusal(channel, request_type, keys) if channel else ""
