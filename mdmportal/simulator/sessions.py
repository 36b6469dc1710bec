"""Sessions: who connects when, in a bounded number of threads."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from .channel import Channel
from .timetable import Timetable

LOOK = 1.0
"""Seconds after which it is looked whether to stop."""


class Sessions:
    """Calls ``session`` with each channel that is due, with each one at a time.

    ``session`` returns after how many seconds the channel connects again, None: only
    when it is put here again. It raises nothing.
    """

    def __init__(
        self, session: Callable[[Channel], float | None], *, workers: int
    ) -> None:
        self._session, self._workers = session, workers
        self._timetable: Timetable[Channel] = Timetable()
        self._busy: set[Channel] = set()
        self._again: set[Channel] = set()
        self._lock = threading.Lock()

    def put(self, channel: Channel, delay: float = 0) -> None:
        """Have a channel connect in ``delay`` seconds: at once, if it was pushed to."""
        self._timetable.put(channel, delay)

    def run(self, stopping: threading.Event, seconds: float | None = None) -> None:
        """Go on until ``stopping`` is set, or for so long; what has begun then ends."""
        end = float("inf") if seconds is None else time.monotonic() + seconds
        with ThreadPoolExecutor(self._workers, "session") as pool:
            while not stopping.is_set() and time.monotonic() < end:
                channel = self._timetable.take(min(LOOK, end - time.monotonic()))
                if channel is not None and self._begin(channel):
                    pool.submit(self._run, channel)

    def _begin(self, channel: Channel) -> bool:
        """What comes during a session makes another one follow."""
        with self._lock:
            if channel in self._busy:
                self._again.add(channel)
                return False
            self._busy.add(channel)
            return True

    def _run(self, channel: Channel) -> None:
        try:
            delay = self._session(channel)
        finally:
            with self._lock:
                self._busy.discard(channel)
                again = channel in self._again
                self._again.discard(channel)
        if again:
            self.put(channel)
        elif delay is not None:
            self.put(channel, delay)
