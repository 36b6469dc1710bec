"""Runs the embedded default: the portal, and simulated devices and Apple beside it."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from argparse import ArgumentParser
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from apns import certificates
from apns.models import PushCertificate
from devices.models import User
from enrollment import authority
from enrollment.models import EnrollmentProfile
from mdmportal import demo, keys
from mdmportal.simulator.apple import SimulatedApple
from mdmportal.simulator.factory import Factory

ADMIN = "admin"


class Command(BaseCommand):
    help = "Prepares and runs the portal in one process, with simulated devices."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument(
            "--devices", type=int, default=6, help="simulated devices; 0 for none"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.EMBEDDED:
            raise CommandError("MDM_EMBEDDED is off: docker-compose.yml serves.")
        port, count = options["port"], options["devices"]
        _check_free(port)
        password = _prepare()
        way = EnrollmentProfile.objects.filter(is_enabled=True).order_by("pk").first()
        person = demo.prepare(Path(settings.DATA_DIR)) if count else None
        connections.close_all()
        apns, courier = _free_port(), _free_port()
        url = f"http://127.0.0.1:{port}"
        environment = _environment(url, apns)
        with _Children() as children:
            simulator = [*_manage("simulate"), "--count", str(count)]
            simulator += [
                "--apns",
                f"{apns},{courier}",
                "--folder",
                str(_folder() / "devices"),
            ]
            if way and count:
                simulator += ["--profile", f"{url}/enroll/{way.code}/profile"]
            if person:
                simulator += ["--account", person.identifier]
                simulator += ["--password-file", str(person.password_file)]
            children.start(_server(port), environment)
            _wait_for(f"{url}/readyz", children)
            children.start(simulator, environment)
            self._greet(url, password, person)
            children.wait()

    def _greet(self, url: str, password: str, person: demo.Person | None) -> None:
        secret = password or "(as you changed it)"
        enroll = f"  enroll a device: {url}/enroll/"
        if person:
            enroll += f" as {person.identifier}, password {person.password}"
        self.stdout.write(
            f"\nMDM Portal is ready: {url}\n"
            f"  sign in as {ADMIN}, password {secret}\n"
            f"{enroll}\n"
            "  Devices and Apple are simulated. Ctrl-C ends it.\n"
        )


def _prepare() -> str:
    """Make what the portal needs; return the admin's password while it is ours."""
    settings.DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    call_command("migrate", verbosity=0)
    authority.current()
    if not PushCertificate.objects.exists():
        pair = SimulatedApple(_folder()).issue_push_certificate()
        certificates.take(certificates.read(*pair), apple_account="simulated")
    return _admin()


def _folder() -> Path:
    return Path(settings.DATA_DIR) / "simulator"


def _admin() -> str:
    file = Path(settings.DATA_DIR) / "admin.password"
    if not User.objects.filter(is_superuser=True).exists():
        file.unlink(missing_ok=True)
        password = keys.keep(file, secrets.randbelow(3) + 6)
        User.objects.create_superuser(ADMIN, "admin@localhost", password)
        return password
    password = file.read_text().strip() if file.exists() else ""
    admin = User.objects.filter(username=ADMIN).first()
    return password if admin and admin.check_password(password) else ""


def _environment(url: str, apns: int) -> dict[str, str]:
    return {
        "PUBLIC_URL": url,
        "MDM_SIMULATED": "true",
        "MDM_RUNNING": "1",
        "APNS_HOST": "localhost",
        "APNS_PORT": str(apns),
        "APNS_CA_FILE": str(_folder() / "ca.pem"),
        "DEVICE_CA_FILE": str(Factory(_folder()).ca_file),
        "CELERY_APP": "mdmportal",
    } | dict(os.environ)


def _manage(*arguments: str) -> list[str]:
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]


def _server(port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "granian", "--interface", "wsgi"),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--blocking-threads", "4", "--log-level", "warning"),
        "mdmportal.wsgi:application",
    ]


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise CommandError(f"Port {port} is in use. Try: make run PORT={port + 1}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str, children: "_Children") -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310  # our own
                return
        except OSError:
            children.check()
            time.sleep(0.1)
    raise CommandError("The portal does not start: see the lines above.")


class _Children:
    """The processes that make up the embedded default; all end when one does."""

    def __init__(self) -> None:
        self.running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "_Children":
        signal.signal(signal.SIGTERM, _interrupt)
        return self

    def start(self, command: list[str], environment: dict[str, str]) -> None:
        child = subprocess.Popen(command, env=environment, start_new_session=True)  # noqa: S603
        self.running.append(child)

    def check(self) -> None:
        for child in self.running:
            if child.poll() is not None:
                raise CommandError(f"{child.args!r} ended with {child.returncode}.")

    def wait(self) -> None:
        while True:
            self.check()
            time.sleep(0.5)

    def __exit__(self, kind: object, error: object, *_: object) -> bool:
        for child in self.running:
            child.terminate()
        for child in self.running:
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
        return kind is KeyboardInterrupt


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
