"""Profiles, provisioning profiles and certificates on the device, and restrictions.

https://developer.apple.com/documentation/devicemanagement/profile-list-command
"""

import plistlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mdmportal.protocol import ProtocolError, cms

from ..errors import Error, ProfileRefused, ServerRefused, SignInRequired
from ..identity import common_name
from ..profile import CERTIFICATES, Profile, read
from ..transport import Unreachable
from .table import Answer, Request, Table

if TYPE_CHECKING:
    from ..channel import Channel

RESTRICTIONS = "com.apple.applicationaccess"
INSTALLATION = "MCInstallationErrorDomain"
INSTALLATION_FAILED = 4001
PROFILE = "MCProfileErrorDomain"
INVALID_PROFILE = 1000
NOT_INSTALLED = 1001
PROVISIONING = "MCProvisioningProfileErrorDomain"
PAYLOAD_KEYS = (
    "PayloadType",
    "PayloadVersion",
    "PayloadIdentifier",
    "PayloadUUID",
    "PayloadDisplayName",
    "PayloadDescription",
    "PayloadOrganization",
)
PROFILE_KEYS = (
    "PayloadUUID",
    "PayloadIdentifier",
    "PayloadVersion",
    "PayloadDisplayName",
    "PayloadOrganization",
    "PayloadDescription",
)


def installed(channel: "Channel") -> Iterator[Profile]:
    """Yield the profiles of this channel, the enrollment profile among the device's."""
    for raw in channel.kept.profiles.values():
        yield read(raw, *channel.device.stay.identities)


def _is_managed(channel: "Channel", profile: Profile) -> bool:
    managed = profile.identifier in channel.kept.managed_profiles
    return managed or profile.mdm is not None


# Profiles


def profile_list(channel: "Channel", request: Request) -> Answer:
    only_managed = request.get("ManagedOnly") or channel.device.mode == "user"
    listed = [
        _item(channel, profile)
        for profile in installed(channel)
        if not only_managed or _is_managed(channel, profile)
    ]
    return {"ProfileList": listed}


def _item(channel: "Channel", profile: Profile) -> dict[str, Any]:
    content = profile.content
    item = {name: content[name] for name in PROFILE_KEYS if name in content}
    item |= {
        "HasRemovalPasscode": "com.apple.profileRemovalPassword"
        in (payload["PayloadType"] for payload in profile.payloads),
        "IsEncrypted": profile.encrypted,
        "PayloadContent": [
            {name: payload[name] for name in PAYLOAD_KEYS if name in payload}
            for payload in profile.payloads
        ],
        "PayloadRemovalDisallowed": bool(
            content.get("PayloadRemovalDisallowed", False)
        ),
    }
    if profile.signers:
        item["SignerCertificates"] = [
            one.public_bytes(Encoding.DER) for one in profile.signers
        ]
    if not channel.device.supervised:  # a supervised device leaves it out
        item["IsManaged"] = _is_managed(channel, profile)
    return item


def install_profile(channel: "Channel", request: Request) -> Answer:
    try:
        profile = read(request["Payload"], *channel.device.stay.identities)
        if profile.mdm is not None:
            channel.device.enroll(profile)
            return {}
    except SignInRequired:
        raise  # the command is taken up again when the person has signed in
    except (ProfileRefused, ServerRefused, Unreachable) as error:
        raise _not_installed(str(error)) from error
    kept = channel.kept
    kept.profiles[profile.identifier] = profile.raw
    if profile.identifier not in kept.managed_profiles:
        kept.managed_profiles.append(profile.identifier)
    return {}


def _not_installed(reason: str) -> Error:
    cause = Error(INVALID_PROFILE, PROFILE, reason)
    text = "The profile could not be installed."
    return Error(INSTALLATION_FAILED, INSTALLATION, text, cause=cause)


def remove_profile(channel: "Channel", request: Request) -> Answer:
    """Remove a profile; the enrollment profile goes after the report, with CheckOut."""
    identifier, device, kept = request["Identifier"], channel.device, channel.kept
    if identifier == device.stay.profile.identifier:
        channel.afterwards(device.check_out)
        return {}
    removable = kept.profiles if device.supervised else kept.managed_profiles
    if identifier not in removable:
        text = f"The profile “{identifier}” is not installed."
        raise Error(NOT_INSTALLED, PROFILE, text)
    del kept.profiles[identifier]
    if identifier in kept.managed_profiles:
        kept.managed_profiles.remove(identifier)
    return {}


# Provisioning profiles


def install_provisioning_profile(channel: "Channel", request: Request) -> Answer:
    raw = request["ProvisioningProfile"]
    content = _provisioning(raw)
    channel.device.state.provisioning_profiles[content["UUID"]] = raw
    return {}


def _provisioning(raw: bytes) -> dict[str, Any]:
    """Read a provisioning profile: a plist that Apple has signed."""
    try:
        plain = raw.lstrip().startswith(b"<")
        content = plistlib.loads(raw if plain else cms.verify(raw).content)
        return {name: content[name] for name in ("Name", "UUID", "ExpirationDate")}
    except (ProtocolError, ValueError, LookupError, TypeError) as error:
        text = "The provisioning profile is not valid."
        raise Error(INVALID_PROFILE, PROVISIONING, text) from error


def remove_provisioning_profile(channel: "Channel", request: Request) -> Answer:
    kept = channel.device.state.provisioning_profiles
    if request["UUID"] not in kept:
        text = "The provisioning profile is not installed."
        raise Error(NOT_INSTALLED, PROVISIONING, text)
    del kept[request["UUID"]]
    return {}


def provisioning_profile_list(channel: "Channel", request: Request) -> Answer:
    contents = map(_provisioning, channel.device.state.provisioning_profiles.values())
    listed = [
        {
            "Name": content["Name"],
            "UUID": content["UUID"],
            "ExpiryDate": content["ExpirationDate"],
        }
        for content in contents
    ]
    return {"ProvisioningProfileList": listed}


# Certificates


def certificate_list(channel: "Channel", request: Request) -> Answer:
    """The identity of the device, and the certificates in profiles."""
    identity = channel.device.stay.identity.certificate
    listed = [_certificate(identity, is_identity=True)]
    for profile in installed(channel):
        for payload in profile.of_type(*CERTIFICATES):
            certificate = _load(payload.get("PayloadContent", b""))
            if certificate is not None:
                listed.append(_certificate(certificate, is_identity=False))
    return {"CertificateList": listed}


def _load(encoded: bytes) -> x509.Certificate | None:
    try:
        if encoded.lstrip().startswith(b"-----"):
            return x509.load_pem_x509_certificate(encoded)
        return x509.load_der_x509_certificate(encoded)
    except ValueError:
        return None  # the payload was installed, but shows nothing


def _certificate(certificate: x509.Certificate, *, is_identity: bool) -> dict[str, Any]:
    return {
        "CommonName": common_name(certificate),
        "Data": certificate.public_bytes(Encoding.DER),
        "IsIdentity": is_identity,
    }


# Restrictions


def restrictions(channel: "Channel", request: Request) -> Answer:
    """Which restrictions hold, and with ProfileRestrictions, which profile set them."""
    by_profile = {}
    for profile in installed(channel):
        found = _restrictions(profile)
        if any(found.values()):
            by_profile[profile.identifier] = found
    answer: Answer = {"GlobalRestrictions": _combined(list(by_profile.values()))}
    if request.get("ProfileRestrictions"):
        answer["ProfileRestrictions"] = by_profile
    return answer


def _restrictions(profile: Profile) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {"restrictedBool": {}, "restrictedValue": {}}
    for payload in profile.of_type(RESTRICTIONS):
        for name, value in payload.items():
            if name.startswith("Payload"):
                continue
            if isinstance(value, bool):
                found["restrictedBool"][name] = {"value": value}
            elif isinstance(value, int):
                found["restrictedValue"][name] = {"value": value}
    return found


def _combined(several: list[dict[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """The strictest wins: forbidden once is forbidden, forced once is forced."""
    combined: dict[str, dict[str, Any]] = {
        "restrictedBool": {},
        "restrictedValue": {},
        "intersection": {},
        "union": {},
    }
    for found in several:
        for kind, values in found.items():
            for name, value in values.items():
                there = combined[kind].get(name, value)["value"]
                strictest = max if name.startswith("force") else min
                combined[kind][name] = {"value": strictest(there, value["value"])}
    return combined


ANSWERS: Table = {
    "CertificateList": certificate_list,
    "InstallProfile": install_profile,
    "InstallProvisioningProfile": install_provisioning_profile,
    "ProfileList": profile_list,
    "ProvisioningProfileList": provisioning_profile_list,
    "RemoveProfile": remove_profile,
    "RemoveProvisioningProfile": remove_provisioning_profile,
    "Restrictions": restrictions,
}
