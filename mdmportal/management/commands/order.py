"""Orders a command to one device or all of them."""

import datetime as dt
import json
import plistlib
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from commands import checking, orders
from commands.models import Delivery
from devices import lookup
from mdmportal.protocol import ProtocolError, plist

LONGEST = 365 * 24
"""Hours in which an order expires at the latest, if it does."""


class Command(BaseCommand):
    help = "Orders REQUESTTYPE to a device, or to all, and prints what was queued."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("request_type", metavar="REQUESTTYPE")
        parser.add_argument(
            "--to", required=True, help="serial number, UDID, EnrollmentID, or 'all'"
        )
        parser.add_argument("--user", default="", help="UserID or short name")
        parser.add_argument(
            "--keys", default="{}", help="the command's keys: JSON or an XML plist"
        )
        parser.add_argument("--note", default="")
        parser.add_argument(
            "--expires",
            type=_hours,
            metavar="HOURS",
            help="not sent any more after so many hours; without it, never",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        channels = list(lookup.channels(options["to"], options["user"]))
        if not channels:
            raise CommandError(f"no enrolled device or user matches {options['to']!r}")
        life: dt.timedelta | None = options["expires"]
        try:
            order = orders.place(
                channels,
                options["request_type"],
                _keys(options["keys"]),
                note=options["note"],
                expires_at=timezone.now() + life if life else None,
            )
        except checking.Invalid as problem:
            raise CommandError(str(problem)) from problem
        for device, reason in order.refused:
            self.stderr.write(f"{device}: {reason}")
        self.stdout.write(json.dumps(_rows(order), indent=1))


def _hours(text: str) -> dt.timedelta:
    """Return the time in ``text``, a number of hours that is not above LONGEST."""
    try:
        hours = float(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is not a number") from error
    if not 0 < hours <= LONGEST:
        raise ArgumentTypeError(f"must be more than 0 and at most {LONGEST}")
    return dt.timedelta(hours=hours)


def _keys(text: str) -> dict[str, Any]:
    try:
        if text.lstrip().startswith("<"):
            return plist.loads(text.encode())
        keys = json.loads(text)
    except (ProtocolError, ValueError, plistlib.InvalidFileException) as error:
        raise CommandError(f"--keys cannot be read: {error}") from error
    if not isinstance(keys, dict):
        raise CommandError("--keys is not a dictionary")
    return keys


def _rows(order: orders.Placed) -> list[dict[str, Any]]:
    deliveries = Delivery.objects.filter(command__in=order.commands)
    return [
        {
            "command_uuid": delivery.uuid,
            "device": delivery.channel.enrollment.device_id,
            "user": delivery.channel.user_id,
        }
        for delivery in deliveries.select_related("channel__enrollment").order_by("pk")
    ]
