"""Guided: the pages that lead through the steps when something happened to a device."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from devices.admin.base import LongPaginator, ReadOnlyAdmin, badge, moment
from devices.admin.enrollment import state_badge
from devices.admin.filters import Table, TableFilter
from devices.admin.user import UserAdmin
from devices.models import Device, User

from .. import live, words
from ..guided import acting, facts, history, marks, plan, who
from ..guided import live as progress
from ..guided.facts import Facts
from ..guided.form import BeginForm, CloseForm, StepForm
from ..guided.kinds import kind_of
from ..guided.plan import Plan, Standing
from ..guided.step import Ordering, Workflow
from ..guided.workflows import LEAVING, WORKFLOWS
from ..models import Case, Order

VIEW = "devices.view_device"
MOST_DEVICES = 50
"""Devices of a person that are shown with their plans."""


def _check(request: HttpRequest, *permissions: str) -> None:
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
    _check(request)
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
    _check(request)
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
    may_act = request.user.has_perm(plan.ORDER)
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
        "events": [(one, _cell(one)) for one in history.events(found.facts)],
        "progress": progress.cell(found) if case else "",
        "begin_form": forms.get("begin") or BeginForm(),
        "close_form": forms.get("close") or CloseForm(workflow),
    }
    template = "commands/guided/work.html"
    return model_admin.page(request, template, object=device, **context)  # type: ignore[no-any-return]


def _cell(event: history.Event) -> SafeString | str:
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
    _check(request, plan.ORDER)
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
    standing = found.find(name)
    if standing is None or not standing.can_act or standing.step.act is None:
        raise acting.Refused(_why_not(standing))
    form = StepForm(standing, found.facts, request.POST, request.FILES)
    if not form.is_valid():
        return _show(request, model_admin, device, workflow, step=form)
    seen = request.POST.get("seen", "")
    order = acting.do(case, name, form.values, seen=seen, by=request.user)
    _tell(request, standing, order)
    return redirect(f"{case.get_absolute_url()}#{name}")


def _why_not(standing: Standing | None) -> str:
    if standing is None:
        return "There is no such step for this device."
    if standing.lacking:
        return f"It needs the right to {standing.lacking_words}."
    if standing.stand in (plan.Stand.UNDER_WAY, plan.Stand.DONE):
        return acting.TWICE
    return f"It is {standing.stand}: {standing.why or 'nothing to do'}."


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


# --- All devices of a person


@dataclass(frozen=True)
class Theirs:
    """One of a person's devices, and what is to be done about it."""

    plan: Plan
    case: Case | None
    """The one that is open, whatever its kind."""
    state: SafeString

    @property
    def is_leaving(self) -> bool:
        return self.case is not None and self.case.kind == LEAVING.name


def leaving(request: HttpRequest, model_admin: Any, pk: int) -> HttpResponse:
    """Show what to do about each device of somebody who leaves; begin with all."""
    _check(request, "devices.view_user")
    person = get_object_or_404(User, pk=pk)
    theirs = _theirs(request, person)
    if request.method == "POST":
        _check(request, plan.ORDER)
        begun = [one for one in theirs if one.case is None]
        note = f"{person} leaves"
        for one in begun:
            acting.begin(one.plan.facts.device, LEAVING, by=request.user, note=note)
        plural = "" if len(begun) == 1 else "s"
        messages.success(request, f"{len(begun)} case{plural} opened.")
        return redirect("admin:devices_user_leaving", pk)
    return model_admin.page(  # type: ignore[no-any-return]
        request,
        "commands/guided/leaving.html",
        object=person,
        title=f"{person} leaves",
        theirs=theirs,
        count=person.devices.count(),
        to_begin=sum(one.case is None for one in theirs),
        may_act=request.user.has_perm(plan.ORDER),
    )


def _theirs(request: HttpRequest, person: User) -> list[Theirs]:
    """Return the devices, those that are led through for another reason, too."""
    rows = person.devices.select_related("owner").order_by("name", "pk")
    devices = list(rows[:MOST_DEVICES])
    cases = Case.objects.filter(device__in=devices, closed_at=None)
    by_device = {case.device_id: case for case in cases}
    leaving = [one for one in by_device.values() if one.kind == LEAVING.name]
    gathered: list[Facts] = facts.gather(devices, leaving)
    return [
        Theirs(
            plan.make(LEAVING, its, request.user, whole=False),
            by_device.get(its.device.pk),
            state_badge(its.stay),
        )
        for its in gathered
    ]


admin.site.unregister(User)


@admin.register(User)
class PersonAdmin(UserAdmin):
    custom_urls = (  # type: ignore[assignment]
        *UserAdmin.custom_urls,
        ("<int:pk>/leaving/", "devices_user_leaving", leaving),
    )


# --- The list of cases


class OpenFilter(TableFilter):
    """The list opens on the cases that somebody is at."""

    title = "state"
    parameter_name = "state"

    def table(self) -> Table:
        return {
            "open": ("Open", Q(closed_at=None)),
            "closed": ("Closed", Q(closed_at__isnull=False)),
            "all": ("All", Q()),
        }

    def value(self) -> str:
        return super().value() or "open"


class KindFilter(TableFilter):
    title = "what happened"
    parameter_name = "kind"

    def table(self) -> Table:
        return {
            each.name: (each.title, Q(kind=each.name)) for each in WORKFLOWS.values()
        }


@admin.register(Case)
class CaseAdmin(ReadOnlyAdmin):
    list_display = (
        "what",
        "device",
        "person",
        moment("opened_at", "since"),
        "opened_by",
        "stands",
    )
    list_filter = (OpenFilter, KindFilter)
    list_select_related = ("device__owner", "opened_by", "closed_by")
    search_fields = ("device__search_text", "note")
    search_help_text = "Search device or note"
    ordering = ("-opened_at", "-pk")
    paginator = LongPaginator
    details_template = "commands/guided/case.html"
    empty = (
        "support",
        "No case is open",
        "A case leads through the right commands when a device is lost or stolen, when "
        "somebody leaves or a device changes hands. It is opened on a device's page: "
        "“Something happened…”.",
    )
    empty_button = ("admin:devices_device_changelist", "Choose a device")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A case is what happened to a device: who sees that sees this."""
        return request.user.has_perm(VIEW)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Case]:
        rows: QuerySet[Case] = super().get_queryset(request)
        return rows.defer("device__search_text")

    @admin.display(description="what happened", ordering="kind")
    def what(self, case: Case) -> str:
        return WORKFLOWS[case.kind].title

    @admin.display(description="person")
    def person(self, case: Case) -> str:
        return str(case.device.owner or "-")

    @admin.display(description="state")
    def stands(self, case: Case) -> SafeString:
        if case.is_open:
            return badge("open", "warn")
        return badge(case.get_outcome_display(), "mute")

    stands.plain = lambda case: case.get_outcome_display() or "open"  # type: ignore[attr-defined]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """What is open is gone on with; what is closed is looked at."""
        case = self.get_object(request, object_id)
        if case and case.is_open and self.has_view_permission(request, case):
            return redirect(case)
        return super().change_view(request, object_id, form_url, extra_context)

    def details(self, request: HttpRequest, case: Case) -> dict[str, Any]:
        its = facts.of(case.device, case)
        return {
            "title": str(case),
            "workflow": WORKFLOWS[case.kind],
            "events": [(one, _cell(one)) for one in history.events(its)],
        }


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
