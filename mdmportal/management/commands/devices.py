"""Lists the devices and their channels, as JSON."""

import json
from typing import Any

from django.core.management.base import BaseCommand
from django.core.serializers.json import DjangoJSONEncoder

from devices.models import Device, Enrollment, present_stay


class Command(BaseCommand):
    help = "Prints every device with its channels, as one JSON array."

    def handle(self, *args: Any, **options: Any) -> None:
        rows = [_row(device) for device in Device.objects.order_by("pk")]
        self.stdout.write(json.dumps(rows, cls=DjangoJSONEncoder, indent=1))


def _row(device: Device) -> dict[str, Any]:
    present = present_stay(device.enrollments.all())
    return {
        "id": device.pk,
        "name": device.name,
        "serial_number": device.serial_number,
        "udid": device.udid,
        "enrollment_id": device.enrollment_id,
        "platform": device.platform,
        "state": present.state if present else "",
        "channels": _channels(present) if present else [],
    }


def _channels(enrollment: Enrollment) -> list[dict[str, Any]]:
    return [
        {
            "user": channel.user_id,
            "user_short_name": channel.user_short_name,
            "last_seen_at": channel.last_seen_at,
            "push_answer": channel.push_answer,
        }
        for channel in enrollment.channels.order_by("user_id", "pk")
    ]
