"""Inventory: what every device is asked when it enrolls, and on demand."""

from devices.models import Channel
from mdmportal import catalogue
from mdmportal.protocol import schema

from . import orders, queue

LISTS = ("SecurityInfo", "ProfileList", "InstalledApplicationList", "CertificateList")

UNASKED = frozenset(
    (
        "DevicePropertiesAttestation",  # Apple allows one in seven days
        "EACSPreflight",  # a check before an erase, not a fact
        "PushToken",
        "iTunesStoreAccountHash",
    )
)


def ask(channel: Channel) -> None:
    """Order the queries that this device answers."""
    queries = information_queries(orders.facts_of(channel))
    queue.enqueue([channel.pk], "DeviceInformation", {"Queries": queries})
    for request_type in LISTS:
        if not orders.refusal(channel, request_type):
            queue.enqueue([channel.pk], request_type)


def information_queries(facts: orders.Facts) -> list[str]:
    """Return what DeviceInformation may ask such a device.

    Some releases answer a forbidden query with an Error for the whole command.
    """
    queries = catalogue.commands()["DeviceInformation"].keys["Queries"].items[0].choices
    return [
        name
        for name, query in queries.items()
        if name not in UNASKED and not _refused(query, facts)
    ]


def _refused(query: schema.Key, facts: orders.Facts) -> str:
    return schema.unavailable(query, **facts._asdict())
