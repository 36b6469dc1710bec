"""The enrollment profile of another server, from which devices moved here.

A device updates its enrollment only by a profile that has the same identifiers, and the
same of all that its MDM payload fixes. So renewal hands out the other server's profile
as it was, with nothing but the identity exchanged.
"""

from dataclasses import dataclass
from typing import Any

from mdmportal.protocol import ProtocolError, mobileconfig, plist
from mdmportal.protocol.mobileconfig import MDM


class Unusable(ValueError):
    """The file cannot serve for renewal; the message says why, in words."""


@dataclass(frozen=True)
class Foreign:
    """What counts of the other server's profile."""

    identifier: str
    topic: str
    server_url: str
    access_rights: int
    """0 where it has none."""
    signs: bool
    """Devices sign what they send; else they show their certificate in TLS."""


def read(profile: bytes) -> Foreign:
    """Return what ``profile``, signed or not, says; Unusable if it enrolls nothing."""
    try:
        content = mobileconfig.read(profile)
    except ProtocolError as error:
        raise Unusable("This is no configuration profile.") from error
    if "EncryptedPayloadContent" in content:
        raise Unusable("The profile is encrypted. Upload it as it was before that.")
    mdm = _mdm(content)
    _identity(content, mdm)
    try:
        return Foreign(
            identifier=str(content["PayloadIdentifier"]),
            topic=str(mdm["Topic"]),
            server_url=str(mdm["ServerURL"]),
            access_rights=int(mdm.get("AccessRights", 0)),
            signs=bool(mdm.get("SignMessage", False)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Unusable("Its MDM payload lacks something that it must have.") from error


def renewed(profile: bytes, identity_profile: bytes) -> bytes:
    """Return ``profile``, unsigned, with the identity of the other profile in it.

    The new payload has the identifiers of the one it replaces: the MDM payload names
    it by its PayloadUUID.
    """
    content = mobileconfig.read(profile)
    old = _identity(content, _mdm(content))
    kept = {name: old[name] for name in ("PayloadIdentifier", "PayloadUUID")}
    [new] = mobileconfig.read(identity_profile)["PayloadContent"]
    payloads = [new | kept if one is old else one for one in _payloads(content)]
    return plist.dumps(content | {"PayloadContent": payloads})


def _payloads(content: dict[str, Any]) -> list[dict[str, Any]]:
    found = content.get("PayloadContent")
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Unusable("The profile has no payloads.")
    return found


def _mdm(content: dict[str, Any]) -> dict[str, Any]:
    found = [one for one in _payloads(content) if one.get("PayloadType") == MDM]
    if len(found) != 1:
        raise Unusable("An enrollment profile has one MDM payload, and this has not.")
    return found[0]


def _identity(content: dict[str, Any], mdm: dict[str, Any]) -> dict[str, Any]:
    """Return the payload that gives the device its identity."""
    wanted = mdm.get("IdentityCertificateUUID")
    for one in _payloads(content):
        if one.get("PayloadUUID") == wanted and "PayloadIdentifier" in one:
            return one
    raise Unusable("The profile has no payload that gives the device an identity.")
