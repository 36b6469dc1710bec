"""Configuration profiles: the envelope, and the profiles that enroll a device.

Identifiers are stable: the same seed gives the same PayloadUUIDs, so that a profile
made again updates the one on the device instead of standing beside it.
https://developer.apple.com/documentation/devicemanagement/configuring-multiple-devices-using-profiles
"""

import plistlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from . import ProtocolError, cms, plist, rights

CONTENT_TYPE = "application/x-apple-aspen-config"
PROFILE_SERVICE = "Profile Service"
MDM = "com.apple.mdm"
SCEP = "com.apple.security.scep"
ROOT = "com.apple.security.root"
PKCS1 = "com.apple.security.pkcs1"
RECOVERY_KEY_ESCROW = "com.apple.security.FDERecoveryKeyEscrow"
TOPIC_PREFIX = "com.apple.mgmt."

SERVER_CAPABILITIES = ("com.apple.mdm.per-user-connections",)
BOOTSTRAP_TOKEN = "com.apple.mdm.bootstraptoken"  # noqa: S105
TOKEN = "com.apple.mdm.token"  # noqa: S105


class EnrollmentMode(StrEnum):
    """Account-driven: of a person's own device, or of the organisation's."""

    BYOD = "BYOD"
    ADDE = "ADDE"


def stable_uuid(seed: uuid.UUID, name: str) -> str:
    """Return the PayloadUUID of ``name`` in a profile, upper case as Apple does."""
    return str(uuid.uuid5(seed, name)).upper()


def payload(
    kind: str, identifier: str, payload_uuid: str, **keys: Any
) -> dict[str, Any]:
    """Return a payload dictionary with the keys that every payload has."""
    return {
        "PayloadType": kind,
        "PayloadVersion": 1,
        "PayloadIdentifier": identifier,
        "PayloadUUID": payload_uuid,
        **keys,
    }


@dataclass(frozen=True, kw_only=True)
class EnrollmentProfile:
    """What goes into the profile by which a device enrolls.

    ``seed`` fixes the identifiers; ``challenge`` is the one-time SCEP challenge;
    ``anchors`` are certificates to trust for the server's TLS, if it needs any.
    ``mode`` is the EnrollmentMode of an account-driven enrollment, which then has an
    ``assigned_managed_apple_id``; BYOD has no AccessRights. ``ca_name`` tells the
    authorities of a SCEP server apart. With ``gives_tokens`` devices may send GetToken.
    """

    seed: uuid.UUID
    identifier: str
    name: str
    organization: str
    topic: str
    server_url: str
    checkin_url: str
    scep_url: str
    challenge: str
    subject: str
    ca_fingerprint: bytes = b""
    access_rights: int = rights.ALL
    anchors: Sequence[x509.Certificate] = ()
    description: str = ""
    mode: EnrollmentMode | None = None
    assigned_managed_apple_id: str = ""
    ca_name: str = ""
    gives_tokens: bool = False

    def __post_init__(self) -> None:
        if not self.topic.startswith(TOPIC_PREFIX):
            raise ValueError(f"the topic must start with {TOPIC_PREFIX}")
        rights.check(self.access_rights)
        if (self.mode is None) != (not self.assigned_managed_apple_id):
            raise ValueError("an account-driven enrollment has an account and a mode")

    def to_plist(self) -> bytes:
        """Return the profile, unsigned."""
        return self._outer(PayloadContent=self._content())

    def identity_only(self) -> bytes:
        """Return the profile with nothing but the SCEP payload, unsigned.

        It is what a device gets in the second phase of an over-the-air enrollment.
        """
        return self._outer(PayloadContent=[self._scep()])

    def encrypted(self, recipient: x509.Certificate) -> bytes:
        """Return the profile, unsigned, its content for ``recipient`` alone.

        https://developer.apple.com/library/archive/documentation/NetworkingInternet/Conceptual/iPhoneOTAConfiguration/
        """
        content = plistlib.dumps(self._content(), sort_keys=False)
        sealed = cms.encrypt(content, recipient, cms.Cipher.AES256)
        return self._outer(EncryptedPayloadContent=sealed)

    def _outer(self, **content: Any) -> bytes:
        scope = {} if self.mode is EnrollmentMode.BYOD else {"PayloadScope": "System"}
        return plist.dumps(
            payload(
                "Configuration",
                self.identifier,
                stable_uuid(self.seed, "profile"),
                PayloadDisplayName=self.name,
                PayloadOrganization=self.organization,
                PayloadDescription=self.description,
                **scope,
                **content,
            )
        )

    def _content(self) -> list[dict[str, Any]]:
        return [*self._anchors(), self._scep(), self._mdm()]

    def _anchors(self) -> list[dict[str, Any]]:
        return [
            self._payload(
                ROOT,
                f"anchor.{number}",
                PayloadContent=certificate.public_bytes(Encoding.DER),
            )
            for number, certificate in enumerate(self.anchors)
        ]

    def _scep(self) -> dict[str, Any]:
        content: dict[str, Any] = {
            "URL": self.scep_url,
            "Name": self.ca_name or self.organization,
            "Subject": [[["O", self.organization]], [["CN", self.subject]]],
            "Challenge": self.challenge,
            "Keysize": 2048,
            "Key Type": "RSA",
            "Key Usage": 5,
            "Retries": 3,
            "RetryDelay": 10,
        }
        if self.ca_fingerprint:
            content["CAFingerprint"] = self.ca_fingerprint
        return self._payload(
            SCEP, "scep", PayloadDisplayName="Identity", PayloadContent=content
        )

    def _mdm(self) -> dict[str, Any]:
        return self._payload(
            MDM,
            "mdm",
            PayloadDisplayName="Device management",
            IdentityCertificateUUID=stable_uuid(self.seed, "scep"),
            Topic=self.topic,
            ServerURL=self.server_url,
            CheckInURL=self.checkin_url,
            SignMessage=True,
            CheckOutWhenRemoved=True,
            **self._terms(),
        )

    def _terms(self) -> dict[str, Any]:
        """The keys that differ by mode; a person's own device escrows no token."""
        capabilities = [*SERVER_CAPABILITIES]
        terms: dict[str, Any] = {"ServerCapabilities": capabilities}
        if self.mode is not EnrollmentMode.BYOD:
            capabilities.append(BOOTSTRAP_TOKEN)
            terms["AccessRights"] = self.access_rights
        if self.gives_tokens:
            capabilities.append(TOKEN)
        if self.mode:
            terms["EnrollmentMode"] = self.mode.value
            terms["AssignedManagedAppleID"] = self.assigned_managed_apple_id
        return terms

    def _payload(self, kind: str, name: str, **keys: Any) -> dict[str, Any]:
        identifier = f"{self.identifier}.{name}"
        return payload(kind, identifier, stable_uuid(self.seed, name), **keys)


@dataclass(frozen=True, kw_only=True)
class ProfileService:
    """What begins an over-the-air enrollment: the device answers to ``url``.

    ``attributes`` is what the device is asked about itself, ``challenge`` comes back
    in its answer.
    """

    seed: uuid.UUID
    identifier: str
    name: str
    organization: str
    url: str
    challenge: str
    attributes: Sequence[str]
    description: str = ""

    def to_plist(self) -> bytes:
        """Return the profile, unsigned."""
        content = {
            "URL": self.url,
            "DeviceAttributes": list(self.attributes),
            "Challenge": self.challenge,
        }
        return plist.dumps(
            payload(
                PROFILE_SERVICE,
                f"{self.identifier}.service",
                stable_uuid(self.seed, "service"),
                PayloadDisplayName=self.name,
                PayloadOrganization=self.organization,
                PayloadDescription=self.description,
                PayloadContent=content,
            )
        )


@dataclass(frozen=True, kw_only=True)
class RecoveryKeyEscrow:
    """What has a Mac encrypt its FileVault recovery key to ``certificate``.

    It takes only one of these. ``location`` is shown to who switches FileVault on,
    ``device_key`` to who forgot the password: by it the key is found.
    https://developer.apple.com/documentation/devicemanagement/fderecoverykeyescrow
    """

    seed: uuid.UUID
    identifier: str
    organization: str
    location: str
    device_key: str
    certificate: x509.Certificate

    def to_plist(self) -> bytes:
        """Return the profile, unsigned: Apple wants it among the system's."""
        certificate = self.certificate.public_bytes(Encoding.DER)
        certificate_uuid = stable_uuid(self.seed, certificate.hex())
        named = {"DeviceKey": self.device_key} if self.device_key else {}
        return plist.dumps(
            payload(
                "Configuration",
                self.identifier,
                stable_uuid(self.seed, "profile"),
                PayloadDisplayName="FileVault recovery key",
                PayloadDescription="Hands over the FileVault recovery key, encrypted.",
                PayloadOrganization=self.organization,
                PayloadScope="System",
                PayloadContent=[
                    payload(
                        PKCS1,
                        f"{self.identifier}.certificate",
                        certificate_uuid,
                        PayloadDisplayName="Certificate for the recovery key",
                        PayloadContent=certificate,
                    ),
                    payload(
                        RECOVERY_KEY_ESCROW,
                        f"{self.identifier}.escrow",
                        stable_uuid(self.seed, "escrow"),
                        PayloadDisplayName="FileVault recovery key escrow",
                        Location=self.location,
                        EncryptCertPayloadUUID=certificate_uuid,
                        **named,
                    ),
                ],
            )
        )


def read(profile: bytes) -> dict[str, Any]:
    """Return the dictionary of a profile, signed or not; else a ProtocolError."""
    stripped = profile.lstrip()
    if not stripped.startswith((b"<", b"bplist")):
        stripped = cms.verify(profile).content
    found = plist.loads(stripped)
    if found.get("PayloadType") != "Configuration":
        raise ProtocolError("not a configuration profile")
    return found
