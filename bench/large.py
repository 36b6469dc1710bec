"""Measures the pages of a large fleet on PostgreSQL; prints tables for the docs.

``python -m bench.large [--devices N] [--applications N] [--each N] [--orders]``

A page that asks more of the database than it may ends in an error.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .__main__ import Durable

TIMES = 5


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--devices", type=int, default=100_000)
    parser.add_argument("--applications", type=int, default=3_000)
    parser.add_argument("--each", type=int, default=100)
    parser.add_argument(
        "--orders", action="store_true", help="nothing but an order to all of them"
    )
    options = parser.parse_args()
    with _portal():
        from .inventory import Size, build

        size = Size(options.devices, options.applications, options.each)
        start = time.perf_counter()
        build(size)
        print(
            f"{size.devices:,} devices with {size.each} applications each, "
            f"{size.people:,} people: written in {time.perf_counter() - start:.0f} s\n",
            flush=True,
        )
        over = _orders() if options.orders else [*_pages(), *_work(), *_orders()]
        print("\n".join(over), file=sys.stderr)
        return 1 if over else 0


@contextmanager
def _portal() -> Iterator[None]:
    """Set Django up on a database of its own, as it is served."""
    with tempfile.TemporaryDirectory(prefix="mdmportal-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL runs as a user of its own
        with Durable(folder) as server:
            os.environ |= {
                "DATABASE_URL": server.url,
                "MDM_DATA": name,
                "MDM_EMBEDDED": "true",
                "LOG_LEVEL": "WARNING",
                "DJANGO_SETTINGS_MODULE": "mdmportal.settings",
            }
            import django

            django.setup()
            from django.conf import settings
            from django.core.management import call_command

            settings.ALLOWED_HOSTS = ["*"]  # the test client names a host of its own
            call_command("migrate", verbosity=0)
            yield


def _pages() -> list[str]:
    """Print what each page takes; return those that ask for more than they may."""
    from . import pages

    client, over = pages.administrator(), []
    print("| page | statements | p50 ms | of it in the database |")
    print("| --- | --- | --- | --- |")
    for page in pages.PAGES:
        if page.times > 1:
            client.get(page.url())  # what is remembered from the first time on
        seen = pages.visit(client, page, times=TIMES)
        print(
            f"| {page.name} | {seen.statements} | {seen.seconds * 1e3:,.0f} "
            f"| {seen.in_database * 1e3:,.0f} |",
            flush=True,
        )
        if seen.statements > page.limit:
            over.append(f"{page.name}: {seen.statements} instead of {page.limit}")
    return over


def _work() -> list[str]:
    from . import work

    over = []
    print("\n| work | statements | ms |\n| --- | --- | --- |")
    for job in work.JOBS:
        statements, seconds = work.do(job)
        print(f"| {job.name} | {statements} | {seconds * 1e3:,.0f} |", flush=True)
        if statements > job.most:
            over.append(f"{job.name}: {statements} instead of {job.most}")
    return over


def _orders() -> list[str]:
    from . import orders

    over = []
    print("\n| an order to all | statements | s |\n| --- | --- | --- |")
    for step in orders.steps():
        print(f"| {step.name} | {step.statements} | {step.seconds:,.2f} |", flush=True)
        if step.statements > step.most:
            over.append(f"{step.name}: {step.statements} instead of {step.most}")
    return over


if __name__ == "__main__":
    sys.exit(main())
