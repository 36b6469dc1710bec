"""The client: replays requests that were written and signed beforehand.

Each connection is a thread with a socket kept open; what is sent is bytes, and of the
answer only the status and the length are looked at, so that the client stays cheap.
"""

import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Outcome:
    """What one run brought: seconds of each request, and what was not answered 200."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    failures: int = 0

    def percentile(self, share: float) -> float:
        """Return the latency, in milliseconds, that ``share`` of the requests beat."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)]

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds


def request(
    method: str, path: str, body: bytes = b"", headers: Sequence[tuple[str, str]] = ()
) -> bytes:
    """Return a whole HTTP/1.1 request as bytes."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in headers]
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def replay(port: int, scripts: Sequence[Sequence[bytes]], connections: int) -> Outcome:
    """Send each script's requests in order, ``connections`` scripts at a time."""
    outcome, lock = Outcome(), threading.Lock()
    waiting = iter(scripts)

    def work() -> None:
        line = socket.create_connection(("127.0.0.1", port))
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        latencies: list[float] = []
        failures = 0
        while True:
            with lock:
                script = next(waiting, None)
            if script is None:
                break
            for one in script:
                start = time.perf_counter()
                line.sendall(one)
                failures += _status(line) != b"200"
                latencies.append(time.perf_counter() - start)
        line.close()
        with lock:
            outcome.latencies += latencies
            outcome.failures += failures

    threads = [threading.Thread(target=work) for _ in range(connections)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcome.seconds = time.perf_counter() - start
    return outcome


def _status(line: socket.socket) -> bytes:
    """Read one response, return its status."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = line.recv(65536)
        if not part:
            return b"closed"
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for header in head.lower().split(b"\r\n")[1:]:
        if header.startswith(b"content-length:"):
            length = int(header[15:])
    while len(body) < length:
        body += line.recv(65536)
    return head[9:12]
