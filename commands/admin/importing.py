"""Importing a CSV file into the devices: upload, look, apply."""

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from devices import csv_export
from devices.csv_import import (
    FACTS,
    KEYS,
    MOST_BYTES,
    MOST_LINES,
    Line,
    Table,
    Unreadable,
    read,
)

from .. import importing

SHOWN = 500
"""Lines that a page shows of each kind."""
TEMPLATE = (*KEYS[1:3], *FACTS)
GONE = "The file did not come with the form: choose it again."


@dataclass(frozen=True)
class Shown:
    """The first of several lines, and how many there are."""

    rows: Sequence[importing.Plan]
    count: int

    @property
    def more(self) -> int:
        return self.count - len(self.rows)


def import_csv(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Show what a file would change, then change it."""
    if not model_admin.has_change_permission(request):
        raise PermissionDenied
    if "template" in request.GET:
        return _template()
    context: dict[str, Any] = {"title": "Import CSV"}
    if request.method == "POST":
        try:
            content = _content(request)
            table = read(content)
        except Unreadable as problem:
            context["problem"] = str(problem)
        else:
            choices = importing.Choices(request.user, "replace" in request.POST)
            if "apply" in request.POST:
                return _apply(request, model_admin, table.lines, choices)
            context |= _preview(table, choices) | {"content": _packed(content)}
    context |= {
        "most_lines": MOST_LINES,
        "most_megabytes": MOST_BYTES // 1_000_000,
        "keys": KEYS,
    }
    return model_admin.page(request, "commands/import.html", **context)  # type: ignore[no-any-return]


def _template() -> HttpResponse:
    lines = csv_export.lines(TEMPLATE, [])
    answer = HttpResponse("".join(lines), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = 'attachment; filename="devices.csv"'
    return answer


# --- The file goes to the page and comes back with the form: nothing is kept


def _packed(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content, 9)).decode()


def _content(request: HttpRequest) -> bytes:
    file = request.FILES.get("file")
    if file is not None:
        return bytes(file.read(MOST_BYTES + 1))
    try:
        packed = base64.b64decode(request.POST.get("content", ""), validate=True)
        content = zlib.decompressobj().decompress(packed, MOST_BYTES + 1)
    except (ValueError, zlib.error) as problem:
        raise Unreadable(GONE) from problem
    if not content:
        raise Unreadable(GONE)
    return content


# --- Looking and applying


def _preview(table: Table, choices: importing.Choices) -> dict[str, Any]:
    plans = importing.plan_all(table.lines, choices)
    changing = [each for each in plans if each.changes]
    wrong = [each for each in plans if each.problem]
    return {
        "changing": Shown(changing[:SHOWN], len(changing)),
        "wrong": Shown(wrong[:SHOWN], len(wrong)),
        "unchanged": len(plans) - len(changing) - len(wrong),
        "ignored": table.ignored,
        "replace": choices.replace,
    }


def _apply(
    request: HttpRequest,
    model_admin: Any,
    lines: Sequence[Line],
    choices: importing.Choices,
) -> HttpResponse:
    outcome = importing.apply(lines, choices)
    text = f"{_of(outcome.changed, 'device')} changed"
    if outcome.renamed:
        text += f", {_of(outcome.renamed, 'new name')} ordered"
    text += f"; {_of(outcome.unchanged, 'line')} changed nothing."
    messages.success(request, text)
    if not outcome.problems:
        return redirect(model_admin.list_url)
    text = f"{_of(len(outcome.problems), 'line')} could not be applied: left out."
    messages.warning(request, text)
    wrong = Shown(outcome.problems[:SHOWN], len(outcome.problems))
    context = {"title": "Import CSV", "wrong": wrong, "is_done": True}
    return model_admin.page(request, "commands/import.html", **context)  # type: ignore[no-any-return]


def _of(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
