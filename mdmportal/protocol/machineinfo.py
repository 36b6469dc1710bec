"""MachineInfo: what a device says of itself before it is enrolled, signed.

Over the air it answers a Profile Service, account-driven it asks for its profile.
https://developer.apple.com/documentation/devicemanagement/machineinfo
"""

from dataclasses import dataclass
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from . import cms, plist

ATTRIBUTES = ("UDID", "VERSION", "PRODUCT", "SERIAL", "IMEI", "MEID")
"""What a Profile Service asks for; a device may leave any of it out."""


@dataclass(frozen=True, kw_only=True)
class MachineInfo:
    """The attributes that came, with Apple's names in lower case."""

    udid: str = plist.key("UDID", str, default="")
    serial: str = plist.key("SERIAL", str, default="")
    product: str = plist.key("PRODUCT", str, default="")
    version: str = plist.key("VERSION", str, default="")
    os_version: str = plist.key("OS_VERSION", str, default="")
    imei: str = plist.key("IMEI", str, default="")
    meid: str = plist.key("MEID", str, default="")
    language: str = plist.key("LANGUAGE", str, default="")
    challenge: str = plist.key("CHALLENGE", str, default="")


@dataclass(frozen=True)
class SignedMachineInfo:
    """What a device says, and the certificate it signed that with."""

    info: MachineInfo
    signer: x509.Certificate

    @cached_property
    def fingerprint(self) -> str:
        """The signer's SHA-256, in hexadecimal."""
        return self.signer.fingerprint(hashes.SHA256()).hex()


def read(message: bytes) -> SignedMachineInfo:
    """Return what a device signed (CMS, content attached); else a ProtocolError.

    Who the signer is, and whether to believe it, is for the caller to say.
    """
    signed = cms.verify(message)
    info = plist.read(MachineInfo, plist.loads(signed.content))
    return SignedMachineInfo(info, signed.signer)
