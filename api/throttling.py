"""Throttling: how much one token may ask for.

Counted in the memory of each process: in the cache, which is a table of the database
where the portal is served, every request would cost a write.
"""

import functools
import math
import threading
import time
from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from enrollment.limits import Rate

MOST = 10_000
"""How many tokens are counted at once; with more, all begin anew."""


class Buckets:
    """For each token how much is left, which fills up again evenly."""

    def __init__(self) -> None:
        self._left: dict[int, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, token: int, rate: Rate, now: float) -> float:
        """Take one; return 0, or the seconds until there is one."""
        speed = rate.amount / rate.seconds
        with self._lock:
            if len(self._left) >= MOST:
                self._left.clear()
            left, at = self._left.get(token, (float(rate.amount), now))
            left = min(float(rate.amount), left + (now - at) * speed)
            taken = left >= 1
            self._left[token] = (left - 1 if taken else left, now)
        return 0 if taken else (1 - left) / speed

    def clear(self) -> None:
        self._left.clear()


buckets = Buckets()


class TokenThrottle(BaseThrottle):
    _wait = 0.0

    def allow_request(self, request: Request, view: Any) -> bool:
        rate = _rate(settings.API_RATE)
        if request.auth is None or rate is None:
            return True
        self._wait = buckets.take(request.auth.pk, rate, time.monotonic())
        return not self._wait

    def wait(self) -> float:
        return float(math.ceil(self._wait))


@functools.lru_cache(maxsize=4)
def _rate(text: str) -> Rate | None:
    return Rate.read(text)
