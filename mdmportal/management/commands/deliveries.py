"""Lists the deliveries and how they stand, as JSON."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from commands.models import Delivery
from devices import lookup


class Command(BaseCommand):
    help = "Prints the deliveries, oldest first, as one JSON array."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--device",
            help="only those to this id, serial number or UDID",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        deliveries = Delivery.objects.select_related("command", "channel__enrollment")
        deliveries = deliveries.defer("command__keys_plist")  # sealed, and not shown
        if options["device"] is not None:
            devices = lookup.devices(options["device"])
            if not devices.exists():
                raise CommandError(f"no device is called {options['device']!r}")
            deliveries = deliveries.filter(channel__enrollment__device__in=devices)
        rows = [_row(delivery) for delivery in deliveries.order_by("pk")]
        self.stdout.write(json.dumps(rows, indent=1))


def _row(delivery: Delivery) -> dict[str, Any]:
    return {
        "command_uuid": delivery.uuid,
        "request_type": delivery.command.request_type,
        "device": delivery.channel.enrollment.device_id,
        "user": delivery.channel.user_id,
        "state": delivery.state,
        "error_chain": delivery.error_chain,
    }
