"""Runs simulated devices against a portal, and simulated APNs if asked to."""

import signal
import time
from argparse import ArgumentParser
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from enrollment.models import EnrollmentProfile
from mdmportal.simulator import fleet
from mdmportal.simulator.account import Account
from mdmportal.simulator.apns import run_in_thread
from mdmportal.simulator.apple import SimulatedApple
from mdmportal.simulator.factory import Factory


class Command(BaseCommand):
    help = "Enrolls simulated devices by a profile's URL; they obey until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--count", type=int, default=10, help="how many devices")
        parser.add_argument(
            "--profile", default="", metavar="URL", help="default: this portal's"
        )
        parser.add_argument(
            "--courier",
            default=None,
            metavar="HOST:PORT",
            help="where simulated APNs brings pushes; '' polls instead",
        )
        parser.add_argument(
            "--apns", default="", metavar="PORT,PORT", help="run APNs and its courier"
        )
        parser.add_argument(
            "--account",
            metavar="USER@DOMAIN",
            help="every third device comes in by this account, if it can",
        )
        parser.add_argument(
            "--password-file", metavar="FILE", help="its password is in this file"
        )
        parser.add_argument("--folder", help="keeps the devices for the next run")
        parser.add_argument("--first", type=int, default=0, help="number of the first")
        parser.add_argument("--seconds", type=float, help="end after so long")
        parser.add_argument("--poll", type=float, default=30.0, metavar="SECONDS")
        parser.add_argument(
            "--key-pool", type=int, default=0, help="share so many keys: for load"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        signal.signal(signal.SIGTERM, _interrupt)
        folder = Path(settings.DATA_DIR) / "simulator"
        with ExitStack() as stack:
            if options["apns"]:
                port, courier_port = (int(one) for one in options["apns"].split(","))
                apple = SimulatedApple(folder)
                stack.enter_context(
                    run_in_thread(apple, port=port, courier_port=courier_port)
                )
                options["courier"] = f"127.0.0.1:{courier_port}"
                address(folder).write_text(options["courier"])
            if not self._run(folder, options):
                raise SystemExit(1)

    def _run(self, folder: Path, options: dict[str, Any]) -> bool:
        if not options["count"]:
            return _wait()
        courier = options["courier"]
        if courier is None:
            known = address(folder)
            courier = known.read_text() if known.exists() else ""
        problems = fleet.run(
            profile_url=options["profile"] or _profile_url(),
            count=options["count"],
            courier=courier,
            folder=options["folder"] or "",
            seconds=options["seconds"],
            poll=options["poll"],
            key_pool=options["key_pool"],
            first=options["first"],
            factory=Factory(folder),
            account=_account(options),
            out=self.stdout.write,
        )
        return not problems


def _account(options: dict[str, Any]) -> Account | None:
    """Return the account to enroll by; who manages its domain is asked of us."""
    if not options["account"]:
        return None
    if not options["password_file"]:
        raise CommandError("--account needs --password-file")
    password = Path(options["password_file"]).read_text().strip()
    return Account(options["account"], password, settings.PUBLIC_URL)


def address(folder: Path) -> Path:
    """Where the embedded default writes down the courier of its simulated APNs."""
    return folder / "courier"


def _profile_url() -> str:
    way = EnrollmentProfile.objects.filter(is_enabled=True).order_by("pk").first()
    if way is None:
        raise CommandError("there is no way in that is enabled: name one by --profile")
    return f"{way.url}profile"


def _wait() -> bool:
    try:
        while True:
            time.sleep(60)
    except KeyboardInterrupt:
        return True


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
