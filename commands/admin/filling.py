"""Filling in: the keys of a command, when it goes out, and sending it off."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from mdmportal import catalogue
from mdmportal.protocol import schema

from .. import answers, checking, destructive, filled, inventory, ordering, words
from ..forms import OrderForm, WhenForm
from ..models import Order
from ..targets import Preview, Refused, Targets
from . import who

UNENROLLS = (
    "This is the profile by which devices are enrolled. Removing it ends their "
    "management, which takes the right to erase devices."
)


@dataclass(frozen=True)
class Filling:
    """What is filled in, for whom; ``draft`` is what is changed, if anything is."""

    command: schema.Command
    targets: Targets
    preview: Preview
    draft: Order | None

    @property
    def request_type(self) -> str:
        return self.command.request_type

    @property
    def goes_at_once(self) -> bool:
        """One device is confirmed on the form; of several it is looked at first."""
        return self.targets.count == 1

    @property
    def confirm(self) -> str:
        """What must be typed here: the name of the one device, '' for nothing."""
        if not self.goes_at_once or not destructive.is_destructive(self.request_type):
            return ""
        return str(self.targets.single)


def fill(request: HttpRequest, model_admin: Any, request_type: str) -> HttpResponse:
    """Show the form of a command; once it is right, order it or show who gets it."""
    command = catalogue.commands().get(request_type)
    if command is None:
        raise Http404("no such command")
    who.check(request)
    if destructive.refusal(request.user, request_type):
        raise PermissionDenied
    targets = who.targets_of(request, model_admin)
    if targets is None:
        return redirect("admin:commands_command_order")
    value = request.GET.get("draft")
    draft = who.draft_of(request, value) if value else None
    filling = Filling(command, targets, _preview(targets, request_type), draft)
    form, when = _forms(request, filling)
    if request.method == "POST" and filling.preview.able:
        right = [form.is_valid(), when.is_valid()]
        done = _send(request, filling, form, when) if all(right) else None
        if done:
            return done
    return _page(request, model_admin, filling, form, when)


def _page(
    request: HttpRequest,
    model_admin: Any,
    filling: Filling,
    form: OrderForm,
    when: WhenForm,
) -> HttpResponse:
    request_type = filling.request_type
    back, back_to = who.back(request)
    return model_admin.page(  # type: ignore[no-any-return]
        request,
        "commands/fill.html",
        title=words.title(request_type),
        request_type=request_type,
        summary=words.summary(request_type),
        destructive=destructive.is_destructive(request_type),
        consequence=words.consequence(request_type),
        targets=filling.targets,
        preview=filling.preview,
        goes_at_once=filling.goes_at_once,
        form=form,
        when=when,
        wrong=bool(form.errors or when.errors),
        filled=", ".join(filled.names(request_type)),
        another=f"{reverse('admin:commands_command_order')}?{who.scope(request)}",
        back=back,
        back_to=back_to,
    )


def _preview(targets: Targets, request_type: str) -> Preview:
    preview = targets.preview(request_type)
    channel = targets.channels.first() if targets.single and preview.able else None
    lacking = filled.missing(channel, request_type) if channel else ""
    if lacking:
        return Preview(0, (Refused(lacking, 1, (str(targets.single),)),))
    return preview


# --- The forms


def _forms(request: HttpRequest, filling: Filling) -> tuple[OrderForm, WhenForm]:
    is_sent = request.method == "POST"
    data = request.POST if is_sent else None
    request_type, draft = filling.request_type, filling.draft
    form = OrderForm(
        filling.command,
        data,
        request.FILES if is_sent else None,
        filled=filled.names(request_type),
        optional=filled.optional(request_type),
        initial=_keys(filling),
        targets=filling.targets,
    )
    when = WhenForm(
        data,
        count=filling.targets.count,
        confirm=filling.confirm,
        initial=WhenForm.initial_of(draft) if draft else None,
    )
    return form, when


def _keys(filling: Filling) -> dict[str, Any]:
    """Return what is filled in at first: what was typed before, or what is usual."""
    draft = filling.draft
    if draft and draft.request_type == filling.request_type:
        if draft.repeats_id:  # another may have ordered it: theirs is not shown
            return dict(answers.without_secrets(draft.keys))
        return dict(draft.keys)
    return _usual(filling.targets, filling.request_type)


def _usual(targets: Targets, request_type: str) -> dict[str, Any]:
    """Return what all of the devices can be asked for, where that is the command."""
    if request_type != "DeviceInformation" or not targets.kinds:
        return {}
    queries = [inventory.information_queries(kind.target) for kind in targets.kinds]
    common = set.intersection(*map(set, queries))
    return {"Queries": [name for name in queries[0] if name in common]}


# --- Sending


def _send(
    request: HttpRequest, filling: Filling, form: OrderForm, when: WhenForm
) -> HttpResponse | None:
    """Order it and return where to go; None with the form's errors if it is wrong."""
    request_type, keys = filling.request_type, form.keys
    if destructive.refusal(request.user, request_type, keys):
        form.add_error("Identifier", UNENROLLS)
        return None
    try:
        with transaction.atomic():
            order = ordering.draft(
                filling.targets, request_type, keys, by=request.user, **when.values
            )
            if filling.goes_at_once:
                _check_only(filling, order)
                ordering.confirm(order, request.user)
            if filling.draft:
                ordering.discard(filling.draft)
    except (checking.Invalid, ordering.TooLate) as problem:
        form.add_error(None, str(problem))
        return None
    except ordering.NotAllowed as problem:
        raise PermissionDenied(str(problem)) from problem
    if not filling.goes_at_once:
        return redirect("admin:commands_order_review", order.pk)
    tell(request, order)
    return redirect(order.get_absolute_url())


def _check_only(filling: Filling, draft: Order) -> None:
    """Refuse what was written down for others than the one device that was shown: a
    group may have changed in between."""
    written = set(draft.recipients.values_list("device", flat=True)[:2])
    single = filling.targets.single
    if draft.total != 1 or single is None or written != {single.pk}:
        raise checking.Invalid("who gets it has changed meanwhile: look again")


def tell(request: HttpRequest, order: Order) -> None:
    """Say what became of an order that was just confirmed."""
    title = words.title(order.request_type)
    if order.state == Order.State.AWAITING:
        text = f"{title}: nothing is sent before somebody else approves it."
        messages.warning(request, text)
        return
    able = order.total - order.refused
    if able:
        devices = "device" if able == 1 else "devices"
        messages.success(request, f"{title} is ordered for {able:,} {devices}.")
    if order.refused:
        text = f"{order.refused:,} could not take it: see why below."
        messages.warning(request, text)
