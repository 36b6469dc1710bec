"""Another MDM server: what a NanoMDM has of the devices that are to move here."""

import datetime as dt
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from mdmportal.protocol import mobileconfig, plist
from mdmportal.simulator.device import SimulatedDevice
from mdmportal.simulator.enrollment import Enrollment
from mdmportal.simulator.identity import Identity
from mdmportal.simulator.profile import read

YEAR = dt.timedelta(days=365)


class OtherServer:
    """A NanoMDM: its authority, its profile, and the devices that enrolled there."""

    def __init__(
        self, key: Any, topic: str, url: str = "https://mdm.example.com"
    ) -> None:
        self.key, self.topic = key, topic
        self.certificate = certificate("Other CA", key, "Other CA", key)
        identity = mobileconfig.payload(
            mobileconfig.SCEP,
            "com.other.scep",
            "11111111-2222-4333-8444-555555555555",
            PayloadContent={"URL": "https://old.example/scep", "Challenge": "static"},
        )
        mdm = mobileconfig.payload(
            mobileconfig.MDM,
            "com.other.mdm",
            "21111111-2222-4333-8444-555555555555",
            IdentityCertificateUUID=identity["PayloadUUID"],
            Topic=topic,
            ServerURL=f"{url}/mdm",
            CheckInURL=f"{url}/checkin",
            SignMessage=True,
            CheckOutWhenRemoved=True,
            AccessRights=8191,
            ServerCapabilities=["com.apple.mdm.per-user-connections"],
        )
        self.profile = plist.dumps(
            mobileconfig.payload(
                "Configuration",
                "com.other.enroll",
                "31111111-2222-4333-8444-555555555555",
                PayloadContent=[identity, mdm],
            )
        )

    def issue(self, days: float = 365) -> Identity:
        end = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
        key = rsa.generate_private_key(65537, 2048)
        issued = certificate("device", key, "Other CA", self.key, end=end)
        return Identity(issued, key)

    def enroll(self, device: SimulatedDevice, **options: Any) -> SimulatedDevice:
        """Have the device be enrolled there, without a word to us."""
        profile = read(self.profile)
        device.enrollment = Enrollment(profile, self.issue(**options))
        device.state.profiles[profile.identifier] = self.profile
        device.new_token()
        device.state.unlock_token = b"unlock"
        device.state.announced = True
        device.listen()
        return device


def certificate(
    name: str, key: Any, issuer: str, issuer_key: Any, end: dt.datetime | None = None
) -> x509.Certificate:
    end = end or dt.datetime.now(dt.UTC) + YEAR
    subject, by = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)])
        for each in (name, issuer)
    )
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(by)
    builder = builder.public_key(key.public_key()).not_valid_before(end - 2 * YEAR)
    builder = builder.serial_number(x509.random_serial_number()).not_valid_after(end)
    return builder.sign(issuer_key, hashes.SHA256())


def messages(device: SimulatedDevice) -> list[bytes]:
    """What the other server kept of the device."""
    keys = {"SerialNumber": device.unit.serial_number, "ProductName": "iPhone17,3"}
    who = {"Topic": device.stay.topic, **device.who()}
    token = {
        "Token": device.kept.token,
        "PushMagic": device.kept.push_magic,
        "UnlockToken": device.state.unlock_token,
    }
    return [
        plist.dumps({"MessageType": "Authenticate", **who, **keys}),
        plist.dumps({"MessageType": "TokenUpdate", **who, **token}),
    ]
