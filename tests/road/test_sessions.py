"""Sessions of account-driven devices: asked for again, and never lost over it."""

import pytest
from django.utils import timezone

from commands import queue
from commands.models import State
from devices.models import (
    Enrollment,
    SessionToken,
    User,
)
from enrollment.models import (
    SignIn,
)
from mdmportal.simulator.device import SimulatedDevice
from mdmportal.simulator.errors import (
    SignInFailed,
    SignInRequired,
)

from .conftest import (
    IPAD,
    Browser,
    Enroll,
    Person,
    channel_of,
    sign_up,
    stay_of,
)
from .test_statements import statements

pytestmark = pytest.mark.django_db


def test_on_demand_the_device_asks_and_goes_on_where_it_was(
    enrolled: tuple[SimulatedDevice, Browser],
) -> None:
    device, ada = enrolled
    waiting = queue.enqueue([channel_of(device).pk], "ProfileList")
    stay_of(device).sign_out()
    with pytest.raises(SignInRequired):
        device.session()
    assert device.enrolled, "401 does not unenroll"
    assert waiting.deliveries.get().state == State.QUEUED
    device.sign_in_again(ada)
    assert [one.command_uuid for one in device.session()] == [
        waiting.deliveries.get().uuid
    ]
    stay = stay_of(device)
    assert stay.signed_out_at is None
    assert stay.session_tokens.filter(revoked_at=None).count() == 1


def test_an_answer_that_met_a_401_is_given_again(
    enrolled: tuple[SimulatedDevice, Browser],
) -> None:
    device, ada = enrolled
    waiting = queue.enqueue([channel_of(device).pk], "ProfileList")
    sent = device.connect()
    assert sent is not None
    stay_of(device).sign_out()
    with pytest.raises(SignInRequired):
        device.connect("Acknowledged", to=sent, ProfileList=[])
    assert waiting.deliveries.get().state == State.SENT
    device.sign_in_again(ada)
    assert device.connect("Acknowledged", to=sent, ProfileList=[]) is None
    assert waiting.deliveries.get().state == State.ACKNOWLEDGED


def test_after_its_period_a_session_ends(
    enrolled: tuple[SimulatedDevice, Browser],
) -> None:
    device, ada = enrolled
    now = timezone.now()
    SessionToken.objects.update(expires_at=now)
    SignIn.objects.update(ends_at=now)
    with pytest.raises(SignInRequired):
        device.session()
    assert stay_of(device).signed_out_at is not None
    device.sign_in_again(ada)
    device.session()
    assert stay_of(device).signed_out_at is None


def test_whoever_is_deactivated_is_served_no_more(
    enrolled: tuple[SimulatedDevice, Browser],
) -> None:
    device, ada = enrolled
    User.objects.update(is_active=False)
    with pytest.raises(SignInRequired):
        device.session()
    with pytest.raises(SignInFailed):
        device.sign_in_again(ada)
    User.objects.update(is_active=True)
    if device.account and device.account.refresh_token == "":
        device.sign_in_again(ada)
    device.session()
    assert stay_of(device).signed_out_at is None


def test_another_person_cannot_sign_in_for_a_device(
    enrolled: tuple[SimulatedDevice, Browser], person: Person
) -> None:
    device, ada = enrolled
    bob = person("bob")
    stay_of(device).sign_out()
    with pytest.raises(SignInRequired):
        device.session()
    device.sign_in_again(bob)
    with pytest.raises(SignInRequired):
        device.session()
    device.sign_in_again(ada)
    device.session()
    assert stay_of(device).owner == User.objects.get(username="ada")


def test_a_token_of_one_device_does_not_serve_another(
    enrolled: tuple[SimulatedDevice, Browser], make: Enroll
) -> None:
    device, ada = enrolled
    other = sign_up(make(IPAD, 1), ada)
    other.bearer = device.bearer
    if other.account:
        other.account.refresh_token = ""
    with pytest.raises(SignInRequired):
        other.connect()
    assert device.connect() is None


def test_the_account_of_an_enrollment_stays_though_the_persons_changes(
    enrolled: tuple[SimulatedDevice, Browser],
) -> None:
    device, ada = enrolled
    User.objects.update(managed_apple_account="new@corp.example")
    stay_of(device).sign_out()
    with pytest.raises(SignInRequired):
        device.session()
    device.sign_in_again(ada)
    device.session()
    assert stay_of(device).managed_apple_account == "ada@corp.example"


def test_leaving_needs_no_session(enrolled: tuple[SimulatedDevice, Browser]) -> None:
    device, _ = enrolled
    stay = stay_of(device)
    stay.sign_out()
    device.check_out()
    stay.refresh_from_db()
    assert stay.state == Enrollment.State.ENDED


def test_a_lost_header_asks_to_sign_in_and_takes_nothing_away(
    enrolled: tuple[SimulatedDevice, Browser],
) -> None:
    device, _ = enrolled
    bearer, device.bearer = device.bearer, ""
    if device.account:
        device.account.refresh_token = ""
    with pytest.raises(SignInRequired):
        device.connect()
    assert stay_of(device).signed_out_at is None
    device.bearer = bearer
    assert device.connect() is None


@pytest.mark.parametrize("token", ["", "Bearer junk", "Bearer", "Basic YTpi", "junk"])
def test_a_device_that_enrolled_by_a_profile_is_never_told_401(
    iphone: SimulatedDevice, token: str
) -> None:
    iphone.bearer = token
    Enrollment.objects.get().sign_out()
    assert iphone.connect() is None


def test_an_idle_costs_one_more_look_than_elsewhere(
    enrolled: tuple[SimulatedDevice, Browser],
) -> None:
    device, _ = enrolled
    device.connect()
    with statements() as found:
        assert device.connect() is None
    assert found == ["SELECT", "SELECT"]


def test_deleting_a_person_signs_their_device_out_and_takes_nothing_away(
    enrolled: tuple[SimulatedDevice, Browser],
) -> None:
    device, ada = enrolled
    User.objects.all().delete()
    with pytest.raises(SignInRequired):
        device.session()
    assert device.enrolled
    assert Enrollment.objects.get().state == Enrollment.State.ACTIVE
    with pytest.raises(SignInFailed):
        device.sign_in_again(ada)
