"""Importing: owners, names, asset tags, groups and tags of devices, from a table.

First everything is planned and shown; only then, and planned again, it is written.
"""

from .applying import Outcome, apply
from .planning import Change, Choices, Plan, plan_all

__all__ = ["Change", "Choices", "Outcome", "Plan", "apply", "plan_all"]
