"""A unit: one piece of hardware with the numbers that the factory gave it.

The same model and seed give the same unit, so that a test can be told again.
"""

import random
import uuid
from dataclasses import dataclass

from .hardware import Hardware

SERIAL_ALPHABET = "0123456789CDFGHJKLMNPQRTVWXY"
CHIPS = {"iOS": "00008140", "tvOS": "00008110", "visionOS": "00008112"}
APPLE_MAC_PREFIXES = ("3C:06:30", "A4:83:E7", "F0:18:98", "14:7D:DA")
# fmt: off
FIRST_NAMES = (
    "Ada", "Alan", "Amara", "Anita", "Arjun", "Aurora", "Barbara", "Bela", "Bruno",
    "Carmen", "Charles", "Chen", "Clara", "Daniel", "Diego", "Donna", "Edsger",
    "Elena", "Emeka", "Emil", "Fatima", "Felix", "Frances", "Freya", "George",
    "Grace", "Hamid", "Hana", "Hedy", "Hugo", "Ines", "Isaac", "Ivan", "Jean",
    "Joan", "Johan", "Jorge", "Karen", "Katherine", "Kofi", "Lars", "Leila",
    "Linus", "Lucia", "Mae", "Marco", "Margaret", "Maria", "Mei", "Mina", "Niklaus",
    "Noor", "Olga", "Omar", "Paulo", "Priya", "Radia", "Rosa", "Samir", "Sofia",
    "Tariq", "Tim", "Ursula", "Valentina", "Vint", "Wanda", "Yuki", "Zainab",
)
# fmt: on


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One device as it left the factory; numbers a model has not are empty."""

    hardware: Hardware
    seed: int
    owner: str
    name: str
    serial_number: str
    udid: str
    provisioning_udid: str
    wifi_mac: str
    bluetooth_mac: str
    ethernet_mac: str
    imei: str = ""
    meid: str = ""
    iccid: str = ""
    phone_number: str = ""


def make(hardware: Hardware, seed: int) -> Unit:
    """Return the unit number ``seed`` of this model."""
    source = random.Random(f"{hardware.product_name}/{seed}")
    chip = _chip(source, CHIPS.get(hardware.platform, "00008112"))
    identifier = uuid.UUID(int=source.getrandbits(128), version=4)
    return Unit(
        hardware=hardware,
        seed=seed,
        owner=FIRST_NAMES[seed % len(FIRST_NAMES)],
        name=_name(hardware, seed),
        serial_number=_serial_number(source),
        udid=str(identifier).upper() if hardware.is_mac else chip,
        provisioning_udid=chip,
        wifi_mac=_mac_address(source),
        bluetooth_mac=_mac_address(source),
        ethernet_mac=_mac_address(source),
        **(_cellular(source) if hardware.cellular else {}),
    )


def _name(hardware: Hardware, seed: int) -> str:
    """Ada’s iPhone; when the names are used up, Ada’s iPhone (2)."""
    round_, position = divmod(seed, len(FIRST_NAMES))
    name = f"{FIRST_NAMES[position]}’s {hardware.model_name}"
    return f"{name} ({round_ + 1})" if round_ else name


def _serial_number(source: random.Random) -> str:
    """Ten characters without order, as Apple gives since 2021."""
    return source.choice("CDFGHJKLMNPQRTVWXY") + "".join(
        source.choices(SERIAL_ALPHABET, k=9)
    )


def _chip(source: random.Random, chip: str) -> str:
    """The kind of chip, and its unique number."""
    return f"{chip}-{source.getrandbits(52):016X}"


def _mac_address(source: random.Random) -> str:
    tail = [f"{source.randrange(256):02X}" for _ in range(3)]
    return ":".join([source.choice(APPLE_MAC_PREFIXES), *tail]).lower()


def _cellular(source: random.Random) -> dict[str, str]:
    digits = _with_check_digit(f"35{source.randrange(10**12):012d}")
    return {
        "imei": f"{digits[:2]} {digits[2:8]} {digits[8:14]} {digits[14]}",
        "meid": digits[:14],
        "iccid": _with_check_digit(f"890141{source.randrange(10**12):012d}"),
        "phone_number": f"+1408555{source.randrange(10**4):04d}",
    }


def _with_check_digit(digits: str) -> str:
    """Append the digit by Luhn's rule, with which an IMEI and an ICCID end."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if position % 2 == 0 else 1)
        total += value // 10 + value % 10
    return digits + str(-total % 10)
