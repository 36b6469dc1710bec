"""An invitation lets in as many devices as it is for, however they come."""

import datetime as dt

import pytest
from django.utils import timezone

from devices.models import Device, Identity, User
from enrollment import download, invitations, scep
from enrollment.models import Challenge, EnrollmentProfile, Invitation, OTASession
from mdmportal.simulator.device import SimulatedDevice
from mdmportal.simulator.errors import ProfileRefused, ServerRefused

from .conftest import Enroll, row


@pytest.fixture
def invitation(way: EnrollmentProfile) -> Invitation:
    end = timezone.now() + dt.timedelta(days=1)
    invitation = Invitation(way=way, expires_at=end, limit=1)
    invitations.make(invitation, None)
    return invitation


def install(device: SimulatedDevice, profile: bytes) -> bool:
    """Return whether the device could enroll by the profile."""
    try:
        device.install(profile)
    except (ServerRefused, ProfileRefused):
        return False
    return True


def test_one_device_more_than_invited_gets_no_identity(
    make: Enroll, way: EnrollmentProfile, invitation: Invitation
) -> None:
    profiles = [download.make(way, invitation=invitation) for _ in range(2)]
    assert install(make(seed=1), profiles[0])
    assert not install(make(seed=2), profiles[1])
    assert Device.objects.count() == 1
    assert invitation.used == 1
    assert invitation.problem() == "It has been used."


def test_a_withdrawn_invitation_lets_no_downloaded_profile_in(
    make: Enroll, way: EnrollmentProfile, invitation: Invitation
) -> None:
    profile = download.make(way, invitation=invitation)
    invitations.revoke(invitation, None)
    assert not install(make(), profile)
    assert not Device.objects.exists()


def test_an_expired_invitation_lets_no_downloaded_profile_in(
    make: Enroll, way: EnrollmentProfile, invitation: Invitation
) -> None:
    profile = download.make(way, invitation=invitation)
    Invitation.objects.update(expires_at=timezone.now())
    assert not install(make(), profile)


def test_for_several_each_device_counts_once(
    make: Enroll, way: EnrollmentProfile, invitation: Invitation
) -> None:
    Invitation.objects.update(limit=2)
    invitation.refresh_from_db()
    for seed in (1, 2):
        assert install(make(seed=seed), download.make(way, invitation=invitation))
    assert not install(make(seed=3), download.make(way, invitation=invitation))
    assert invitations.listed().get().devices == 2  # type: ignore[attr-defined]


def test_both_identities_of_an_over_the_air_session_count_as_one_device(
    way: EnrollmentProfile, invitation: Invitation
) -> None:
    end = timezone.now() + dt.timedelta(hours=1)
    session = OTASession.objects.create(
        digest="s", way=way, invitation=invitation, expires_at=end
    )
    first, second = (
        Challenge.issue(way, invitation=invitation, ota=session)[0] for _ in range(2)
    )
    other = Challenge.issue(way, invitation=invitation)[0]
    issued(first)
    assert invitation.refusal(second) == ""
    assert invitation.refusal(other) == "It has been used."
    issued(second)
    assert invitation.used == 1
    assert invitations.listed().get().devices == 1  # type: ignore[attr-defined]
    with pytest.raises(scep.Denied):
        scep._check_invitation(other)


def issued(challenge: Challenge) -> None:
    now = timezone.now()
    challenge.identity = Identity.objects.create(
        fingerprint=challenge.digest, not_before=now, not_after=now
    )
    challenge.save()


def test_the_invited_own_the_device(
    make: Enroll, way: EnrollmentProfile, invitation: Invitation
) -> None:
    anna = User.objects.create_user("anna")
    device = make()
    profile = download.make(way, user=anna, invitation=invitation)
    assert install(device, profile)
    assert row(device).owner == anna
