"""Who is managed: people, devices, their stays under management, and what they keep."""

from .audit import AuditEntry
from .change import Change
from .device import Device, RegroupMark
from .enrollment import Channel, Enrollment, present_stay
from .escrow import EscrowCertificate
from .group import DeviceGroup
from .identity import Identity
from .inventory import Inventory
from .location import Location
from .login import NetworkLogin
from .schedule import InventorySchedule
from .secret import Secret
from .session import SessionToken
from .software import (
    Application,
    InstalledApplication,
    InstalledCertificate,
    InstalledProfile,
)
from .tag import Tag
from .user import User

__all__ = [
    "Application",
    "AuditEntry",
    "Change",
    "Channel",
    "Device",
    "DeviceGroup",
    "Enrollment",
    "EscrowCertificate",
    "Identity",
    "InstalledApplication",
    "InstalledCertificate",
    "InstalledProfile",
    "Inventory",
    "InventorySchedule",
    "Location",
    "NetworkLogin",
    "RegroupMark",
    "Secret",
    "SessionToken",
    "Tag",
    "User",
    "present_stay",
]
