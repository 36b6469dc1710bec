"""Overview: who and what it is, what it needs, and the latest that happened."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from devices.models import Device

from .. import answers, live
from .commands import deliveries
from .facts import dictionary, flat
from .look import Look
from .reach import Reach, reach
from .told import told

LATEST = 5
LOW_STORAGE, LOW_BATTERY = 10, 20
"""Percent."""


@dataclass(frozen=True)
class Share:
    """A small bar: how full something is, in percent."""

    percent: int
    words: str
    tone: str


@dataclass(frozen=True)
class Need:
    """Something that somebody should look at; ``tab`` is where more is said."""

    words: str
    tone: str = "warn"
    tab: str = ""


def gather(look: Look) -> dict[str, Any]:
    information = told(look, "DeviceInformation")
    latest = deliveries(look)[:LATEST]
    found = reach(look)
    return {
        "reach": found,
        "needs": needs(look, found),
        "information": information,
        "all_facts": flat(answers.hide(dictionary(information.answer))),
        "latest": [(row, live.state_cell(row)) for row in latest],
        "storage": storage(look.device),
        "battery": battery(look.device),
        "tags": [] if look.user else list(look.device.tags.all()),
        "groups": [] if look.user else list(look.device.groups.all()),
    }


def storage(device: Device) -> Share | None:
    if not device.capacity or device.available_capacity is None:
        return None
    free = max(0.0, min(1.0, device.available_capacity / device.capacity))
    words = f"{device.available_capacity:.1f} GB free of {device.capacity:.1f} GB"
    tone = "bad" if free * 100 < LOW_STORAGE else "info"
    return Share(round(100 - free * 100), words, tone)


def battery(device: Device) -> Share | None:
    """A device without one says -1."""
    level = device.battery_level
    if level is None or level < 0:
        return None
    percent = round(min(level, 1.0) * 100)
    tone = "warn" if percent < LOW_BATTERY else "ok"
    return Share(percent, f"{percent} %", tone)


def needs(look: Look, reach: Reach) -> list[Need]:
    """Return what is wrong with a device that is enrolled, worst first."""
    if look.stay is None or look.stay.state != "active":
        return []
    found = [*_of_management(look, reach), *_of_device(look.device)]
    return sorted(found, key=lambda need: need.tone != "bad")


def _of_management(look: Look, reach: Reach) -> Iterator[Need]:
    certificate = reach.push_certificate
    if reach.trouble:
        yield Need(reach.trouble)
    if certificate is None or certificate.is_expired or certificate.is_stopped:
        yield Need("The push certificate of its topic does not work.", "bad")
    if reach.identity_state == "bad":
        yield Need("Its identity expired: it gets nothing but its renewal.", "bad")
    if reach.identity_state == "warn" and not reach.renewal:
        yield Need("Its identity expires within 30 days; a renewal is not ordered yet.")
    if look.stay and look.stay.awaiting_configuration:
        yield Need("It waits in Setup Assistant to be told that it is configured.")
    if look.stay and look.stay.signed_out_at:
        yield Need("Its person is to sign in again; until then it gets nothing.")


def _of_device(device: Device) -> Iterator[Need]:
    full, charge = storage(device), battery(device)
    if device.in_lost_mode:
        yield Need("It is in Lost Mode.", "bad")
    if device.passcode_present is False:
        yield Need("It has no passcode.", "bad", "security")
    elif device.passcode_compliant is False:
        yield Need("Its passcode is weaker than required.", "warn", "security")
    if device.is_encrypted is False:
        yield Need("It is not encrypted.", "bad", "security")
    if device.firewall_enabled is False:
        yield Need("Its firewall is off.", "warn", "security")
    if device.update_available:
        yield Need(
            f"{device.platform} {device.update_available} can be installed; it runs "
            f"{device.os_version}.",
            "info",
            "updates",
        )
    if full and full.tone == "bad":
        yield Need(f"Its storage is nearly full: {full.words}.")
    if charge and charge.tone == "warn":
        yield Need(f"Its battery is low: {charge.words}.", "info")
