"""What becomes of devices whose person does not sign in again."""

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from commands import queue, results
from commands.models import Command, State
from devices import sessions
from devices.models import (
    AuditEntry,
    Enrollment,
    Inventory,
    SessionToken,
)
from enrollment import account
from enrollment.account import policy
from enrollment.models import (
    Challenge,
    EnrollmentProfile,
    SignIn,
)
from mdmportal.protocol import mobileconfig, plist
from mdmportal.simulator.device import SimulatedDevice
from mdmportal.simulator.errors import (
    SignInRequired,
)

from .conftest import (
    Browser,
    Enroll,
    OpenWay,
    Person,
    channel_of,
    sign_up,
    stay_of,
)

pytestmark = pytest.mark.django_db


def install(device: SimulatedDevice, identifier: str) -> None:
    """Have the portal install a profile, and know of it."""
    raw = plist.dumps(
        mobileconfig.payload("Configuration", identifier, "A" * 8, PayloadContent=[])
    )
    where = [channel_of(device).pk]
    queue.enqueue(where, "InstallProfile", {"Payload": raw})
    queue.enqueue(where, "ProfileList")
    device.session()
    results.read_waiting()


def silent(days: float) -> None:
    since = timezone.now() - dt.timedelta(days=days)
    Enrollment.objects.filter(signed_out_at__isnull=False).update(signed_out_at=since)


@pytest.fixture
def strict(
    open_way: OpenWay, make: Enroll, person: Person
) -> tuple[SimulatedDevice, Browser]:
    open_way(remove_after_days=3, unenroll_after_days=10)
    ada = person()
    device = sign_up(make(), ada)
    install(device, "com.example.mail")
    stay_of(device).sign_out()
    return device, ada


def test_profiles_go_after_a_time_and_then_the_enrollment(
    strict: tuple[SimulatedDevice, Browser],
) -> None:
    device, _ = strict
    waiting = queue.enqueue([channel_of(device).pk], "ProfileList")
    silent(days=2)
    assert policy.enforce() == 0
    silent(days=4)
    assert policy.enforce() == 1
    assert policy.enforce() == 0, "once is enough"
    device.session()
    assert "com.example.mail" not in device.state.profiles
    assert device.enrolled
    with pytest.raises(SignInRequired):
        device.connect()
    assert waiting.deliveries.get().state == State.QUEUED
    silent(days=11)
    assert policy.enforce() == 1
    device.session()
    assert not device.enrolled
    assert Enrollment.objects.get().state == Enrollment.State.ENDED
    said = set(AuditEntry.objects.values_list("action", flat=True))
    assert f"nobody signed in again: {policy.LEAVES}" in said


def test_who_signs_in_in_time_loses_nothing(
    strict: tuple[SimulatedDevice, Browser],
) -> None:
    device, ada = strict
    with pytest.raises(SignInRequired):
        device.connect()
    silent(days=11)
    policy.enforce()
    device.sign_in_again(ada)
    device.session()
    assert device.enrolled
    assert "com.example.mail" in device.state.profiles
    assert policy.enforce() == 0


def test_who_signs_in_at_the_very_moment_loses_nothing_either(
    strict: tuple[SimulatedDevice, Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request was told who calls before, and takes its token after."""
    device, ada = strict
    silent(days=4)
    find = sessions._find
    done: list[str] = []

    def late(token: str) -> Any:
        if not done and policy.enforce():
            done.append(token)
        return find(token)

    with pytest.raises(SignInRequired):
        device.connect()
    silent(days=4)
    monkeypatch.setattr(sessions, "_find", late)
    device.sign_in_again(ada)
    device.session()
    assert done
    assert "com.example.mail" in device.state.profiles


@pytest.mark.parametrize(
    "answer",
    [
        ["no profile"],
        [{"PayloadIdentifier": {"no": "text"}}],
        {"no": "list"},
        [{"PayloadIdentifier": f"of many {number}"} for number in range(5000)],
    ],
)
def test_what_a_device_says_of_its_profiles_stops_no_policy_and_floods_nothing(
    strict: tuple[SimulatedDevice, Browser], answer: Any
) -> None:
    device = stay_of(strict[0]).device
    Inventory.objects.filter(device=device, request_type="ProfileList").delete()
    now = timezone.now()
    Inventory.objects.create(
        device=device, request_type="ProfileList", answer=answer, received_at=now
    )
    silent(days=4)
    assert policy.enforce() == 1
    assert Command.objects.filter(request_type=policy.REMOVE).count() <= policy.AT_MOST


def test_how_a_device_came_in_is_known_as_long_as_it_stays(
    make: Enroll, person: Person, byod: EnrollmentProfile
) -> None:
    """It came with the token of a later sign-in than the one for its profile."""
    stay = stay_of(sign_up(make(), person()))
    first = SignIn.objects.get()
    account.issue_token(account.begin(byod, first.user))
    SessionToken.objects.exclude(sign_in=first).update(enrollment=stay)
    long_ago = timezone.now() - 2 * policy.KEPT_FOR
    SessionToken.objects.filter(sign_in=first).update(enrollment=None, bind_by=long_ago)
    SignIn.objects.update(created_at=long_ago)
    policy.forget()
    assert Challenge.objects.get(identity__enrollment=stay).sign_in == first


def test_without_a_policy_nothing_is_taken_away(
    enrolled: tuple[SimulatedDevice, Browser],
) -> None:
    stay_of(enrolled[0]).sign_out()
    silent(days=1000)
    assert policy.enforce() == 0
