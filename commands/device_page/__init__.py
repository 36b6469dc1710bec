"""The page of a device: what is gathered for its head and for each of its tabs."""

from . import own  # noqa: F401
from .page import context, user_context
from .reach import push_trouble
from .tabs import add_tab

__all__ = ["add_tab", "context", "push_trouble", "user_context"]
