"""Portal: the real portal, run as processes on free ports beside simulated APNs.

Without DATABASE_URL it is the embedded default, one process on SQLite. With it and
REDIS_URL it is what docker-compose.yml serves: web server, worker and beat apart, on a
database of its own on that server.
"""

import contextlib
import json
import os
import secrets
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg

from mdmportal.simulator.apns import SimulatedAPNs, run_in_thread
from mdmportal.simulator.apple import SimulatedApple
from mdmportal.simulator.factory import Factory

from . import migrated
from .console import Console
from .servers import Server, free_port, renamed, wait_for

ROOT = Path(__file__).resolve().parent.parent
OF_THE_TESTS = (
    *("DJANGO_SETTINGS_MODULE", "MDM_", "DATABASE_", "REDIS_", "APNS_"),
    "DEVICE_CA_",
)
"""Beginnings of the variables that a portal does not inherit."""
ADMIN = "admin"
PREPARE = """
import sys
from apns import certificates
from enrollment import authority

authority.current()
files = [open(name, "rb").read() for name in %r]
certificates.take(certificates.read(*files), apple_account="simulated")
"""


class Piece(Server):
    """One of the portal's own processes."""

    def __init__(
        self, name: str, portal: "Portal", arguments: Sequence[str], port: int = 0
    ) -> None:
        self.program, self.arguments = name, arguments
        super().__init__(portal.folder, port or free_port())
        self.environment = portal.environment
        self.answers = port != 0

    def command(self) -> Sequence[str]:
        return [sys.executable, *self.arguments]

    def is_up(self) -> bool:
        return not self.answers or _answers(f"http://127.0.0.1:{self.port}/readyz")


class Portal:
    """A running portal, and the simulated APNs that it pushes to.

    ``apns`` is there to be asked and to be told how to answer; devices reach it at
    ``courier``. A piece is stopped and started by its name in ``pieces``.
    """

    def __init__(self, folder: Path, apns: SimulatedAPNs, **variables: str) -> None:
        self.folder, self.apns, self.port = folder, apns, free_port()
        self.factory = Factory(folder / "simulator")
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **_inherited(),
            "MDM_DATA": str(folder),
            "PUBLIC_URL": self.url,
            "MDM_SIMULATED": "true",
            "APNS_HOST": "localhost",
            "APNS_PORT": str(apns.port),
            "APNS_CA_FILE": str(apns.apple.ca_file),
            "DEVICE_CA_FILE": str(self.factory.ca_file),
            "DJANGO_SETTINGS_MODULE": "mdmportal.settings",
            "PYTHONPATH": str(ROOT),
            **variables,
        }
        self.pieces: dict[str, Piece] = {}
        self.console: Console | None = None
        self.admin, self.password = ADMIN, ""

    @property
    def courier(self) -> tuple[str, int]:
        """Host and port of the simulated APNs for devices."""
        return "127.0.0.1", self.apns.courier_port

    def manage(self, *arguments: str, **variables: str) -> Any:
        """Run manage.py; return its output, read if it is JSON, else as bytes."""
        if self.console and not variables:
            said = self.console.run(arguments)
        else:
            said = self._manage(arguments, variables)
        return json.loads(said) if said.startswith((b"[", b"{")) else said

    def _manage(self, arguments: Sequence[str], variables: Mapping[str, str]) -> bytes:
        """Run it as people do, in a process of its own."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env={**self.environment, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        if done.returncode:
            raise RuntimeError(f"manage.py {arguments}:\n{done.stderr.decode()}")
        return done.stdout

    def start(self, piece: str) -> None:
        self.pieces[piece].start()

    def stop(self, piece: str) -> None:
        self.pieces[piece].stop()

    def log(self) -> str:
        return "\n".join(piece.log.read_text() for piece in self.pieces.values())

    @contextlib.contextmanager
    def running(self) -> Iterator["Portal"]:
        with contextlib.ExitStack() as stack:
            for piece in self.pieces.values():
                stack.enter_context(piece)
            self.console = Console(self.environment, self.folder)
            stack.callback(self.console.close)
            yield self


class Embedded(Portal):
    """The embedded default, as ``make run`` has it, without devices of its own."""

    def __init__(self, folder: Path, apns: SimulatedAPNs) -> None:
        super().__init__(folder, apns, CELERY_APP="mdmportal")
        run = [str(ROOT / "manage.py"), "run", "--devices", "0"]
        run += ["--port", str(self.port)]
        self.pieces = {"portal": Piece("portal", self, run, self.port)}

    @contextlib.contextmanager
    def running(self) -> Iterator[Portal]:
        migrated.sqlite(self.environment, self.folder)
        with super().running():
            self.password = (self.folder / "admin.password").read_text().strip()
            yield self


class Served(Portal):
    """Served mode, each piece as docker-compose.yml runs it."""

    def __init__(
        self,
        folder: Path,
        apns: SimulatedAPNs,
        database: str,
        redis: str,
        **variables: str,
    ) -> None:
        super().__init__(
            folder,
            apns,
            MDM_EMBEDDED="false",
            DATABASE_URL=database,
            REDIS_URL=redis,
            SECRET_KEY=secrets.token_hex(32),
            FIELD_KEYS=secrets.token_hex(32),
            **variables,
        )
        celery = ["-m", "celery", "-A", "mdmportal"]
        self.pieces = {
            "web": Piece("web", self, self._web(), self.port),
            "worker": Piece("worker", self, [*celery, "worker", "--concurrency", "1"]),
            "beat": Piece("beat", self, [*celery, "beat", *IN_MEMORY]),
        }

    def _web(self) -> Sequence[str]:
        return [
            *("-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1"),
            *("--port", str(self.port), "--workers", "1", "--blocking-threads", "1"),
            *("--log-level", "warning", "mdmportal.wsgi:application"),
        ]

    @contextlib.contextmanager
    def running(self) -> Iterator[Portal]:
        self._prepare()
        with super().running():
            yield self

    def _prepare(self) -> None:
        self.manage("migrate", "--verbosity", "0")
        self.manage("collectstatic", "--noinput", "--verbosity", "0")
        pair = [self.folder / "push.pem", self.folder / "push.key"]
        for file, content in zip(
            pair, self.apns.apple.issue_push_certificate(), strict=True
        ):
            file.write_bytes(content)
        code = PREPARE % [str(file) for file in pair]
        self.manage("shell", "--no-imports", "--command", code)
        self.password = secrets.token_hex(8)
        self.manage(
            *("createsuperuser", "--noinput", "--username", ADMIN),
            *("--email", "admin@localhost"),
            DJANGO_SUPERUSER_PASSWORD=self.password,
        )


IN_MEMORY = ("--scheduler", "celery.beat:Scheduler")
"""Beat keeps no file: when a task last ran is of no use after a restart."""


@contextlib.contextmanager
def run_portal(
    folder: Path, *, database: str = "", redis: str = ""
) -> Iterator[Portal]:
    """Run a portal in ``folder``: embedded, or served from the servers named."""
    apple = SimulatedApple(folder / "simulator")
    with run_in_thread(apple) as apns:
        if not database:
            with Embedded(folder, apns).running() as portal:
                yield portal
            return
        with _database_on(database) as ours:
            served = Served(folder, apns, ours, renamed(redis, _number()))
            with served.running() as portal:
                yield portal


def _number() -> str:
    """The Redis database of this test process: workers take from none but ours."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    return str(1 + int(worker.removeprefix("gw")))


@contextlib.contextmanager
def _database_on(server: str) -> Iterator[str]:
    """Make a database on the server, its tables there, and drop it after."""
    name = f"portal_{secrets.token_hex(4)}"
    migrated.postgresql(server, name)
    try:
        yield renamed(server, name)
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            drop = f"DROP DATABASE {name} WITH (FORCE)"
            connection.execute(drop)


def _inherited() -> Mapping[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(OF_THE_TESTS)
    }


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10):
            return True
    except (urllib.error.URLError, OSError):
        return False


def status(url: str) -> int:
    """Return the status of a GET; 0 when there is no answer."""
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return 0


__all__ = ["Portal", "run_portal", "status", "wait_for"]
