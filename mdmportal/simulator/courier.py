"""Courier: the connection to APNs that a device, or a whole fleet, keeps open.

The protocol is that of `apns.py`: lines of JSON over plain TCP, on the loopback.
"""

from __future__ import annotations

import contextlib
import json
import logging
import random
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

logger = logging.getLogger(__name__)


@dataclass
class Subscription:
    """A token which a device holds, or (`callback` None) no longer wants."""

    topic: str
    callback: Callable[[str], None] | None
    settled: threading.Event = field(default_factory=threading.Event)

    def message(self, token: str) -> dict[str, str]:
        if self.callback is None:
            return {"unregister": token}
        return {"register": token, "topic": self.topic}


class Courier:
    """The connection of a device, or of a whole fleet, to APNs; its thread keeps it up.

    While APNs is away it tries again, ever slower up to `MAX_PAUSE` seconds, and then
    registers everything anew. It may be used from several threads.
    """

    MIN_PAUSE = 0.05
    MAX_PAUSE = 5.0

    def __init__(self, host: str, port: int) -> None:
        self.address = (host, port)
        self._subscriptions: dict[str, Subscription] = {}
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._tried = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)
        self._thread.start()

    def register(
        self,
        token: str,
        topic: str,
        callback: Callable[[str], None],
        *,
        wait: float = 5.0,
    ) -> bool:
        """Have `callback` called with the PushMagic of every push for `token`.

        It is called on this courier's thread, so it should be quick. Return whether
        APNs confirmed within `wait` seconds, False at once if there is no connection;
        APNs then learns of it when there is one.
        """
        return self._subscribe(token, Subscription(topic, callback), wait)

    def unregister(self, token: str, *, wait: float = 5.0) -> bool:
        """Give `token` up: APNs answers Unregistered from now on. As `register`."""
        return self._subscribe(token, Subscription("", None), wait)

    def close(self) -> None:
        """Disconnect; APNs stores pushes until another courier registers the tokens."""
        self._closing.set()
        with self._lock:
            if self._socket:
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _subscribe(self, token: str, subscription: Subscription, wait: float) -> bool:
        token = token.lower()
        with self._lock:
            self._subscriptions[token] = subscription
            if self._socket:
                with contextlib.suppress(OSError):  # the thread sees it too
                    self._send(token, subscription)
        if threading.current_thread() is self._thread:
            return False  # the confirmation is read by this very thread, later
        self._tried.wait(wait)
        return subscription.settled.wait(wait if self._socket else 0)

    def _send(self, token: str, subscription: Subscription) -> None:
        assert self._socket
        line = json.dumps(subscription.message(token)).encode() + b"\n"
        self._socket.sendall(line)

    def _run(self) -> None:
        pause = self.MIN_PAUSE
        while not self._closing.is_set():
            try:
                with socket.create_connection(self.address, timeout=5) as connection:
                    connection.settimeout(None)
                    self._begin(connection)
                    pause = self.MIN_PAUSE
                    self._read(connection)
            except OSError as error:
                logger.debug("no connection to APNs: %s", error)
            finally:
                self._tried.set()
                with self._lock:
                    self._socket = None
            self._closing.wait(pause * random.uniform(0.5, 1.5))
            pause = min(pause * 2, self.MAX_PAUSE)

    def _begin(self, connection: socket.socket) -> None:
        """Register everything again: this APNs may know nothing of us."""
        with self._lock:
            self._socket = connection
            for token, subscription in self._subscriptions.items():
                self._send(token, subscription)
            self._tried.set()
            if self._closing.is_set():
                connection.shutdown(socket.SHUT_RDWR)

    def _read(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as lines:
            for line in lines:
                self._take(json.loads(line))

    def _take(self, message: dict[str, str]) -> None:
        if "token" in message:
            self._deliver(message["token"], message["mdm"])
        elif "registered" in message:
            self._settle(message["registered"])
        else:
            self._settle(message["unregistered"])

    def _settle(self, token: str) -> None:
        with self._lock:
            subscription = self._subscriptions.get(token)
            if subscription and subscription.callback is None:
                del self._subscriptions[token]
        if subscription:
            subscription.settled.set()

    def _deliver(self, token: str, magic: str) -> None:
        with self._lock:
            subscription = self._subscriptions.get(token)
        if subscription and subscription.callback:
            try:
                subscription.callback(magic)
            except Exception:
                logger.exception("a device failed over a push")
