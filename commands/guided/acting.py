"""Acting: what is done about a case. Each holds the case's row, so it is done once."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from devices.models import AuditEntry, Device

from .. import checking, ordering
from ..models import Case, Order, Recipient
from ..targets import Targets
from . import facts, marks, plan
from .plan import Plan, Stand, Standing
from .step import Deed, Ordering, Step, Values, Workflow
from .workflows import WORKFLOWS


class Refused(Exception):
    """It is not done; says why, in words for a person."""


TWICE = "That was done a moment ago already: nothing was done twice."


def open_case(device: Device) -> Case | None:
    rows = Case.objects.filter(device=device, closed_at=None)
    return rows.select_related("opened_by").first()


def begin(device: Device, workflow: Workflow, *, by: Any, note: str = "") -> Case:
    """Open a case, or return the one of this kind that is open."""
    try:
        with transaction.atomic():
            case = Case.objects.create(
                device=device, kind=workflow.name, opened_by=by, note=note[:255]
            )
            details = {"kind": workflow.title, "note": note[:255] or None}
            AuditEntry.write(by, marks.OPENED, device, **details)
    except IntegrityError:
        found = open_case(device)
        if found is None or found.kind != workflow.name:
            kind = found.get_kind_display() if found else "another"
            raise Refused(f"Another case is open for it: {kind}.") from None
        return found
    return case


@transaction.atomic
def turn(case: Case, *, by: Any) -> Case:
    """Make of a case what it turned out to be; what was done stays done."""
    case = _held(case)
    workflow = WORKFLOWS[case.kind]
    if not case.is_open or workflow.turns_into is None:
        raise Refused("The case is not open any more.")
    case.kind = workflow.turns_into[0]
    case.save(update_fields=["kind"])
    into = WORKFLOWS[case.kind].title
    AuditEntry.write(by, marks.TURNED, case.device, of=workflow.title, into=into)
    return case


@transaction.atomic
def close(case: Case, outcome: str, *, by: Any, note: str = "") -> None:
    case = _held(case)
    if not case.is_open:
        raise Refused("The case was closed already.")
    if outcome == Case.Outcome.FOUND and _is_locked_up(case.device):
        raise Refused("It is still in Lost Mode: end that first, or nobody can use it.")
    case.outcome, case.closed_by = outcome, by
    AuditEntry.write(
        by,
        marks.CLOSED,
        case.device,
        kind=WORKFLOWS[case.kind].title,
        outcome=case.get_outcome_display(),
        note=note[:255] or None,
    )
    case.closed_at = timezone.now()  # the entry belongs to the case
    case.save(update_fields=["outcome", "closed_by", "closed_at"])


def _is_locked_up(device: Device) -> bool:
    """Whether it is in Lost Mode and can still be told to leave it."""
    return bool(device.in_lost_mode) and facts.of(device, None).is_enrolled


@transaction.atomic
def mark(case: Case, name: str, action: str, *, by: Any) -> None:
    """Say of a step that it was done outside, or that it is left out."""
    _, standing = _looked_at(case, name, by)
    may = standing.can_skip
    if action == marks.DONE:
        may = standing.step.act is None and bool(standing.step.button)
        may = may and standing.stand in (Stand.OPEN, Stand.LATER, Stand.SKIPPED)
    if not may:
        raise Refused(TWICE)
    AuditEntry.write(
        by, action, case.device, step=name, title=standing.step.title, case=case.pk
    )


@transaction.atomic
def do(case: Case, name: str, values: Values, *, seen: str, by: Any) -> Order | None:
    """Do a step; return the order, if it is done by one.

    ``seen`` is what the step's form said of it: if that is not so any more, somebody
    was faster, and nothing is done.
    """
    found, standing = _looked_at(case, name, by)
    if standing.seen != seen:
        raise Refused(TWICE)
    act, its = act_of(standing), found.facts
    if isinstance(act, Ordering):
        return _order(found, standing.step, act.keys(its, values), by)
    act.do(its, values, by)
    return None


def act_of(standing: Standing) -> Ordering | Deed:
    """Return by what a step is done; Refused says why it cannot be done now."""
    if standing.lacking:
        raise Refused(f"It needs the right to {standing.lacking_words}.")
    act = standing.step.act
    if standing.can_act and act is not None:
        return act
    if standing.stand in (Stand.UNDER_WAY, Stand.DONE):
        raise Refused(TWICE)
    raise Refused(f"It is {standing.stand}: {standing.why or 'nothing to do'}.")


def _order(found: Plan, step: Step, keys: Mapping[str, Any], by: Any) -> Order:
    """Order it for this one device. What cannot take it after all is said, not kept."""
    device = found.facts.device
    try:
        order = ordering.order(
            Targets(Device.objects.filter(pk=device.pk)),
            step.request_type,
            keys,
            by=by,
            note=found.workflow.note(step),
            audience=str(device),
            priority=found.workflow.priority,
        )
    except (checking.Invalid, ordering.NotAllowed) as problem:
        raise Refused(str(problem)) from problem
    refused = Recipient.State.REFUSED
    why = order.recipients.filter(state=refused).values_list("reason", flat=True)
    reason = why.first()
    if reason:
        raise Refused(f"It could not be ordered: {reason}.")
    return order


def _looked_at(case: Case, name: str, by: Any) -> tuple[Plan, Standing]:
    """Return the plan of a case that is held, and the step of this name in it."""
    case = _held(case)
    if not case.is_open:
        raise Refused("The case was closed meanwhile.")
    workflow = WORKFLOWS[case.kind]
    found = plan.make(workflow, facts.of(case.device, case), by)
    return found, step_of(found, name)


def step_of(found: Plan, name: str) -> Standing:
    standing = found.find(name)
    if standing is None:
        raise Refused("There is no such step for this device.")
    return standing


def _held(case: Case) -> Case:
    rows = Case.objects.select_for_update(of=("self",)).select_related("device__owner")
    return rows.get(pk=case.pk)
