"""Live: the states of deliveries and orders, drawn again while somebody looks."""

from collections.abc import Iterable

from django.http import HttpRequest, JsonResponse
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from . import progress
from .answers import BADGES, WORDS
from .models import Delivery

MOST = 200
"""How many cells are drawn at once; a page has fewer."""


def state_cell(delivery: Delivery) -> SafeString:
    """Return the delivery's state as HTML; ``delivery`` as the database has it."""
    context = {
        "delivery": delivery,
        "badge": BADGES[delivery.state],
        "words": WORDS.get(delivery.state, ""),
    }
    return render_to_string("commands/state.html", context)


def progress_cell(shown: progress.Progress) -> SafeString:
    return render_to_string("commands/progress.html", {"progress": shown})


def cells(request: HttpRequest, model_admin: object) -> JsonResponse:
    """Answer ``of=delivery:1,command:2`` with the HTML of each that is there."""
    wanted = request.GET.get("of", "").split(",")[:MOST]
    drawn: dict[str, str] = {}
    if request.user.has_perm("commands.view_delivery"):
        for delivery in Delivery.objects.filter(pk__in=_ids(wanted, "delivery")):
            drawn[f"delivery:{delivery.pk}"] = state_cell(delivery)
    if request.user.has_perm("commands.view_command"):
        for pk, shown in progress.of(_ids(wanted, "command")).items():
            if shown.total:
                drawn[f"command:{pk}"] = progress_cell(shown)
    return JsonResponse(drawn)


def _ids(wanted: Iterable[str], kind: str) -> list[int]:
    pairs = (one.partition(":") for one in wanted)
    return [int(pk) for name, _, pk in pairs if name == kind and _is_id(pk)]


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
