"""Plan: how each step of a workflow stands for a device, and which is next."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

from .. import availability, destructive, filled
from ..models import Delivery, Order, State
from ..ordering.rights import ORDER
from . import marks
from .facts import Facts
from .step import Deed, Ordering, Step, Values, Workflow

RIGHTS: Mapping[str, str] = {
    ORDER: "send commands",
    destructive.PERMISSION: "lock, interrupt or remove",
    destructive.ERASE: "erase devices",
}
"""What the permissions of orders let one do, in words."""


class Stand(StrEnum):
    """How a step stands."""

    DONE = "done"
    UNDER_WAY = "under way"
    OPEN = "to do"
    LATER = "not yet"
    IMPOSSIBLE = "not possible"
    SKIPPED = "skipped"
    NOT_NEEDED = "not needed"


TONES: Mapping[Stand, str] = {
    Stand.DONE: "ok",
    Stand.UNDER_WAY: "info",
    Stand.OPEN: "warn",
    Stand.IMPOSSIBLE: "bad",
}
"""The tone of a badge; mute for all others."""

SETTLED = (Stand.DONE, Stand.IMPOSSIBLE, Stand.SKIPPED, Stand.NOT_NEEDED)
"""Nothing is left to be done about it."""


@dataclass(frozen=True)
class Standing:
    """A step, how it stands, and why."""

    step: Step
    stand: Stand
    why: str = ""
    delivery: Delivery | None = None
    """The newest by which it was ordered."""
    order: Order | None = None
    """What waits to be approved or written."""
    at: dt.datetime | None = None
    who: str = ""
    told: str = ""
    """What is known that matters here, in words."""
    lacking: str = ""
    """The permission that this account lacks for it."""
    lacking_words: str = ""
    is_next: bool = False
    asks_name: bool = False
    """Whether it is to be confirmed by the device's name."""

    @property
    def tone(self) -> str:
        if self.step.is_optional and self.stand is not Stand.UNDER_WAY:
            return "ok" if self.stand is Stand.DONE else "mute"
        return TONES.get(self.stand, "mute")

    @property
    def label(self) -> str:
        if self.is_next:
            return "now"
        if self.step.is_optional and self.stand is Stand.OPEN:
            return "if needed"
        return str(self.stand)

    @property
    def can_act(self) -> bool:
        """Whether this account can do it now, perhaps once more."""
        if self.lacking:
            return False
        again = bool(self.step.again) and self.stand is Stand.DONE and not self.why
        return self.stand is Stand.OPEN or again

    @property
    def can_skip(self) -> bool:
        required = not self.step.is_optional
        return required and self.stand in (Stand.OPEN, Stand.LATER)

    @property
    def button(self) -> str:
        return self.step.again if self.stand is Stand.DONE else self.step.button

    @property
    def seen(self) -> str:
        """What makes its form good for one time: a double click sends it twice."""
        delivery = self.delivery.pk if self.delivery else 0
        return f"{delivery}-{self.order.pk if self.order else 0}-{self.stand.name}"


@dataclass(frozen=True)
class Plan:
    """A workflow's steps for one device, as they stand."""

    workflow: Workflow
    facts: Facts
    standings: Sequence[Standing]

    @cached_property
    def next(self) -> Standing | None:
        return next((each for each in self.standings if each.is_next), None)

    @property
    def required(self) -> Sequence[Standing]:
        return [
            each
            for each in self.standings
            if not each.step.is_optional
            and each.stand not in (Stand.IMPOSSIBLE, Stand.NOT_NEEDED)
        ]

    @property
    def settled(self) -> int:
        return sum(each.stand in SETTLED for each in self.required)

    @property
    def percent(self) -> int:
        return round(100 * self.settled / len(self.required)) if self.required else 100

    @property
    def is_complete(self) -> bool:
        return self.settled == len(self.required)

    @property
    def waits(self) -> Sequence[Standing]:
        """What is under way."""
        return [each for each in self.standings if each.stand is Stand.UNDER_WAY]

    @property
    def is_moving(self) -> bool:
        """Whether something is under way that changes how far it has come."""
        lost, place = self.facts.device.in_lost_mode, self.facts.location
        return bool(self.waits) or (bool(lost) and place is None)

    def find(self, name: str) -> Standing | None:
        return next((each for each in self.standings if each.step.name == name), None)


def make(workflow: Workflow, facts: Facts, viewer: Any, *, whole: bool = True) -> Plan:
    """Return the plan for the device of ``facts``, as ``viewer`` may follow it.

    Not ``whole``: without what asks the database for each device, for pages of many.
    """
    standings = [
        _standing(workflow, step, facts, viewer, whole=whole)
        for step in workflow.steps_for(facts)
    ]
    enough = {one.step.name for one in standings if _is_enough(one.stand)}
    standings = [_alternative(each, enough) for each in standings]
    return Plan(workflow, facts, _with_next(standings))


def _is_enough(stand: Stand) -> bool:
    return stand in (Stand.DONE, Stand.UNDER_WAY)


def _alternative(each: Standing, enough: set[str]) -> Standing:
    others = enough & set(each.step.instead)
    if not others or each.stand not in (Stand.OPEN, Stand.LATER):
        return each
    return replace(each, stand=Stand.NOT_NEEDED, why="the other way was taken")


def _with_next(standings: Sequence[Standing]) -> Sequence[Standing]:
    """Mark the first that is to be done now; what only others may do is passed over."""
    found = next(
        (
            one
            for one in standings
            if one.stand is Stand.OPEN and not one.step.is_optional and not one.lacking
        ),
        None,
    )
    return [replace(one, is_next=one is found) for one in standings]


# --- One step


def latest(workflow: Workflow, step: Step, facts: Facts) -> Delivery | None:
    """Return the newest delivery by which the step was ordered, whoever did."""
    for delivery in facts.deliveries:
        counts = workflow.counts_all_stays or facts.is_of_stay(delivery)
        if counts and _is_of(workflow, step, facts, delivery):
            return delivery
    return None


def _is_of(workflow: Workflow, step: Step, facts: Facts, delivery: Delivery) -> bool:
    command = delivery.command
    if not isinstance(step.act, Ordering) or command.request_type != step.request_type:
        return False
    if command.note == workflow.note(step):
        return True
    if any(command.note == workflow.note(one) for one in workflow.steps):
        return False
    return step.act.is_it is None or step.act.is_it(facts, delivery)


def waiting(workflow: Workflow, step: Step, facts: Facts) -> Order | None:
    """Return the order of the step that waits for approval or to be written."""
    found = facts.waiting(step.request_type) if step.request_type else None
    if found is None:
        return None
    others = {workflow.note(one) for one in workflow.steps} - {workflow.note(step)}
    return None if found.note in others else found


def _standing(
    workflow: Workflow, step: Step, facts: Facts, viewer: Any, *, whole: bool
) -> Standing:
    delivery, order = latest(workflow, step, facts), waiting(workflow, step, facts)
    base = Standing(step, Stand.OPEN, delivery=delivery, order=order)
    base = replace(_history(base, facts), told=step.done(facts) or step.told(facts))
    if order or (delivery and delivery.is_open):
        return replace(base, stand=Stand.UNDER_WAY)
    if step.done(facts) or _was_done(base, facts):
        blocked = _refusal(step, facts, whole=whole)[1] if step.again else ""
        base = replace(base, stand=Stand.DONE, why=blocked)
        return _with_rights(base, facts, viewer, whole=whole)
    mark = facts.mark(step.name)
    if mark and mark.action == marks.SKIPPED:
        return replace(base, stand=Stand.SKIPPED)
    stand, why = _refusal(step, facts, whole=whole)
    base = replace(base, stand=stand, why=why)
    return _with_rights(base, facts, viewer, whole=whole)


def _history(base: Standing, facts: Facts) -> Standing:
    """Add when it last was touched, and by whom."""
    mark = facts.mark(base.step.name)
    if base.order:
        who = str(base.order.ordered_by or "the portal")
        return replace(base, at=base.order.ordered_at, who=who)
    if base.delivery:
        who = str(base.delivery.command.ordered_by or "the portal")
        return replace(base, at=base.delivery.queued_at, who=who)
    return replace(base, at=mark.at, who=mark.actor_name) if mark else base


def _was_done(base: Standing, facts: Facts) -> bool:
    answered = base.delivery and base.delivery.state == State.ACKNOWLEDGED
    if answered and not base.step.is_told:
        return True
    mark = facts.mark(base.step.name)
    return mark is not None and mark.action == marks.DONE


def _refusal(step: Step, facts: Facts, *, whole: bool) -> tuple[Stand, str]:
    """Return whether it can be done, and if not, why."""
    act = step.act
    if isinstance(act, Ordering):
        if facts.channel is None:
            return Stand.IMPOSSIBLE, "it is not enrolled: it cannot be reached"
        if facts.erasing:
            return Stand.LATER, "it is about to be erased: cancel that first"
    why = step.ready(facts)
    if why:
        return Stand.LATER, why
    if isinstance(act, Ordering) and facts.channel:
        keys = act.keys(facts, {})
        why = availability.refusal(facts.channel, act.request_type, keys)
        if not why and whole:
            why = filled.missing(facts.channel, act.request_type)
        if why:
            return Stand.IMPOSSIBLE, why
    return Stand.OPEN, ""


def rights(step: Step, facts: Facts, values: Values | None = None) -> Sequence[str]:
    """Return the permissions that the step takes, beside seeing the device."""
    if isinstance(step.act, Deed):
        return (ORDER, step.act.permission)
    if isinstance(step.act, Ordering):
        keys = step.act.keys(facts, values or {})
        return (ORDER, *destructive.rights(step.request_type, keys))
    return (ORDER,)


def _with_rights(base: Standing, facts: Facts, viewer: Any, *, whole: bool) -> Standing:
    step = base.step
    if base.stand is not Stand.OPEN and not step.again:
        return base
    needed = rights(step, facts) if whole else (ORDER,)
    lacking = next((one for one in needed if not viewer.has_perm(one)), "")
    return replace(
        base,
        lacking=lacking,
        lacking_words=_in_words(step, lacking),
        asks_name=isinstance(step.act, Ordering) and len(needed) > 1,
    )


def _in_words(step: Step, permission: str) -> str:
    if isinstance(step.act, Deed) and permission == step.act.permission:
        return step.act.right
    return RIGHTS.get(permission, permission)
