"""Live: how far a case has come, drawn again while somebody looks."""

from collections.abc import Mapping

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from .. import live
from ..models import Case
from . import facts, plan
from .plan import Plan
from .workflows import WORKFLOWS

MOST = 5
"""Cases that are drawn at once: a page shows one."""


def cell(found: Plan) -> SafeString:
    return render_to_string("commands/guided/progress.html", {"plan": found})


def _cases(request: HttpRequest, asked: list[int]) -> Mapping[int, str]:
    if not request.user.has_perm("devices.view_device"):
        return {}
    rows = Case.objects.filter(pk__in=asked[:MOST]).select_related("device__owner")
    cases = list(rows)
    gathered = facts.gather([case.device for case in cases], cases)
    return {
        case.pk: cell(plan.make(WORKFLOWS[case.kind], its, request.user))
        for case, its in zip(cases, gathered, strict=True)
    }


live.add_kind("case", _cases)
