"""Servers: PostgreSQL, Redis and nginx of our own, on free ports, in a folder."""

import contextlib
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

HIDDEN = ("/usr/sbin", *sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True))
PATH = os.pathsep.join((os.environ["PATH"], *HIDDEN))
PATIENCE = 60
"""Seconds after which what should have come about is given up; never asserted."""


def find(program: str) -> str | None:
    """Return the path of ``program``, also where Debian hides it, or None."""
    return shutil.which(program, path=PATH)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(came_about: Callable[[], Any], what: str) -> Any:
    """Return the first true value of ``came_about``, asked again and again."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if value := came_about():
            return value
        time.sleep(0.1)
    raise TimeoutError(f"{what}: not within {PATIENCE} seconds")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Server:
    """A process that listens on ``port``; what it says goes to ``log``."""

    program: str
    environment: Mapping[str, str] | None = None
    user: str | None = None

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder, self.port = folder, port or free_port()
        self.log = folder / f"{self.program}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> Sequence[str]:
        raise NotImplementedError

    def start(self) -> Self:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=self.environment,
                start_new_session=True,  # Ctrl-C is ours to handle
                **_as(self.user),
            )
        try:
            wait_for(self._has_started, self.program)
        except BaseException:
            self.stop()
            raise
        return self

    def _has_started(self) -> bool:
        assert self.process
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.program} ended:\n{self.log.read_text()}")
        return self.is_up()

    def is_up(self) -> bool:
        return listens(self.port)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


class PostgreSQL(Server):
    """A cluster made for the tests; not run as root, which PostgreSQL refuses."""

    program = "postgres"

    def __init__(self, folder: Path, port: int = 0) -> None:
        super().__init__(folder, port)
        self.data = folder / "postgres"
        self.user = _unprivileged() if os.geteuid() == 0 else None
        if not self.data.exists():
            self._make()

    def _make(self) -> None:
        self.data.mkdir(mode=0o700)
        if self.user:
            shutil.chown(self.data, self.user)
        initdb = [_found("initdb"), "--pgdata", str(self.data), "--username", "portal"]
        initdb += ["--auth", "trust", "--encoding", "UTF8", "--locale", "C"]
        subprocess.run(
            [*initdb, "--no-sync"],
            check=True,
            capture_output=True,
            cwd=self.data,
            **_as(self.user),
        )

    def command(self) -> Sequence[str]:
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",  # its data does not outlive the tests
            "synchronous_commit": "off",
            "full_page_writes": "off",
        }
        switches = [f"--{name}={value}" for name, value in options.items()]
        program = _found(self.program)
        return [program, "-D", str(self.data), "-p", str(self.port), *switches]

    @property
    def url(self) -> str:
        return f"postgres://portal@127.0.0.1:{self.port}/postgres"

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop at once: SIGINT ends sessions, SIGTERM would wait for them."""
        super().stop(how)


@contextlib.contextmanager
def run_postgresql() -> Iterator[PostgreSQL]:
    """Run PostgreSQL in a folder of its own, which another user may pass through."""
    with tempfile.TemporaryDirectory(prefix="mdmportal-") as folder:
        Path(folder).chmod(0o711)
        with PostgreSQL(Path(folder)) as server:
            yield server


class Redis(Server):
    program = "redis-server"

    def command(self) -> Sequence[str]:
        return [
            *(_found(self.program), "--bind", "127.0.0.1", "--port", str(self.port)),
            *("--dir", str(self.folder), "--save", "", "--appendonly", "no"),
        ]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"


class Nginx(Server):
    """nginx with the portal's own server block, ``template``, filled in."""

    program = "nginx"

    def __init__(
        self, folder: Path, template: Path, values: Mapping[str, str], port: int
    ) -> None:
        super().__init__(folder, port)
        block = template.read_text()
        for name, value in values.items():
            block = block.replace(f"${{{name}}}", value)
        (folder / "portal.conf").write_text(block)
        (folder / "nginx.conf").write_text(self._main())

    def _main(self) -> str:
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "".join(f"{kind}_temp_path {self.folder}/tmp;\n" for kind in kinds)
        user = "user root;\n" if os.geteuid() == 0 else ""  # the folder is ours alone
        return (
            f"{user}pid {self.folder}/nginx.pid;\nerror_log stderr warn;\ndaemon off;\n"
            "events {}\n"
            f"http {{\naccess_log {self.folder}/access.log;\n{temporary}"
            f"include {self.folder}/portal.conf;\n}}\n"
        )

    def command(self) -> Sequence[str]:
        configuration = str(self.folder / "nginx.conf")
        return [_found(self.program), "-p", str(self.folder), "-c", configuration]


def _found(program: str) -> str:
    path = find(program)
    if path is None:
        raise FileNotFoundError(f"{program} is not installed")
    return path


def _as(user: str | None) -> dict[str, Any]:
    if user is None:
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def _unprivileged() -> str:
    """Return the user that the system's PostgreSQL would run as, or any other."""
    users = {one.pw_name for one in pwd.getpwall()}
    return "postgres" if "postgres" in users else "nobody"


def renamed(url: str, database: str) -> str:
    """Return ``url`` with the name of another database, or Redis's number of it."""
    return urlsplit(url)._replace(path=f"/{database}").geturl()
