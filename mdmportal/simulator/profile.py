"""Profiles as a device reads them, and what it does not install.

https://developer.apple.com/documentation/devicemanagement/configuring-multiple-devices-using-profiles
"""

import plistlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509

from mdmportal.protocol import ProtocolError, cms, plist
from mdmportal.protocol.mobileconfig import MDM, SCEP, TOPIC_PREFIX
from mdmportal.protocol.rights import check as check_rights

from .errors import ProfileRefused
from .identity import Identity

PKCS12 = "com.apple.security.pkcs12"
CERTIFICATES = (
    "com.apple.security.root",
    "com.apple.security.pkcs1",
    "com.apple.security.pem",
)
UUID = re.compile(r"[0-9A-Za-z]{8}(-[0-9A-Za-z]{4}){3}-[0-9A-Za-z]{12}")
LOOPBACK = {"127.0.0.1", "::1", "localhost"}
PAYLOAD_KEYS = {
    "PayloadType": str,
    "PayloadIdentifier": str,
    "PayloadUUID": str,
    "PayloadVersion": int,
}
MDM_KEYS = {"IdentityCertificateUUID": str, "Topic": str, "ServerURL": str}
IMMUTABLE = (
    "Topic",
    "ServerURL",
    "CheckInURL",
    "EnrollmentMode",
    "AssignedManagedAppleID",
    "RequiredAppIDForMDM",
)
PER_USER = "com.apple.mdm.per-user-connections"


@dataclass(frozen=True)
class Profile:
    """A configuration profile; ``raw`` as received, ``signers`` the signer's chain.

    ``opener`` is the identity that its content was encrypted to, if it was.
    """

    raw: bytes
    content: Mapping[str, Any]
    signers: tuple[x509.Certificate, ...] = ()
    opener: Identity | None = None

    @property
    def encrypted(self) -> bool:
        return self.opener is not None

    @property
    def identifier(self) -> str:
        return str(self.content["PayloadIdentifier"])

    @cached_property
    def payloads(self) -> list[dict[str, Any]]:
        found = self.content.get("PayloadContent", [])
        return [found] if isinstance(found, dict) else list(found)

    def of_type(self, *kinds: str) -> Iterator[dict[str, Any]]:
        return (one for one in self.payloads if one["PayloadType"] in kinds)

    @cached_property
    def mdm(self) -> dict[str, Any] | None:
        return next(self.of_type(MDM), None)

    @property
    def identity_payload(self) -> dict[str, Any]:
        """The payload that gives the identity; only an enrollment profile has one."""
        assert self.mdm is not None
        wanted = self.mdm["IdentityCertificateUUID"]
        return next(one for one in self.payloads if one["PayloadUUID"] == wanted)


def read(raw: bytes, *identities: Identity) -> Profile:
    """Return the profile in ``raw``: signed or not, XML or binary.

    ``identities`` open the content that was encrypted to one of them. What a device
    would not take for a profile is ProfileRefused.
    """
    content, signers = unwrap(raw)
    opener = None
    if "EncryptedPayloadContent" in content:
        opener, payloads = _decrypt(content["EncryptedPayloadContent"], identities)
        content = {**content, "PayloadContent": payloads}
    profile = Profile(raw, content, signers, opener)
    _check(profile)
    return profile


def unwrap(raw: bytes) -> tuple[dict[str, Any], tuple[x509.Certificate, ...]]:
    """Return the dictionary of a profile of any kind, and its signer's chain.

    ProfileRefused where it is none, or the signature is wrong.
    """
    try:
        if raw.lstrip().startswith((b"<", b"bplist")):
            return plist.loads(raw), ()
        signed = cms.verify(raw)
        others = (one for one in signed.certificates if one != signed.signer)
        return plist.loads(signed.content), (signed.signer, *others)
    except ProtocolError as error:
        raise ProfileRefused(f"The profile is not valid: {error}.") from error


def _decrypt(sealed: Any, identities: Iterable[Identity]) -> tuple[Identity, Any]:
    for identity in identities:
        try:
            opened = cms.decrypt(sealed, identity.certificate, identity.key)
            payloads = plistlib.loads(opened.content)
        except cms.WrongRecipient:
            continue
        except Exception as error:  # plistlib lets a dozen kinds through
            raise ProfileRefused(f"The profile is not valid: {error}.") from error
        if not isinstance(payloads, list):
            raise ProfileRefused("The encrypted content is not an array of payloads.")
        return identity, payloads
    raise ProfileRefused("The profile is encrypted, and not to this device.")


def _check(profile: Profile) -> None:
    content = profile.content
    check_keys(content)
    if content["PayloadType"] != "Configuration":
        raise ProfileRefused(f"It is a {content['PayloadType']}, not a Configuration.")
    for payload in profile.payloads:
        if not isinstance(payload, dict):
            raise ProfileRefused("A payload is not a dictionary.")
        _require(payload, PAYLOAD_KEYS, "A payload")
    times = Counter(payload["PayloadUUID"] for payload in profile.payloads)
    for payload_uuid in (one for one, count in times.items() if count > 1):
        raise ProfileRefused(f"Two payloads have the PayloadUUID {payload_uuid}.")


def check_keys(content: Mapping[str, Any]) -> None:
    """Raise ProfileRefused unless there is what every profile has, of any kind."""
    _require(content, PAYLOAD_KEYS, "The profile")


def _require(source: Mapping[str, Any], keys: Mapping[str, type], who: str) -> None:
    for name, kind in keys.items():
        if not isinstance(source.get(name), kind):
            raise ProfileRefused(f"{who} has no {name}, or one of a wrong type.")


def check_enrollment(profile: Profile) -> None:
    """Raise ProfileRefused where a device would not enroll with this profile."""
    if len(list(profile.of_type(MDM))) != 1 or profile.mdm is None:
        raise ProfileRefused("An enrollment profile has one MDM payload.")
    mdm = profile.mdm
    _require(mdm, MDM_KEYS, "The MDM payload")
    _check_identity(profile, mdm["IdentityCertificateUUID"])
    if not mdm["Topic"].startswith(TOPIC_PREFIX):
        raise ProfileRefused(f"The Topic does not start with {TOPIC_PREFIX}")
    for name in ("ServerURL", "CheckInURL"):
        check_url(name, mdm.get(name, mdm["ServerURL"]))
    _check_rights(mdm)


def _check_identity(profile: Profile, wanted: str) -> None:
    if not UUID.fullmatch(wanted):
        raise ProfileRefused("The IdentityCertificateUUID has not the form of a UUID.")
    for payload in profile.payloads:
        if payload["PayloadUUID"] == wanted:
            if payload["PayloadType"] not in (SCEP, PKCS12):
                raise ProfileRefused(
                    f"A {payload['PayloadType']} payload gives no identity."
                )
            return
    raise ProfileRefused("No payload has the IdentityCertificateUUID.")


def check_url(name: str, url: object) -> None:
    """https, as devices insist; plain http reaches no further than this computer."""
    try:
        parts = urlsplit(str(url))
    except ValueError:
        parts = urlsplit("")
    safe = parts.scheme == "https"
    if not parts.hostname or not (
        safe or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    ):
        raise ProfileRefused(f"The {name} {url!r} is not an https URL.")


def _check_rights(mdm: Mapping[str, Any]) -> None:
    rights = mdm.get("AccessRights")
    if mdm.get("EnrollmentMode") == "BYOD":
        if rights is not None:
            raise ProfileRefused("A User Enrollment has no AccessRights.")
        return
    if rights is not None:
        try:
            check_rights(rights)
        except (TypeError, ValueError) as error:
            raise ProfileRefused(f"The AccessRights are not valid: {error}") from error


def check_update(old: Profile, new: Profile) -> None:
    """Raise ProfileRefused where ``new`` changes what must stay as it was enrolled.

    https://developer.apple.com/documentation/devicemanagement/mdm
    """
    assert old.mdm is not None
    assert new.mdm is not None
    for name in IMMUTABLE:
        if old.mdm.get(name) != new.mdm.get(name):
            raise ProfileRefused(f"An update cannot change the {name}.")
    if int(new.mdm.get("AccessRights", 0)) & ~int(old.mdm.get("AccessRights", 0)):
        raise ProfileRefused("An update cannot add AccessRights.")
    had, has = (one.mdm.get("ServerCapabilities", []) for one in (old, new) if one.mdm)
    if (PER_USER in had) != (PER_USER in has):
        raise ProfileRefused(f"An update cannot change {PER_USER}.")
