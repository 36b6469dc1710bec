"""Progress: what became of commands and of orders so far, by state."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Count
from django.utils import timezone

from .models import OPEN, Delivery, Order, Recipient, State
from .states import BADGES, REPEATED

SHOWN = (
    *(State.ACKNOWLEDGED, State.FAILED),
    *OPEN,
    *(State.EXPIRED, State.REFUSED, State.CANCELLED),
)
"""The states in the order in which they are shown."""


def _percent(count: int, total: int) -> str:
    return f"{100 * count / (total or 1):.2f}%"


SOON = dt.timedelta(minutes=2)
"""What is looked at again so soon counts as under way."""


@dataclass(frozen=True)
class Share:
    """How many deliveries are in one state; ``percent`` of all, as CSS wants it."""

    state: State
    count: int
    percent: str

    @property
    def badge(self) -> str:
        return BADGES[self.state]


def _shares(counts: Counter[str]) -> tuple[Share, ...]:
    total = counts.total()
    return tuple(
        Share(state, counts[state], _percent(counts[state], total))
        for state in SHOWN
        if counts[state]
    )


@dataclass(frozen=True)
class Progress:
    """Of one command: its deliveries by state."""

    command_id: int
    counts: Counter[str]

    @property
    def total(self) -> int:
        return self.counts.total()

    @property
    def open(self) -> int:
        return sum(self.counts[state] for state in OPEN)

    @property
    def shares(self) -> tuple[Share, ...]:
        return _shares(self.counts)


def of(commands: Iterable[int]) -> dict[int, Progress]:
    """Return the progress of the commands with these ids, by one statement."""
    ids = list(commands)
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    rows = Delivery.objects.filter(command_id__in=ids).order_by()
    for row in rows.values("command_id", "state").annotate(n=Count("pk")):
        counts[row["command_id"]][row["state"]] = row["n"]
    return {pk: Progress(pk, counts[pk]) for pk in ids}


# --- Of orders

R = Recipient.State


@dataclass(frozen=True)
class OrderProgress:
    """Of one order: its recipients by state, and what is queued for them."""

    order_id: int
    state: str
    recipients: Counter[str]
    counts: Counter[str]
    """Deliveries by state; of a recipient that missed a window, the one after it."""
    next_at: dt.datetime | None = None
    """When there is something to do for it."""

    @property
    def total(self) -> int:
        return self.recipients.total()

    @property
    def waiting(self) -> int:
        """Not queued yet."""
        return self.recipients[R.WAITING]

    @property
    def refused(self) -> int:
        """Not queued, because they cannot take it."""
        return self.recipients[R.REFUSED]

    @property
    def written(self) -> int:
        return self.recipients[R.QUEUED]

    @property
    def settled(self) -> int:
        """Of whom it is known by now whether it is queued for them."""
        return self.total - self.waiting

    @property
    def settled_share(self) -> str:
        return _percent(self.settled, self.total)

    @property
    def waits_until(self) -> dt.datetime | None:
        """Until when nothing is written of it: its time or window has not come."""
        is_waiting = self.state == Order.State.RUNNING and self.waiting > 0
        if not is_waiting or self.next_at is None:
            return None
        return self.next_at if self.next_at > timezone.now() + SOON else None

    @property
    def is_being_written(self) -> bool:
        is_running = self.state == Order.State.RUNNING and self.waiting > 0
        return is_running and self.waits_until is None

    @property
    def open(self) -> int:
        return sum(self.counts[state] for state in OPEN)

    @property
    def unsent(self) -> int:
        """Queued, and not with the device."""
        return self.counts[State.QUEUED] + self.counts[State.POSTPONED]

    @property
    def is_open(self) -> bool:
        """Whether anything of it can still change."""
        states = (Order.State.RUNNING, Order.State.AWAITING, Order.State.PAUSED)
        return self.state in states or self.open > 0

    @property
    def repeatable(self) -> int:
        """Those that did not do it and do not have it before them any more."""
        told = sum(self.counts[state] for state in REPEATED)
        return told + self.refused + self.recipients[R.CANCELLED]

    @property
    def shares(self) -> tuple[Share, ...]:
        return _shares(self.counts)

    @property
    def words(self) -> str:
        """Say it in a line, as “12 acknowledged, 3 queued, 1 not sent”."""
        parts = [f"{share.count:,} {share.state.label}" for share in self.shares]
        parts += [
            f"{self.recipients[state]:,} {said}"
            for state, said in (
                (R.WAITING, "not written yet"),
                (R.REFUSED, "could not take it"),
            )
            if self.recipients[state]
        ]
        return ", ".join(parts) or "nothing yet"


def of_orders(orders: Iterable[Order]) -> dict[int, OrderProgress]:
    """Return the progress of these orders by id: one statement for all of them."""
    found: Sequence[Order] = list(orders)
    recipients: dict[int, Counter[str]] = defaultdict(Counter)
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    rows = Recipient.objects.filter(order__in=[one.pk for one in found]).order_by()
    grouped = rows.values_list("order", "state", "delivery__state")
    for order, state, delivery, n in grouped.annotate(n=Count("pk")):
        recipients[order][state] += n
        if delivery:
            counts[order][delivery] += n
    return {
        one.pk: OrderProgress(
            one.pk, one.state, recipients[one.pk], counts[one.pk], one.next_at
        )
        for one in found
    }


def of_order(order: Order) -> OrderProgress:
    """Return the progress of one order; ``refusals.of`` tells who got nothing, why."""
    return of_orders([order])[order.pk]
