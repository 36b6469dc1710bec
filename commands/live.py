"""Live: the states of deliveries and orders, drawn again while somebody looks."""

from django.http import HttpRequest, JsonResponse
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from devices.admin.base import ids

from . import progress, states
from .models import Delivery

MOST = 200
"""How many cells are drawn at once; a page has fewer."""


def state_cell(delivery: Delivery) -> SafeString:
    """Return the delivery's state as HTML; ``delivery`` as the database has it."""
    context = {
        "delivery": delivery,
        "badge": states.BADGES[delivery.state],
        "meaning": states.MEANINGS.get(delivery.state, ""),
    }
    return render_to_string("commands/state.html", context)


def progress_cell(shown: progress.Progress) -> SafeString:
    return render_to_string("commands/progress.html", {"progress": shown})


def cells(request: HttpRequest, model_admin: object) -> JsonResponse:
    """Answer ``of=delivery:1,command:2`` with the HTML of each that is there."""
    wanted = [one.partition(":") for one in request.GET.get("of", "").split(",")[:MOST]]
    deliveries = ids(pk for kind, _, pk in wanted if kind == "delivery")
    commands = ids(pk for kind, _, pk in wanted if kind == "command")
    drawn: dict[str, str] = {}
    if request.user.has_perm("commands.view_delivery"):
        for delivery in Delivery.objects.filter(pk__in=deliveries):
            drawn[f"delivery:{delivery.pk}"] = state_cell(delivery)
    if request.user.has_perm("commands.view_command"):
        for pk, shown in progress.of(commands).items():
            if shown.total:
                drawn[f"command:{pk}"] = progress_cell(shown)
    return JsonResponse(drawn)
