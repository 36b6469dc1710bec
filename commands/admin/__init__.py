"""The dashboard's pages of devices and of what they are told."""

from . import (
    approval,
    channel,
    command,
    delivery,
    device,
    order,
    recipient,
    recurring,
    schedule,
)

__all__ = [
    "approval",
    "channel",
    "command",
    "delivery",
    "device",
    "order",
    "recipient",
    "recurring",
    "schedule",
]
