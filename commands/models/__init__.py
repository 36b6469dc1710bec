"""Models: what is ordered, and each channel's copy of it."""

from .approval import ApprovalRule
from .case import Case
from .command import Command
from .delivery import OPEN, Delivery, Result, State, new_uuid
from .order import Order, Recipient
from .recurring import RecurringOrder

__all__ = [
    "OPEN",
    "ApprovalRule",
    "Case",
    "Command",
    "Delivery",
    "Order",
    "Recipient",
    "RecurringOrder",
    "Result",
    "State",
    "new_uuid",
]
