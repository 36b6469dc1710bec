"""The machine: CPU time of processes, and the yardstick of one RSA signature."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

TICK = os.sysconf("SC_CLK_TCK")


def family(root: int) -> Iterator[int]:
    """Yield a process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    waiting = [root]
    while waiting:
        process = waiting.pop()
        yield process
        waiting += children.get(process, [])


def cpu_seconds(*roots: int) -> float:
    """Return the CPU time that these processes and their families have used."""
    total = 0
    for process in {one for root in roots for one in family(root)}:
        try:
            stat = Path(f"/proc/{process}/stat").read_text()
        except OSError:
            continue
        fields = stat.rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])  # user and system
    return total / TICK


def signature_seconds() -> float:
    """Return the time of one RSA-2048 signature here and now: the median of many."""
    key = rsa.generate_private_key(65537, 2048)
    times = []
    for _ in range(200):
        start = time.perf_counter()
        key.sign(b"x", padding.PKCS1v15(), hashes.SHA256())
        times.append(time.perf_counter() - start)
    return sorted(times)[100]
