"""Ordering: a command for one device or for a hundred thousand, from draft to queue.

``draft`` writes down who is to get it, and nothing widens that after. ``confirm`` lets
it go, or has it wait for a second person where a rule asks for one. A task then writes
commands and deliveries in batches, when and as fast as the order says. Every step is
one transaction that holds the order's row, so that it may end anywhere and be gone on
with by anybody.
"""

from .cancelling import Cancelled, cancel
from .confirming import (
    approve,
    confirm,
    go_on,
    needs_approval,
    order,
    reject,
    rule_about,
)
from .drafting import discard, draft
from .recurring import next_time, run_recurring
from .repeating import repeat
from .rights import NotAllowed, TooLate
from .writing import INLINE, run_due

__all__ = [
    "INLINE",
    "Cancelled",
    "NotAllowed",
    "TooLate",
    "approve",
    "cancel",
    "confirm",
    "discard",
    "draft",
    "go_on",
    "needs_approval",
    "next_time",
    "order",
    "reject",
    "repeat",
    "rule_about",
    "run_due",
    "run_recurring",
]
