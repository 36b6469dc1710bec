"""The form of a policy: what it asks of devices, and what happens if they do not."""

from .policy import PolicyForm

__all__ = ["PolicyForm"]
