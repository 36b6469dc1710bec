"""Who is managed: people, devices, their stays under management, and what they keep."""

from .audit import AuditEntry
from .device import Device
from .enrollment import Channel, Enrollment, present_stay
from .group import DeviceGroup
from .identity import Identity
from .inventory import Inventory
from .secret import Secret
from .session import SessionToken
from .user import User

__all__ = [
    "AuditEntry",
    "Channel",
    "Device",
    "DeviceGroup",
    "Enrollment",
    "Identity",
    "Inventory",
    "Secret",
    "SessionToken",
    "User",
    "present_stay",
]
