"""Over the air: three phases, one device, one session."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from devices.models import Device, Enrollment, User
from enrollment import apple_ca, ota, renewal
from enrollment.account import policy
from enrollment.models import Challenge, EnrollmentProfile, OTASession
from mdmportal.protocol import cms, machineinfo, mobileconfig, plist
from mdmportal.simulator.device import SimulatedDevice
from mdmportal.simulator.errors import ProfileRefused, ServerRefused
from mdmportal.simulator.factory import Factory
from mdmportal.simulator.hardware import Hardware
from mdmportal.simulator.ota import Enrolling
from mdmportal.simulator.signature import Style

from ..captures import capture
from .conftest import IPAD, IPHONE, MAC, VISION, Enroll, row

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("device_ca")]

Begin = Callable[[SimulatedDevice], Enrolling]


@pytest.fixture
def air(way: EnrollmentProfile) -> EnrollmentProfile:
    return EnrollmentProfile.objects.create(name="Over the air", kind="ota")


@pytest.fixture
def begin(air: EnrollmentProfile) -> Begin:
    """Return what begins an enrollment on a device, as the page does."""

    def begin(device: SimulatedDevice) -> Enrolling:
        return Enrolling(device, ota.begin(air)[0])

    return begin


def refused(step: Callable[..., Any], *args: Any, **changes: Any) -> int:
    with pytest.raises(ServerRefused) as refusal:
        step(*args, **changes)
    return refusal.value.status


@pytest.mark.parametrize("style", list(Style))
@pytest.mark.parametrize("hardware", [IPHONE, IPAD, MAC, VISION])
def test_a_device_walks_through_the_three_phases(
    make: Enroll, air: EnrollmentProfile, hardware: Hardware, style: Style
) -> None:
    owner = User.objects.create(username="ada")
    device = make(hardware)
    device.style = style
    device.install(ota.begin(air, user=owner)[0])
    device.session()
    stay = Enrollment.objects.get(device=row(device))
    assert (stay.state, stay.mode, stay.owner) == ("active", "device", owner)
    assert row(device).owner == owner
    session = OTASession.objects.get()
    assert session.serial_number == device.unit.serial_number
    assert session.configured_at is not None


def test_the_profile_is_readable_to_the_device_alone(
    make: Enroll, begin: Begin
) -> None:
    device = make()
    phases = begin(device)
    phases.take_identity(phases.phase2())
    profile = phases.phase3()
    outer = mobileconfig.read(profile)
    assert "PayloadContent" not in outer
    assert phases.read_profile(profile).mdm is not None
    phases.identity = make(IPAD, 1).factory_identity
    with pytest.raises(ProfileRefused):
        phases.read_profile(profile)


def test_the_second_phase_gives_an_identity_and_nothing_more(
    make: Enroll, begin: Begin
) -> None:
    kinds = [
        payload["PayloadType"]
        for payload in mobileconfig.read(begin(make()).phase2())["PayloadContent"]
    ]
    assert kinds == [mobileconfig.SCEP]


def test_an_answer_may_be_repeated_for_the_response_may_be_lost(
    make: Enroll, begin: Begin
) -> None:
    phases = begin(make())
    phases.phase2()
    phases.take_identity(phases.phase2())
    phases.phase3()
    assert phases.read_profile(phases.phase3()).mdm is not None


def test_a_challenge_is_good_for_one_device(make: Enroll, begin: Begin) -> None:
    phases, stranger = begin(make()), make(IPAD, 1)
    phases.phase2()
    assert refused(phases.phase2, signer=stranger.factory_identity) == 400
    assert refused(phases.phase2, UDID=stranger.unit.udid) == 400


def test_a_challenge_is_used_up_once_the_profile_was_given(
    make: Enroll, begin: Begin
) -> None:
    phases = begin(make())
    phases.take_identity(phases.phase2())
    phases.phase3()
    assert refused(phases.phase2) == 400


@pytest.mark.parametrize("challenge", ["", "guessed", None])
def test_an_unknown_challenge_is_refused(
    make: Enroll, begin: Begin, challenge: str | None
) -> None:
    assert refused(begin(make()).phase2, CHALLENGE=challenge) == 400
    assert not Challenge.objects.exists()


def test_an_expired_challenge_is_refused(make: Enroll, begin: Begin) -> None:
    phases = begin(make())
    OTASession.objects.update(expires_at=timezone.now())
    assert refused(phases.phase2) == 400


def test_a_late_third_phase_is_refused(make: Enroll, begin: Begin) -> None:
    phases = begin(make())
    phases.take_identity(phases.phase2())
    long_ago = timezone.now() - dt.timedelta(hours=1)
    OTASession.objects.update(configured_at=long_ago)
    assert refused(phases.phase3) == 400


def test_a_changed_udid_or_serial_number_is_refused(make: Enroll, begin: Begin) -> None:
    phases = begin(make())
    phases.take_identity(phases.phase2())
    assert refused(phases.phase3, UDID="another") == 400
    assert refused(phases.phase3, SERIAL="another") == 400
    assert phases.read_profile(phases.phase3()).mdm is not None


def test_another_udid_cannot_be_said_when_enrolling_either(
    make: Enroll, begin: Begin
) -> None:
    device = make()
    phases = begin(device)
    profile = phases.run()
    victim = make(IPHONE, 7)
    device.unit = victim.unit
    assert refused(device.enroll, profile) == 400
    assert not Device.objects.filter(udid=victim.unit.udid).exists()


def test_a_device_without_a_udid_is_refused(make: Enroll, begin: Begin) -> None:
    assert refused(begin(make()).phase2, UDID=None) == 400


def test_an_identity_of_another_session_gets_no_profile(
    make: Enroll, begin: Begin, enroll: Enroll
) -> None:
    one, other = begin(make()), begin(make(IPAD, 1))
    one.take_identity(one.phase2())
    other.take_identity(other.phase2())
    assert refused(one.phase3, signer=other.identity) == 400
    enrolled = enroll(MAC)
    assert refused(one.phase3, signer=enrolled.stay.identity) == 400


def test_a_signer_that_no_factory_made_is_refused(
    make: Enroll, begin: Begin, tmp_path: Any
) -> None:
    assert refused(begin(make()).phase2, signer=Factory(tmp_path).make()) == 400


def test_simulated_devices_are_refused_unless_a_setting_lets_them(
    make: Enroll, begin: Begin, settings: Any
) -> None:
    settings.DEVICE_CA_FILE = ""
    assert refused(begin(make()).phase2) == 400


def test_a_way_that_was_closed_answers_no_more(
    make: Enroll, begin: Begin, air: EnrollmentProfile
) -> None:
    phases = begin(make())
    EnrollmentProfile.objects.filter(pk=air.pk).update(is_enabled=False)
    assert refused(phases.phase2) == 404


def test_what_a_real_mac_sent_is_known_as_apples_whatever_the_dates(
    settings: Any,
) -> None:
    settings.DEVICE_CA_FILE = ""
    signed = machineinfo.read(capture("ota/phase-2-macos-13.p7"))
    assert apple_ca.is_apples(signed)
    assert signed.info.product == "VirtualMac2,1"
    assert signed.info.challenge


def test_a_real_macs_answer_to_another_server_is_refused(
    air: EnrollmentProfile, client: Any
) -> None:
    answer = client.post(
        f"/enroll/{air.code}/ota",
        capture("ota/phase-2-macos-13.p7"),
        content_type="application/pkcs7-signature",
    )
    assert answer.status_code == 400


@pytest.mark.parametrize("body", [b"", b"<plist/>", plist.dumps({"UDID": "x"})])
def test_what_is_not_signed_is_refused(
    air: EnrollmentProfile, client: Any, body: bytes
) -> None:
    url = f"/enroll/{air.code}/ota"
    answer = client.post(url, body, content_type="application/pkcs7-signature")
    assert answer.status_code == 400


def test_the_challenge_is_kept_as_its_digest(air: EnrollmentProfile) -> None:
    service = ota.begin(air)[0]
    challenge = plist.loads(cms.verify(service).content)["PayloadContent"]
    assert challenge["Challenge"] not in str(OTASession.objects.values().get())


def test_how_a_device_came_in_is_known_as_long_as_it_stays(
    make: Enroll, air: EnrollmentProfile, begin: Begin
) -> None:
    device = make()
    device.install(ota.begin(air)[0])
    begin(make(IPAD, 1))
    OTASession.objects.update(expires_at=timezone.now() - 2 * policy.KEPT_FOR)
    assert policy.forget() == 1, "the one that came to nothing"
    stay = Enrollment.objects.get(device=row(device))
    assert Challenge.objects.get(identity__enrollment=stay).ota is not None
    assert renewal.why_not(stay) == ""
