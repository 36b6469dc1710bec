"""Live: the states of deliveries and orders, drawn again while somebody looks.

Other apps add cells of their own by ``add_kind``.
"""

from collections.abc import Callable, Mapping

from django.http import HttpRequest, JsonResponse
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from devices.admin.base import ids

from . import progress, states
from .models import Delivery, Order
from .ordering import rights

MOST = 200
"""How many cells are drawn at once; a page has fewer."""

Draw = Callable[[HttpRequest, list[int]], Mapping[int, str]]
"""Returns the HTML of the cells with these ids, as far as they may be seen."""

_KINDS: dict[str, Draw] = {}


def add_kind(kind: str, draw: Draw) -> None:
    """Have cells ``kind:12`` drawn by ``draw``."""
    _KINDS[kind] = draw


def state_cell(delivery: Delivery) -> SafeString:
    """Return the delivery's state as HTML; ``delivery`` as the database has it."""
    context = {
        "delivery": delivery,
        "badge": states.badge(delivery),
        "label": states.label(delivery),
        "meaning": states.MEANINGS.get(delivery.state, ""),
    }
    return render_to_string("commands/state.html", context)


def progress_cell(shown: progress.Progress) -> SafeString:
    return render_to_string("commands/progress.html", {"progress": shown})


def order_cell(shown: progress.OrderProgress) -> SafeString:
    return render_to_string("commands/order_progress.html", {"progress": shown})


def order_state(shown: progress.OrderProgress) -> SafeString:
    """Return the badge of an order's state; written, it is done once all answered."""
    text, tone = Order.State(shown.state).label, states.ORDERS[shown.state]
    if shown.waits_until:
        text, tone = "waits for its time", "info"
    elif shown.state == Order.State.DONE:
        text, tone = ("waits for answers", "info") if shown.open else ("done", "ok")
    cell = (
        '<span data-live="orderstate:{}" data-open="{}">'
        '<span class="mp-badge mp-badge--{}">{}</span></span>'
    )
    return format_html(cell, shown.order_id, int(shown.is_open), tone, text)


def cells(request: HttpRequest, model_admin: object) -> JsonResponse:
    """Answer ``of=delivery:1,command:2`` with the HTML of each that is there."""
    wanted = [one.partition(":") for one in request.GET.get("of", "").split(",")[:MOST]]
    drawn: dict[str, str] = {}
    for kind, draw in _KINDS.items():
        asked = ids(pk for name, _, pk in wanted if name == kind)
        if asked:
            found = draw(request, asked).items()
            drawn |= {f"{kind}:{pk}": html for pk, html in found}
    return JsonResponse(drawn)


def _deliveries(request: HttpRequest, asked: list[int]) -> Mapping[int, str]:
    if not request.user.has_perm("commands.view_delivery"):
        return {}
    rows = Delivery.objects.filter(pk__in=asked)
    return {row.pk: state_cell(row) for row in rows}


def _commands(request: HttpRequest, asked: list[int]) -> Mapping[int, str]:
    if not request.user.has_perm("commands.view_command"):
        return {}
    found = progress.of(asked)
    return {pk: progress_cell(shown) for pk, shown in found.items() if shown.total}


def _orders(
    request: HttpRequest, asked: list[int]
) -> Mapping[int, progress.OrderProgress]:
    """Who may not see all orders sees those of their own."""
    rows = Order.objects.filter(pk__in=asked).defer("keys_plist", "passwords_plist")
    if not rights.sees_orders(request.user):
        rows = rows.filter(ordered_by=request.user.pk)
    return progress.of_orders(rows)


def _order_cells(request: HttpRequest, asked: list[int]) -> Mapping[int, str]:
    return {pk: order_cell(one) for pk, one in _orders(request, asked).items()}


def _order_states(request: HttpRequest, asked: list[int]) -> Mapping[int, str]:
    return {pk: order_state(one) for pk, one in _orders(request, asked).items()}


add_kind("delivery", _deliveries)
add_kind("command", _commands)
add_kind("order", _order_cells)
add_kind("orderstate", _order_states)
