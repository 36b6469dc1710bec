"""What devices must be, how each of them stands, and what was done about it."""

from .action import Action
from .count import DailyCount
from .policy import Policy
from .standing import Standing, State

__all__ = ["Action", "DailyCount", "Policy", "Standing", "State"]
