"""Enrollment profiles: what a device needs, with identifiers that last."""

import dataclasses
import uuid

import pytest

from mdmportal.protocol import ProtocolError, mobileconfig, plist

PROFILE = mobileconfig.EnrollmentProfile(
    seed=uuid.UUID("8e0cbd7b-3e3a-4e0c-9d6c-1f4b0a6f6f4e"),
    identifier="org.example.enroll",
    name="Example",
    organization="Example",
    topic="com.apple.mgmt.External.1",
    server_url="https://mdm.example.com/mdm/connect",
    checkin_url="https://mdm.example.com/mdm/checkin",
    scep_url="https://mdm.example.com/scep",
    challenge="secret",
    subject="CN",
)


def test_the_mdm_payload_points_at_the_identity_in_the_same_profile() -> None:
    scep, mdm = plist.loads(PROFILE.to_plist())["PayloadContent"]
    assert scep["PayloadType"] == mobileconfig.SCEP
    assert mdm["IdentityCertificateUUID"] == scep["PayloadUUID"]
    assert "?" not in scep["PayloadContent"]["URL"]


def test_made_again_only_the_challenge_differs() -> None:
    again = dataclasses.replace(PROFILE, challenge="another")
    one, two = plist.loads(PROFILE.to_plist()), plist.loads(again.to_plist())
    for profile in (one, two):
        profile["PayloadContent"][0]["PayloadContent"].pop("Challenge")
    assert one == two


def test_every_identifier_in_a_profile_occurs_once() -> None:
    profile = plist.loads(PROFILE.to_plist())
    payloads = [profile, *profile["PayloadContent"]]
    assert len({one["PayloadUUID"] for one in payloads}) == len(payloads)
    assert len({one["PayloadIdentifier"] for one in payloads}) == len(payloads)


@pytest.mark.parametrize("rights", [0, -1, 2, 128, 8192])
def test_rights_that_devices_refuse_are_refused_here(rights: int) -> None:
    with pytest.raises(ValueError, match=r"AccessRights|needs"):
        dataclasses.replace(PROFILE, access_rights=rights)


def test_a_topic_that_is_not_of_mdm_is_refused() -> None:
    with pytest.raises(ValueError, match="topic"):
        dataclasses.replace(PROFILE, topic="com.example.app")


@pytest.mark.parametrize("profile", [b"", b"junk", plist.dumps({"a": 1})])
def test_what_is_no_profile_is_a_protocol_error(profile: bytes) -> None:
    with pytest.raises(ProtocolError):
        mobileconfig.read(profile)
