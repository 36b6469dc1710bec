"""The dashboard's pages of devices and of what they are told."""

from . import command, delivery, device

__all__ = ["command", "delivery", "device"]
