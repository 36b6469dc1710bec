"""Step: one thing to do in a workflow: by an order, a deed of the portal, outside."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..models import Case, Delivery
from .facts import Facts
from .kinds import ALL, Kind

Values = Mapping[str, Any]
"""What was filled in, by name of the field."""


def _nothing(_: Facts) -> str:
    return ""


@dataclass(frozen=True)
class Field:
    """A field of a step's form, for text or a file; it may be left empty."""

    name: str
    """Of an order: the key of the command."""
    label: str
    help: str = ""
    is_file: bool = False
    initial: Callable[[Facts], Any] = _nothing
    longest: int = 500


def given(facts: Facts, values: Values) -> Mapping[str, Any]:
    """Return the keys of an order as filled in, without what was left empty."""
    return {name: value for name, value in values.items() if value not in ("", None)}


@dataclass(frozen=True)
class Ordering:
    """Done by a command."""

    request_type: str
    fields: Sequence[Field] = ()
    keys: Callable[[Facts, Values], Mapping[str, Any]] = given
    is_it: Callable[[Facts, Delivery], bool] | None = None
    """Whether a delivery of the RequestType is this; None: each of them is, but those
    that another step of the workflow has ordered."""


@dataclass(frozen=True)
class Deed:
    """Done by the portal itself, with what it knows of the device."""

    do: Callable[[Facts, Values, Any], None]
    permission: str
    right: str
    """What the permission lets one do, in words."""
    fields: Sequence[Field] = ()


@dataclass(frozen=True)
class Link:
    """Where more is to be seen."""

    url: str
    title: str


@dataclass(frozen=True)
class Step:
    """``act`` is None for what people do outside, and say here that it is done."""

    name: str
    title: str
    does: str
    """What it does, in words; ``words`` has others for some kinds of devices."""
    act: Ordering | Deed | None = None
    words: Mapping[Kind, str] = field(default_factory=dict)
    kinds: frozenset[Kind] = ALL
    applies: Callable[[Facts], bool] = lambda _: True
    """Whether it is for this very device, where its kind does not say."""
    button: str = ""
    again: str = ""
    """The button once it was done; '': it is done once."""
    is_optional: bool = False
    instead: tuple[str, ...] = ()
    """Steps of which one is enough: this one, or any of these."""
    ready: Callable[[Facts], str] = _nothing
    """Why it cannot be done yet; '' if it can."""
    done: Callable[[Facts], str] = _nothing
    """What shows that it is done, in words; '' if nothing but a delivery or a mark."""
    is_told: bool = False
    """Whether nothing but ``done`` shows it: an answer is read before it counts."""
    told: Callable[[Facts], str] = _nothing
    """What is known that matters here, in words."""
    link: Callable[[Facts], Link | None] = lambda _: None
    link_right: str = "devices.view_device"

    def does_for(self, kind: Kind) -> str:
        return self.words.get(kind, self.does)

    @property
    def request_type(self) -> str:
        return self.act.request_type if isinstance(self.act, Ordering) else ""


@dataclass(frozen=True)
class Workflow:
    """Steps in order, of which a device has those of its kind."""

    name: str
    title: str
    icon: str
    when: str
    """When to choose it, in words."""
    steps: Sequence[Step]
    outcomes: Sequence[Case.Outcome]
    kinds: frozenset[Kind] = ALL
    turns_into: tuple[str, str] | None = None
    """Another workflow that it can become, and what to say for that."""
    complete: str = "All steps are done."
    """What to say once nothing is left to be done, but to close the case."""
    priority: int = 0
    """Of its orders: what is lost is told before all else."""
    counts_all_stays: bool = False
    """Whether what was done before the device enrolled again is done for good."""

    def steps_for(self, facts: Facts) -> Sequence[Step]:
        mine = (step for step in self.steps if facts.kind in step.kinds)
        return [step for step in mine if step.applies(facts)]

    def note(self, step: Step) -> str:
        """Return the note of the orders of a step, by which they are known again."""
        return f"{self.title}: {step.title}"
