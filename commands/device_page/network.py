"""Network: addresses, carrier and SIMs, as DeviceInformation tells them.

https://developer.apple.com/documentation/devicemanagement/deviceinformationresponse
"""

from collections.abc import Mapping
from typing import Any

from devices.models import Device

from . import caching
from .facts import Fact, Section, dictionaries, dictionary, fact, flag, known, text
from .look import Look
from .told import told

Said = Mapping[str, Any]

SLOTS = {"CTSubscriptionSlotOne": "one", "CTSubscriptionSlotTwo": "two"}
TECHNOLOGY: Mapping[Any, str] = {0: "none", 1: "GSM", 2: "CDMA", 3: "GSM and CDMA"}


def gather(look: Look) -> dict[str, Any]:
    found = told(look, "DeviceInformation")
    said = dictionary(found.answer)
    sections: list[Section] = [
        ("Addresses", _addresses(look.device, said)),
        ("Carrier", _carrier(look.device, said)),
        *(_sim(one) for one in dictionaries(said.get("ServiceSubscriptions"))),
        ("Sharing", _sharing(said)),
        *caching.section(look),
    ]
    shown = [(title, facts) for title, facts in sections if facts]
    return {"told": found, "sections": shown, "is_known": bool(shown)}


def _addresses(device: Device, said: Said) -> list[Fact]:
    return known(
        [
            fact("Wi-Fi", device.wifi_mac, is_code=True),
            fact("Bluetooth", device.bluetooth_mac, is_code=True),
            *_ethernet(device, said),
            fact("Host name", said.get("HostName")),
            fact("Local host name", said.get("LocalHostName")),
        ]
    )


def _ethernet(device: Device, said: Said) -> list[Fact]:
    """Some systems tell one address, others a list of them."""
    told = said.get("EthernetMACs") or device.ethernet_mac or said.get("EthernetMAC")
    addresses = told if isinstance(told, list) else [told]
    return [fact("Ethernet", each, is_code=True) for each in addresses]


def _carrier(device: Device, said: Said) -> list[Fact]:
    technology = said.get("CellularTechnology")
    return known(
        [
            fact("Carrier", device.carrier),
            fact("Carrier of the SIM", said.get("SIMCarrierNetwork")),
            fact("Carrier settings", said.get("CarrierSettingsVersion")),
            fact("Phone number", device.phone_number, is_code=True),
            fact("IMEI", device.imei, is_code=True),
            fact("MEID", device.meid, is_code=True),
            fact("ICCID", device.iccid, is_code=True),
            fact("Cellular", TECHNOLOGY.get(technology, technology)),
            fact("Modem firmware", said.get("ModemFirmwareVersion")),
            flag("Roaming now", device.is_roaming),
            flag("Data roaming", said.get("DataRoamingEnabled"), "on", "off"),
            flag("Voice roaming", said.get("VoiceRoamingEnabled"), "on", "off"),
            *_country("Home network", said, "Subscriber"),
            *_country("Network now", said, "Current"),
        ]
    )


def _country(label: str, said: Said, whose: str) -> list[Fact]:
    """Return the network by its MCC and MNC, country and operator in numbers."""
    parts = [text(said.get(f"{whose}{part}")) for part in ("MCC", "MNC")]
    return [fact(label, "-".join(part for part in parts if part), is_code=True)]


def _sim(one: Mapping[str, Any]) -> Section:
    slot = text(one.get("Slot"))
    title = text(one.get("Label")) or SLOTS.get(slot, slot)
    facts = known(
        [
            fact("Slot", SLOTS.get(slot, slot)),
            fact("Phone number", one.get("PhoneNumber"), is_code=True),
            fact("Carrier", one.get("CurrentCarrierNetwork")),
            fact("ICCID", one.get("ICCID"), is_code=True),
            fact("EID", one.get("EID"), is_code=True),
            fact("IMEI", one.get("IMEI"), is_code=True),
            fact("MEID", one.get("MEID"), is_code=True),
            flag("For data", one.get("IsDataPreferred")),
            flag("For calls", one.get("IsVoicePreferred")),
            flag("Roaming now", one.get("IsRoaming")),
            fact("Carrier settings", one.get("CarrierSettingsVersion")),
            *_country("Home network", one, "Subscriber"),
            *_country("Network now", one, "Current"),
        ]
    )
    return f"SIM: {title}" if title else "SIM", facts


def _sharing(said: Said) -> list[Fact]:
    return known(
        [
            flag("Personal hotspot", said.get("PersonalHotspotEnabled"), "on", "off"),
            flag("Uses another's network", said.get("IsNetworkTethered")),
        ]
    )
