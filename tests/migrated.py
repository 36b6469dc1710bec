"""Migrated: databases with all their tables, made once and copied.

Migrations take a quarter of a minute of computing, and a dozen portals are started.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "var" / "tests"
NAME = "portal.sqlite3"
TEMPLATE = "portal_migrated"


def _of_the_code() -> str:
    """Return what changes when the tables may: our migrations and all packages."""
    digest = hashlib.sha256((ROOT / "requirements.txt").read_bytes())
    for file in sorted(ROOT.glob("*/migrations/*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _migrate(environment: Mapping[str, str]) -> None:
    subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity", "0"],
        env={**environment, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        check=True,
    )


@contextlib.contextmanager
def _alone(name: str) -> Iterator[None]:
    """Two processes of tests begin at once: the second takes what the first made."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sqlite(environment: Mapping[str, str], folder: Path) -> None:
    """Put a migrated database into the folder of an embedded portal."""
    kept = KEPT / f"migrated-{_of_the_code()}.sqlite3"
    with _alone("migrated"):
        if not kept.exists():
            with tempfile.TemporaryDirectory(prefix="mdmportal-") as data:
                _migrate({**environment, "MDM_DATA": data})
                shutil.move(Path(data) / NAME, kept)
    shutil.copyfile(kept, folder / NAME)


def postgresql(server: str, name: str) -> None:
    """Make a migrated database of this name on the server."""
    from .servers import renamed

    with (
        _alone("migrated-postgresql"),
        psycopg.connect(server, autocommit=True) as connection,
    ):
        known = "SELECT 1 FROM pg_database WHERE datname = %s"
        if connection.execute(known, [TEMPLATE]).fetchone() is None:
            connection.execute(f"CREATE DATABASE {TEMPLATE}")
            try:
                with tempfile.TemporaryDirectory(prefix="mdmportal-") as data:
                    _migrate(
                        {
                            "PATH": os.environ.get("PATH", ""),
                            "MDM_DATA": data,
                            "DATABASE_URL": renamed(server, TEMPLATE),
                        }
                    )
            except BaseException:
                connection.execute(f"DROP DATABASE {TEMPLATE} WITH (FORCE)")
                raise
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
