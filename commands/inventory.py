"""Inventory: what every device is asked when it enrolls, and on demand."""

from collections.abc import Mapping, Sequence
from typing import Any

from devices.models import Channel
from mdmportal import catalogue
from mdmportal.protocol import plist, schema

from . import orders, queue
from .models import Command

LISTS = ("SecurityInfo", "ProfileList", "InstalledApplicationList", "CertificateList")

UNASKED = frozenset(
    (
        "DevicePropertiesAttestation",  # Apple allows one in seven days
        "EACSPreflight",  # a check before an erase, not a fact
        "PushToken",
        "iTunesStoreAccountHash",
    )
)


def ask(channel: Channel, *, and_then: Sequence[Command] = ()) -> None:
    """Order the queries that this device answers, then what is to follow them."""
    queries = {"Queries": information_queries(orders.target_of(channel))}
    lists = [one for one in LISTS if not orders.refusal(channel, one)]
    commands = [
        _command("DeviceInformation", queries),
        *(_command(request_type, {}) for request_type in lists),
        *and_then,
    ]
    queue.enqueue_all([channel.pk], commands)


def _command(request_type: str, keys: Mapping[str, Any]) -> Command:
    return Command(request_type=request_type, keys_plist=plist.dumps(keys))


def configured() -> Command:
    """Return what releases a device that waits to be configured.

    Last, whatever comes of the others: else Setup Assistant waits for it for ever.
    """
    command = _command("DeviceConfigured", {})
    command.priority = -1
    return command


def information_queries(target: schema.Target) -> list[str]:
    """Return what DeviceInformation may ask such a device.

    Some releases answer a forbidden query with an Error for the whole command.
    """
    queries = catalogue.commands()["DeviceInformation"].keys["Queries"].items[0].choices
    return [
        name
        for name, query in queries.items()
        if name not in UNASKED and not schema.unavailable(query, target)
    ]
