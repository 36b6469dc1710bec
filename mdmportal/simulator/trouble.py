"""Trouble: which errors pass, how long to wait, and what to do about the others."""

import random

from .errors import ProfileRefused, ServerRefused, SignInRequired
from .transport import Unreachable

LONGEST_PAUSE = 60.0
"""Seconds between two attempts, however many there were."""

BUSY = (429, 500, 502, 503, 504)


def is_passing(error: Exception) -> bool:
    """Whether it may go better in a while."""
    if isinstance(error, ServerRefused):
        return error.status in BUSY
    return isinstance(error, Unreachable)


def pause(attempt: int) -> float:
    """Return how many seconds to wait after so many failures, never the same twice."""
    return float(min(0.5 * 2**attempt, LONGEST_PAUSE) * random.uniform(0.5, 1.5))


def advice(error: Exception, url: str) -> str:
    """Return what the operator can do about it."""
    if isinstance(error, Unreachable):
        return f"Is the server running, and is {url} its address?"
    if isinstance(error, ProfileRefused):
        return "Give the URL from which a device downloads its enrollment profile."
    if isinstance(error, SignInRequired):
        return "Its person has to sign in again."
    if isinstance(error, ServerRefused) and error.status == 404:
        return "There is no such way in: see the portal's list of ways to enroll."
    if isinstance(error, ServerRefused) and error.status >= 500:
        return "The server failed: its log says why."
    if isinstance(error, ServerRefused):
        return "The server does not want this device: its log says why."
    return f"This is an error of the simulator: {type(error).__name__}."
