"""Measures each road on SQLite and on PostgreSQL; prints a table for the docs.

``python -m bench [--devices N] [--times N] [--database sqlite|postgres]``
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.servers import PostgreSQL, free_port, listens, wait_for

CROWD = 10_000
ROOT = Path(__file__).resolve().parent.parent
HEAD = (
    "| road | connections | requests/s | p50 ms | p99 ms | CPU ms/request "
    "| in signatures |\n| --- | --- | --- | --- | --- | --- | --- |"
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--devices", type=int, default=300)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--database", choices=("sqlite", "postgres"))
    options = parser.parse_args()
    if options.database:
        _measure(options.database, options.devices, options.times)
        return
    for database in ("sqlite", "postgres"):  # Django is set up once in a process
        arguments = ["--devices", str(options.devices), "--times", str(options.times)]
        command = [sys.executable, "-m", "bench", *arguments, "--database", database]
        subprocess.run(command, check=True, cwd=ROOT)


def _measure(database: str, devices: int, times: int) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = 0
        if database == "postgres":
            folder.chmod(0o711)  # PostgreSQL runs as a user of its own
            server = stack.enter_context(Durable(folder))
            assert server.process
            postgres = server.process.pid
            os.environ["DATABASE_URL"] = server.url
        os.environ |= {
            "MDM_DATA": str(folder),
            "MDM_EMBEDDED": "true",
            "LOG_LEVEL": "WARNING",
            "DJANGO_SETTINGS_MODULE": "mdmportal.settings",
        }
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        port, web = stack.enter_context(_served(database))
        _table(database, port, (web, postgres), devices, times)


class Durable(PostgreSQL):
    """PostgreSQL as it is served: what was committed is on the disk."""

    def command(self) -> Sequence[str]:
        durable = ("fsync", "synchronous_commit", "full_page_writes")
        return [*super().command(), *(f"--{name}=on" for name in durable)]


@contextmanager
def _served(database: str) -> Iterator[tuple[int, int]]:
    port = free_port()
    workers, threads = ("1", "4") if database == "sqlite" else ("2", "1")
    command = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi"),
        *("--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"),
        *("--workers", workers, "--blocking-threads", threads),
        "mdmportal.wsgi:application",
    ]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        wait_for(lambda: listens(port), "granian")
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def _table(
    database: str, port: int, processes: tuple[int, int], devices: int, times: int
) -> None:
    from commands import queue

    from . import fleet, machine
    from .client import replay
    from .roads import ROADS

    members = fleet.build(devices)
    everybody = fleet.crowd(CROWD)
    counted = [one for one in processes if one]
    signature = machine.signature_seconds()
    print(
        f"\n{database}: {devices} devices, one RSA signature {signature * 1e3:.2f} ms"
    )
    print(HEAD, flush=True)
    for name, road in ROADS.items():
        for connections in (4, 32):
            scripts = road(members, times)
            replay(port, scripts[:4], 4)  # warm; its reports are repeats later
            before = machine.cpu_seconds(*counted)
            outcome = replay(port, scripts[4:], connections)
            cpu = machine.cpu_seconds(*counted) - before
            each = cpu / len(outcome.latencies)
            failed = f" ({outcome.failures} failed)" if outcome.failures else ""
            print(
                f"| {name}{failed} | {connections} | {outcome.per_second:,.0f} "
                f"| {outcome.percentile(0.5):.1f} | {outcome.percentile(0.99):.1f} "
                f"| {each * 1e3:.2f} | {each / signature:.2f} |",
                flush=True,
            )
    start = time.perf_counter()
    queue.enqueue(everybody, "DeviceLock")
    seconds = time.perf_counter() - start
    print(f"\nOne command ordered to {CROWD:,} devices: {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
