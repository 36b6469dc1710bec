"""Repeating: what failed, expired or was cancelled is ordered anew, as it was."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from devices.models import Channel, Secret

from . import checking, destructive, orders, queue
from .escrow.kept import ACCOUNTS
from .models import Command, Delivery
from .states import REPEATED

AS_WRITTEN = "not as the catalogue has it: send it again from its order's page"


def why_not(delivery: Delivery) -> str:
    """Return why this is not sent again just like that; '' if it can be."""
    if delivery.state not in REPEATED:
        return f"{delivery.get_state_display()}, not failed"
    if delivery.priority >= queue.RENEWAL:
        return "good for one time: renew the identity instead"
    if destructive.is_destructive(delivery.command.request_type):
        return "needs to be confirmed: send it again from the device's page"
    return ""


def repeat(deliveries: Iterable[Delivery], *, by: Any) -> orders.Placed:
    """Order them again, one new order for each old one.

    The deliveries come with their command, channel, enrollment and device.
    """
    channels: dict[Command, list[Channel]] = defaultdict(list)
    again: list[Command] = []
    refused: list[tuple[str, str]] = []
    for delivery in deliveries:
        reason = why_not(delivery)
        if reason:
            refused.append((str(delivery.channel.enrollment.device), reason))
        else:
            channels[delivery.command].append(delivery.channel)
    queued = 0
    for command, chosen in channels.items():
        note = f"Again: order {command.pk}"
        keys = _keys(command)
        try:
            order = orders.place(chosen, command.request_type, keys, by=by, note=note)
        except checking.Invalid:  # written by hand, or before a newer catalogue
            names = (str(each.enrollment.device) for each in chosen)
            refused += [(name, AS_WRITTEN) for name in names]
            continue
        again += order.commands
        queued += order.queued
        refused += order.refused
    return orders.Placed(again, queued, refused)


def _keys(command: Command) -> Mapping[str, Any]:
    """Return its keys, with the password itself where they have only a hash of it.

    The password is kept again with the new order.
    """
    accounts = command.keys.get(ACCOUNTS)
    if not accounts:
        return command.keys
    uuids = command.deliveries.values("uuid")
    kept = Secret.objects.filter(delivery_uuid__in=uuids).first()
    if kept is None or not kept.value:
        return command.keys
    first = {**accounts[0], "passwordHash": bytes(kept.value).decode()}
    return {**command.keys, ACCOUNTS: [first, *accounts[1:]]}
