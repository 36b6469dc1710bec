"""The whole suite: on SQLite as embedded, then on PostgreSQL and Redis as served.

    python -m tests.run [--only sqlite|postgres] [what pytest takes ...]

Both servers are private: started on free ports, their data in temporary folders, and
stopped whatever happens. Programs that tests need are installed where apt-get may be
used without asking, else named.
"""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from .servers import Redis, find, run_postgresql

ROOT = Path(__file__).resolve().parent.parent
SQLITE, POSTGRES = "sqlite", "postgres"
NO_TESTS_RAN = 5  # pytest's; all that was asked for runs on SQLite, say

ONCE = (
    *(
        f"tests/api/test_{name}.py"
        for name in (
            *("catalogue", "description", "metrics", "real", "rights"),
            *("token_pages", "tokens"),
        )
    ),
    "tests/apns/test_client.py",
    "tests/browser",
    "tests/catalogue",
    "tests/journeys/test_every_way_in.py",
    "tests/journeys/test_foreign_scep.py",
    "tests/journeys/test_round_trip.py",
    *(
        f"tests/pages/test_{name}.py"
        for name in (
            *("access", "account_forms", "business_key", "demo", "devices"),
            *("device_tabs", "guided", "key_forms", "order_command", "order_forms"),
            *("invitations", "location", "managed_users", "migration", "my_devices"),
            *("ordering", "push_certificate", "queue", "reveal", "rights", "secrets"),
            *("recurring_orders", "roles", "self_service", "sign_on", "ways_in"),
            *("schedules", "words"),
        )
    ),
    "tests/protocol",
    "tests/road/test_captured_pages.py",
    "tests/road/test_discovery.py",
    "tests/road/test_discovery_check.py",
    "tests/road/test_refusals.py",
    "tests/road/test_sayings.py",
    "tests/serving",
    "tests/settings",
    "tests/signon",
    "tests/simulator",
)
"""What has no database or starts its own, what others say, and what is about words,
rights and refusals, where one database does as the other: run once."""
PARALLEL = ("-n", "2", "--dist", "loadfile")
"""Two at once, each file by one of them, whose portal its tests share."""
SERVERS = ("DATABASE_URL", "REDIS_URL")


class Need(NamedTuple):
    """A program from the system: what it is for, and Debian's packages of it."""

    program: str
    packages: str
    purpose: str
    is_essential: bool = False


NEEDS = (
    Need("initdb", "postgresql", "the suite on PostgreSQL", is_essential=True),
    Need("redis-server", "redis-server", "the suite on PostgreSQL", is_essential=True),
    Need("nginx", "nginx-light", "tests of the TLS proxy"),
    Need("chromium", "chromium", "tests of pages"),
    Need("scepclient", "scep", "foreign SCEP clients"),
    Need("certmonger", "certmonger dbus", "foreign SCEP clients"),
    Need("openssl", "openssl", "messages made by another CMS"),
    Need("xmlsec1", "xmlsec1", "the SAML provider of the tests"),
    Need("node", "nodejs", "the OpenID Connect provider of the tests"),
    Need("npm", "npm", "the OpenID Connect provider of the tests"),
)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="tests.run")
    parser.add_argument("--only", choices=(SQLITE, POSTGRES), default="")
    options, wanted = parser.parse_known_args(arguments)
    signal.signal(signal.SIGTERM, _end)
    _get_programs()
    runs = {SQLITE: _on_sqlite, POSTGRES: _on_postgres}
    names = [options.only] if options.only else [SQLITE, POSTGRES]
    missing = [one.packages for one in _missing() if one.is_essential]
    if missing and POSTGRES in names:
        return 1
    return max([runs[name](wanted) for name in names])


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)  # as an exception, which stops the servers


# --- Programs


def _missing() -> list[Need]:
    return [need for need in NEEDS if find(need.program) is None]


def _get_programs() -> None:
    """Install what is missing if that can be done without asking; else name it."""
    if not (missing := _missing()):
        return
    packages = sorted({name for need in missing for name in need.packages.split()})
    if root := _root():
        print(f"Installing {' '.join(packages)} ...", flush=True)
        _apt_get(root, packages)
        missing = _missing()
    if missing:
        programs = ", ".join(f"{need.program} ({need.purpose})" for need in missing)
        how = f"sudo apt-get install {' '.join(packages)}"
        print(f"Missing: {programs}. On Debian: {how}", flush=True)


def _root() -> Sequence[str] | None:
    """Return what to put in front of a command to run it as root, None if we cannot."""
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return ["env"]
    if shutil.which("sudo") and _run(["sudo", "-n", "true"]) == 0:
        return ["sudo", "-n"]
    return None


def _apt_get(root: Sequence[str], packages: Iterable[str]) -> None:
    get = [*root, "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    _run([*get, "update"])
    _run([*get, "install", "-y", "--no-install-recommends", *packages])


def _run(command: Sequence[str]) -> int:
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ).returncode


# --- Runs


def _on_sqlite(wanted: Sequence[str]) -> int:
    return _pytest("SQLite", wanted, {})


def _on_postgres(wanted: Sequence[str]) -> int:
    once = [f"--deselect={path}" for path in ONCE]
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="mdmportal-"))
        redis = stack.enter_context(Redis(Path(folder)))
        postgresql = stack.enter_context(run_postgresql())
        servers = {"DATABASE_URL": postgresql.url, "REDIS_URL": redis.url}
        return _pytest("PostgreSQL and Redis", [*once, *wanted], servers)


def _pytest(where: str, wanted: Sequence[str], servers: Mapping[str, str]) -> int:
    print(f"\n=== The suite on {where}\n", flush=True)
    begun = time.monotonic()
    clean = {key: value for key, value in os.environ.items() if key not in SERVERS}
    with tempfile.TemporaryDirectory(prefix="mdmportal-") as data:
        command = [sys.executable, "-m", "pytest", "--durations=10", *PARALLEL, *wanted]
        code = _wait(command, {**clean, "MDM_DATA": data, **servers})
    print(f"\n=== {where}: {time.monotonic() - begun:.0f} seconds", flush=True)
    return 0 if code == NO_TESTS_RAN and wanted else code


def _wait(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run pytest; if we are ended, let it stop first what it started."""
    child = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL
    )
    try:
        return child.wait()
    except SystemExit:
        child.send_signal(signal.SIGINT)  # as Ctrl-C, which it gets by itself
        raise
    finally:
        child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
