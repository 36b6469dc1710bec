"""A timetable: what is due when, each thing at most once."""

import heapq
import itertools
import threading
import time
from typing import Generic, TypeVar

T = TypeVar("T")


class Timetable(Generic[T]):
    """Things, identified by what they are, and the moment at which each is due.

    It may be used from several threads.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: dict[T, float] = {}
        self._queue: list[tuple[float, int, T]] = []
        self._numbers = itertools.count()

    def put(self, thing: T, delay: float = 0) -> None:
        """Have ``thing`` due in ``delay`` seconds, or earlier if it already is."""
        due = time.monotonic() + delay
        with self._changed:
            if due < self._due.get(thing, float("inf")):
                self._due[thing] = due
                heapq.heappush(self._queue, (due, next(self._numbers), thing))
                self._changed.notify()

    def take(self, timeout: float) -> T | None:
        """Return the next thing that is due, None if none is within ``timeout`` s."""
        end = time.monotonic() + timeout
        with self._changed:
            while True:
                now = time.monotonic()
                thing = self._pop(now)
                if thing is not None or now >= end:
                    return thing
                first = self._queue[0][0] if self._queue else end
                self._changed.wait(min(first, end) - now)

    def _pop(self, now: float) -> T | None:
        """Take what is due off the queue, and with it what an earlier time replaced."""
        while self._queue and self._queue[0][0] <= now:
            due, _, thing = heapq.heappop(self._queue)
            if self._due.get(thing) == due:
                del self._due[thing]
                return thing
        return None
