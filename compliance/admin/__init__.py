"""The dashboard's pages of policies, verdicts, and what was done about them."""

from . import action, device, policy, standing

__all__ = ["action", "device", "policy", "standing"]
