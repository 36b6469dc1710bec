"""Models: by what programs are known, and what they asked once."""

from .keyed import KeyedOrder
from .token import ApiToken

__all__ = ["ApiToken", "KeyedOrder"]
