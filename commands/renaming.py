"""Renaming: the name of a device is on the device, so it is changed by a command.

https://developer.apple.com/documentation/devicemanagement/settingscommand
"""

from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import F, Q

from devices.models import Channel
from mdmportal import catalogue
from mdmportal.protocol import plist, schema

from . import availability, queue
from .models import OPEN, Command, Delivery, State

LONGEST = 100
"""Characters; the note beside the order holds them, too."""
NOTE = "Rename to "


def refusal(channel: Channel) -> str:
    """Return why the device cannot be renamed, in words; '' if it can."""
    reason = availability.refusal(channel, "Settings")
    return reason or schema.unavailable(_shape(), availability.target_of(channel))


def _shape() -> schema.Key:
    shapes = catalogue.commands()["Settings"].keys["Settings"].items
    shape = schema.shape_of(shapes, {"Item": "DeviceName"})
    if shape is None:
        raise LookupError("the catalogue has no DeviceName among the Settings")
    return shape


def pending(channels: Collection[Channel]) -> dict[int, str]:
    """Return the names that are on their way, by channel: ordered, and not told of
    by the device since it took them."""
    told = Q(channel__enrollment__device__inventory_at__isnull=True) | Q(
        settled_at__gte=F("channel__enrollment__device__inventory_at")
    )
    found = Delivery.objects.filter(
        Q(state__in=OPEN) | Q(state=State.ACKNOWLEDGED) & told,
        channel__in=[channel.pk for channel in channels],
        command__request_type="Settings",
        command__note__startswith=NOTE,
    )
    rows = found.order_by("pk").values_list("channel_id", "command__note")
    return {channel: note.removeprefix(NOTE) for channel, note in rows}


def order(names: Mapping[int, str], *, by: Any) -> None:
    """Order each of these channels to take its name, in a few statements for all."""
    queue.enqueue_each(
        [(_command(name, by), [channel]) for channel, name in names.items()]
    )


def _command(name: str, by: Any) -> Command:
    setting = {"Item": "DeviceName", "DeviceName": name}
    return Command(
        request_type="Settings",
        keys_plist=plist.dumps({"Settings": [setting]}),
        ordered_by=by,
        note=f"{NOTE}{name}",
    )
