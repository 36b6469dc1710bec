"""Progress: what became of an order so far, by state."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count

from .models import OPEN, Delivery, State
from .states import BADGES


@dataclass(frozen=True)
class Share:
    """How many deliveries are in one state; ``percent`` of all, as CSS wants it."""

    state: State
    count: int
    percent: str

    @property
    def badge(self) -> str:
        return BADGES[self.state]


@dataclass(frozen=True)
class Progress:
    command_id: int
    counts: Counter[str]

    @property
    def total(self) -> int:
        return self.counts.total()

    @property
    def open(self) -> int:
        return sum(self.counts[state] for state in OPEN)

    @property
    def acknowledged(self) -> int:
        return self.counts[State.ACKNOWLEDGED]

    @property
    def failed(self) -> int:
        return self.counts[State.FAILED]

    @property
    def shares(self) -> tuple[Share, ...]:
        total = self.total or 1
        order = (State.ACKNOWLEDGED, State.FAILED, *OPEN, State.EXPIRED)
        return tuple(
            Share(state, self.counts[state], f"{100 * self.counts[state] / total:.2f}%")
            for state in (*order, State.CANCELLED)
            if self.counts[state]
        )


def of(commands: Iterable[int]) -> dict[int, Progress]:
    """Return the progress of the commands with these ids, by one statement."""
    ids = list(commands)
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    rows = Delivery.objects.filter(command_id__in=ids).order_by()
    for row in rows.values("command_id", "state").annotate(n=Count("pk")):
        counts[row["command_id"]][row["state"]] = row["n"]
    return {pk: Progress(pk, counts[pk]) for pk in ids}
