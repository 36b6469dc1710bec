"""The dashboard's pages of devices and of what they are told."""

from . import (
    approval,
    case,
    channel,
    command,
    delivery,
    device,
    leaving,
    order,
    recipient,
    recurring,
    schedule,
)

__all__ = [
    "approval",
    "case",
    "channel",
    "command",
    "delivery",
    "device",
    "leaving",
    "order",
    "recipient",
    "recurring",
    "schedule",
]
