"""Protecting: the steps that keep others from what is on a Mac's disk."""

from devices.models import Secret

from .facts import Facts
from .kinds import MACS, Kind
from .step import Ordering, Step


def _encrypted(facts: Facts) -> str:
    if facts.device.is_encrypted:
        return "FileVault is on: without a password nothing on its disk can be read."
    return ""


def _not_encrypted(facts: Facts) -> str:
    if facts.device.is_encrypted is False:
        return "FileVault is off: whoever takes the disk can read everything on it."
    return (
        "" if facts.device.is_encrypted else "It has not told whether FileVault is on."
    )


FILEVAULT = Step(
    "filevault",
    "Is its disk encrypted?",
    "Asks it how FileVault stands. That cannot be changed from afar: it decides how "
    "bad the loss is, and whether passwords that were on it have to be changed.",
    Ordering("SecurityInfo"),
    kinds=MACS,
    button="Ask it",
    again="Ask again",
    is_optional=True,
    done=_encrypted,
    is_told=True,
    told=_not_encrypted,
)
ROTATE = Step(
    "rotate",
    "Replace the FileVault key",
    "If somebody may have the recovery key: it gets another, kept under Secrets, and "
    "the old one stops working.",
    Ordering("RotateFileVaultKey"),
    kinds=MACS,
    button="Replace the key",
    again="Replace it again",
    is_optional=True,
)
RECOVERY = Step(
    "recovery",
    "Protect Recovery by a password",
    "So that nobody erases it from macOS Recovery or installs another system. The "
    "password is made up for it and kept under Secrets.",
    Ordering("SetRecoveryLock"),
    kinds=frozenset((Kind.SILICON, Kind.MAC)),
    button="Set a password",
    is_optional=True,
    done=lambda facts: (
        "A recovery lock password is in force."
        if _in_force(facts, Secret.Kind.RECOVERY_LOCK)
        else ""
    ),
)
FIRMWARE = Step(
    "firmware",
    "Protect its firmware by a password",
    "So that nobody starts it from another disk. The password is made up for it and "
    "kept under Secrets; it counts from its next start.",
    Ordering("SetFirmwarePassword"),
    kinds=frozenset((Kind.INTEL,)),
    button="Set a password",
    is_optional=True,
    done=lambda facts: (
        "A firmware password is in force."
        if _in_force(facts, Secret.Kind.FIRMWARE_PASSWORD)
        else ""
    ),
)


def _in_force(facts: Facts, kind: str) -> bool:
    secret = facts.secrets.get(kind)
    return secret is not None and secret.is_in_force


PROTECT_MAC = (FILEVAULT, RECOVERY, FIRMWARE, ROTATE)
