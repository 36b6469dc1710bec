"""Guided: the pages that lead through the steps when something happened to a device."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from devices.admin.enrollment import state_badge
from devices.models import Device

from .. import live, words
from ..guided import acting, facts, history, marks, plan, who
from ..guided import live as progress
from ..guided.form import BeginForm, CloseForm, StepForm
from ..guided.kinds import kind_of
from ..guided.plan import Plan, Standing
from ..guided.step import Ordering, Workflow
from ..guided.workflows import WORKFLOWS
from ..models import Case, Order
from ..ordering.rights import ORDER

VIEW = "devices.view_device"


def check(request: HttpRequest, *permissions: str) -> None:
    if not request.user.has_perms((VIEW, *permissions)):
        raise PermissionDenied


def _device(pk: int) -> Device:
    return get_object_or_404(Device.objects.select_related("owner"), pk=pk)


def _workflow(name: str) -> Workflow:
    if name not in WORKFLOWS:
        raise Http404("no such workflow")
    return WORKFLOWS[name]


# --- Choosing what happened


def happened(request: HttpRequest, model_admin: Any, pk: int) -> HttpResponse:
    """Show what can have happened, each with when to choose it."""
    check(request)
    device = _device(pk)
    its = facts.of(device, None)
    return model_admin.page(  # type: ignore[no-any-return]
        request,
        "commands/guided/happened.html",
        object=device,
        title="Something happened",
        case=acting.open_case(device),
        kind=its.kind,
        workflows=[(each, its.kind in each.kinds) for each in WORKFLOWS.values()],
    )


@admin.action(description="Something happened…", permissions=["view"])
def choose(
    model_admin: Any, request: HttpRequest, queryset: QuerySet[Device]
) -> HttpResponse | None:
    """Lead from the list to the pages of the one device that is chosen."""
    chosen = list(queryset.values_list("pk", flat=True)[:2])
    if len(chosen) != 1:
        text = "Choose one device: each is led through by itself."
        messages.error(request, text)
        return None
    return redirect("admin:devices_device_happened", chosen[0])


choose.__name__ = "happened"


# --- Working on it


@dataclass(frozen=True)
class Row:
    """A step as its page shows it."""

    standing: Standing
    does: str
    state: SafeString | str
    consequence: str
    form: StepForm | None
    link: Any
    may_link: bool
    ask: Sequence[str]
    """Who could do it, where this account may not."""


def work(request: HttpRequest, model_admin: Any, pk: int, kind: str) -> HttpResponse:
    """Show the steps of a workflow for a device, and how each stands."""
    check(request)
    return _show(request, model_admin, _device(pk), _workflow(kind))


def _show(
    request: HttpRequest,
    model_admin: Any,
    device: Device,
    workflow: Workflow,
    **forms: Any,
) -> HttpResponse:
    opened = acting.open_case(device)
    case = opened if opened and opened.kind == workflow.name else None
    found = plan.make(workflow, facts.of(device, case), request.user)
    may_act = request.user.has_perm(ORDER)
    context = {
        "title": f"{workflow.title}: {device}",
        "device": device,
        "workflow": workflow,
        "plan": found,
        "case": case,
        "other": opened if opened and case is None else None,
        "kind": found.facts.kind,
        "is_for_it": found.facts.kind in workflow.kinds,
        "state": state_badge(found.facts.stay),
        "may_act": may_act,
        "rows": _rows(request, found, forms.get("step")),
        "events": [(one, event_cell(one)) for one in history.events(found.facts)],
        "progress": progress.cell(found) if case else "",
        "begin_form": forms.get("begin") or BeginForm(),
        "close_form": forms.get("close") or CloseForm(workflow),
    }
    template = "commands/guided/work.html"
    return model_admin.page(request, template, object=device, **context)  # type: ignore[no-any-return]


def event_cell(event: history.Event) -> SafeString | str:
    return live.state_cell(event.delivery) if event.delivery else ""


def _rows(request: HttpRequest, found: Plan, form: StepForm | None) -> list[Row]:
    asked: dict[str, Sequence[str]] = {}
    for each in found.standings:
        if each.lacking and each.lacking not in asked:
            asked[each.lacking] = who.may(each.lacking)
    return [_row(request, found, each, form, asked) for each in found.standings]


def _row(
    request: HttpRequest,
    found: Plan,
    standing: Standing,
    form: StepForm | None,
    asked: Mapping[str, Sequence[str]],
) -> Row:
    its, step = found.facts, standing.step
    if form is None or form.prefix != step.name:
        can = its.case is not None and standing.can_act and step.act is not None
        form = StepForm(standing, its) if can else None
    return Row(
        standing=standing,
        does=step.does_for(its.kind),
        state=live.state_cell(standing.delivery) if standing.delivery else "",
        consequence=_consequence(standing),
        form=form,
        link=step.link(its),
        may_link=request.user.has_perm(step.link_right),
        ask=asked.get(standing.lacking, ()),
    )


def _consequence(standing: Standing) -> str:
    step = standing.step
    if not isinstance(step.act, Ordering) or not standing.asks_name:
        return ""
    return words.consequence(step.request_type)


@require_POST
def act(request: HttpRequest, model_admin: Any, pk: int, kind: str) -> HttpResponse:
    """Do what a button of the page says: begin, a step, turn, close."""
    check(request, ORDER)
    device, workflow = _device(pk), _workflow(kind)
    try:
        for name, do in VERBS.items():
            if name in request.POST:
                answer: HttpResponse = do(request, model_admin, device, workflow)
                return answer
    except acting.Refused as problem:
        messages.warning(request, str(problem))
    return redirect("admin:devices_device_guided", pk, kind)


def _begin(
    request: HttpRequest, model_admin: Any, device: Device, workflow: Workflow
) -> HttpResponse:
    form = BeginForm(request.POST)
    if not form.is_valid():
        return _show(request, model_admin, device, workflow, begin=form)
    if kind_of(device, facts.of(device, None).stay) not in workflow.kinds:
        raise acting.Refused("That is not for such a device.")
    case = acting.begin(
        device, workflow, by=request.user, note=form.cleaned_data["note"]
    )
    return redirect(case)


def _case(device: Device, workflow: Workflow) -> Case:
    case = acting.open_case(device)
    if case is None or case.kind != workflow.name:
        raise acting.Refused("The case is not open any more.")
    return case


def _do(
    request: HttpRequest, model_admin: Any, device: Device, workflow: Workflow
) -> HttpResponse:
    case, name = _case(device, workflow), request.POST["do"]
    found = plan.make(workflow, facts.of(device, case), request.user)
    standing = acting.step_of(found, name)
    acting.act_of(standing)  # what cannot be done now needs no form
    form = StepForm(standing, found.facts, request.POST, request.FILES)
    if not form.is_valid():
        return _show(request, model_admin, device, workflow, step=form)
    seen = request.POST.get("seen", "")
    order = acting.do(case, name, form.values, seen=seen, by=request.user)
    _tell(request, standing, order)
    return redirect(f"{case.get_absolute_url()}#{name}")


def _tell(request: HttpRequest, standing: Standing, order: Order | None) -> None:
    title = standing.step.title
    if order is None:
        messages.success(request, f"{title}: done.")
    elif order.state == Order.State.AWAITING:
        messages.info(request, f"{title}: it waits for a second person to approve it.")
    else:
        messages.success(request, f"{title}: ordered. The device is being woken.")


def _mark(action: str, verb: str) -> Any:
    def do(
        request: HttpRequest, model_admin: Any, device: Device, workflow: Workflow
    ) -> HttpResponse:
        case, name = _case(device, workflow), request.POST[verb]
        acting.mark(case, name, action, by=request.user)
        return redirect(f"{case.get_absolute_url()}#{name}")

    return do


def _turn(
    request: HttpRequest, model_admin: Any, device: Device, workflow: Workflow
) -> HttpResponse:
    return redirect(acting.turn(_case(device, workflow), by=request.user))


def _close(
    request: HttpRequest, model_admin: Any, device: Device, workflow: Workflow
) -> HttpResponse:
    form = CloseForm(workflow, request.POST)
    if not form.is_valid():
        return _show(request, model_admin, device, workflow, close=form)
    said = form.cleaned_data
    case = _case(device, workflow)
    acting.close(case, said["outcome"], by=request.user, note=said["note"])
    messages.success(request, "The case is closed. It stays under Cases.")
    return redirect(device)


VERBS: Mapping[str, Any] = {
    "begin": _begin,
    "do": _do,
    "done": _mark(marks.DONE, "done"),
    "skip": _mark(marks.SKIPPED, "skip"),
    "turn": _turn,
    "close": _close,
}
"""What the name of a button stands for."""


def banner(device: Device) -> dict[str, Any]:
    """Return what a device's page says of the case that is open."""
    case = acting.open_case(device)
    return {"case": case, "case_title": WORKFLOWS[case.kind].title if case else ""}


URLS = (
    ("<int:pk>/happened/", "devices_device_happened", happened),
    ("<int:pk>/guided/<slug:kind>/", "devices_device_guided", work),
    ("<int:pk>/guided/<slug:kind>/act/", "devices_device_guided_act", act),
)
"""Of a device's page."""
