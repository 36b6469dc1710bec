"""The dashboard's pages of devices and of what they are told."""

from . import channel, command, delivery, device, schedule

__all__ = ["channel", "command", "delivery", "device", "schedule"]
