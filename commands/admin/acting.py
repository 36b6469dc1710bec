"""Acting: what the buttons of an order's page do with it."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from .. import ordering
from ..models import Order
from ..ordering import rights

Act = Callable[[HttpRequest, Order], HttpResponse | None]
"""Does it and says so; returns where to go, None for the order's page."""


def _cancel(request: HttpRequest, order: Order) -> None:
    """Take back what is not sent, and say how much was too late for that."""
    done = ordering.cancel(order, request.user)
    taken = done.waiting + done.unsent
    parts = [f"{taken:,} cancelled: they get nothing."]
    if done.too_late:
        parts.append(
            f"For {done.too_late:,} it was too late: it was sent, and the device may "
            "be doing it or have done it."
        )
    level = messages.SUCCESS if taken and not done.too_late else messages.WARNING
    messages.add_message(request, level, " ".join(parts))


def _go_on(request: HttpRequest, order: Order) -> None:
    ordering.go_on(order, request.user)
    messages.success(request, "It goes on to the rest.")


def _approve(request: HttpRequest, order: Order) -> None:
    ordering.approve(order, request.user)
    messages.success(request, "Approved: it is being sent.")


def _reject(request: HttpRequest, order: Order) -> None:
    why = request.POST.get("why", "").strip()
    if not why:
        messages.error(request, "Say why, for who ordered it. Nothing is decided yet.")
        return
    ordering.reject(order, request.user, why)
    messages.success(request, "Rejected: nothing of it is sent.")


def _repeat(request: HttpRequest, order: Order) -> HttpResponse:
    draft = ordering.repeat(order, request.user)
    return redirect("admin:commands_order_review", draft.pk)


ACTS: Mapping[str, Act] = {
    "cancel": _cancel,
    "go_on": _go_on,
    "approve": _approve,
    "reject": _reject,
    "repeat": _repeat,
}
"""By the name of the button."""


@require_POST
def act(request: HttpRequest, model_admin: Any, pk: int) -> HttpResponse:
    """Do what one of the buttons of an order's page says."""
    order = get_object_or_404(model_admin.get_queryset(request), pk=pk)
    name = next((each for each in ACTS if each in request.POST), "")
    if not name or not rights.may(request.user, name, order):
        raise PermissionDenied
    try:
        where = ACTS[name](request, order)
    except ordering.NotAllowed as problem:
        raise PermissionDenied(str(problem)) from problem
    except ValueError as problem:  # too late, or nobody left to send it to
        messages.error(request, f"Nothing was done: {problem}.")
        where = None
    return where or redirect(order.get_absolute_url())
