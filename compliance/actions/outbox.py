"""Outbox: what waits is claimed, tried, and tried again ever later.

Before each try the next one is set. So whoever is cut off in the middle has it done
again, and of two workers only one has it.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import F, Max, QuerySet
from django.utils import timezone

from ..models import Action, Policy

MINUTE = dt.timedelta(minutes=1)
PAUSES = (MINUTE, *(MINUTE * n for n in (5, 20, 60, 240, 720, 1440)))
MOST_TRIES = len(PAUSES) + 1


def due(kind: Action.Kind) -> QuerySet[Action]:
    return Action.objects.filter(
        kind=kind, state=Action.State.WAITING, next_at__lte=timezone.now()
    )


def policies_with(kind: Action.Kind) -> Iterator[Policy]:
    """Yield the policies of which something of this kind is due."""
    ids = due(kind).order_by().values("policy")
    yield from Policy.objects.filter(pk__in=ids).order_by("pk")


@dataclass(frozen=True)
class Claim:
    """What is being tried now: the rows of one policy that share their next try."""

    policy: Policy
    kind: Action.Kind
    next_at: dt.datetime

    @classmethod
    def take(
        cls, policy: Policy, kind: Action.Kind, most: int | None = None
    ) -> "Claim | None":
        """Claim the oldest ``most`` of what is due, or all; None if nothing is."""
        rows = due(kind).filter(policy=policy)
        if most is not None:
            chosen = rows.order_by("pk").values_list("pk", flat=True)[:most]
            rows = rows.filter(pk__in=list(chosen))
        tries = rows.aggregate(most=Max("tries"))["most"]
        if tries is None:
            return None
        next_at = timezone.now() + PAUSES[min(tries, len(PAUSES) - 1)]
        claimed = rows.update(tries=F("tries") + 1, next_at=next_at, problem="")
        return cls(policy, kind, next_at) if claimed else None

    @property
    def rows(self) -> QuerySet[Action]:
        return Action.objects.filter(
            policy=self.policy,
            kind=self.kind,
            state=Action.State.WAITING,
            next_at=self.next_at,
        )

    def done(self) -> int:
        return settle(self.rows, Action.State.DONE)

    def failed(self, problem: str, *, for_good: bool = False) -> None:
        """Note why. What else waits for the same waits as long, too."""
        problem = problem[:255]
        self.rows.update(problem=problem)
        last = self.rows if for_good else self.rows.filter(tries__gte=MOST_TRIES)
        settle(last, Action.State.FAILED)
        due(self.kind).filter(policy=self.policy).update(
            next_at=self.next_at + MINUTE, problem=problem
        )


def settle(rows: QuerySet[Action], state: Action.State) -> int:
    return rows.update(state=state, settled_at=timezone.now())
