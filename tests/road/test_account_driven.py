"""Account-driven enrollment: who signs in gets a profile, and a session."""

import logging
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from commands import queue
from commands.models import State
from devices.models import (
    Device,
    Enrollment,
    Inventory,
    SessionToken,
    User,
)
from enrollment import arrivals, profiles
from enrollment.models import (
    Challenge,
    EnrollmentProfile,
    SignIn,
    digest,
)
from mdmportal.protocol import mobileconfig
from mdmportal.simulator import enrolling
from mdmportal.simulator.account_driven import Enrolling
from mdmportal.simulator.errors import (
    ServerRefused,
    SignInFailed,
    SignInRequired,
)
from mdmportal.simulator.hardware import Hardware

from .conftest import (
    HERE,
    IPAD,
    IPHONE,
    KINDS,
    MAC,
    METHODS,
    VISION,
    Enroll,
    OpenWay,
    Person,
    sign_up,
    stay_of,
)
from .test_statements import statements

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("hardware", [IPHONE, IPAD, MAC, VISION])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_person_enrolls_with_their_account(
    make: Enroll,
    person: Person,
    open_way: OpenWay,
    kind: str,
    method: str,
    hardware: Hardware,
) -> None:
    way = open_way(kind, method)
    ada = person("ada", managed_apple_account="ada@appleid.corp.example")
    device = sign_up(make(hardware), ada)
    stay = stay_of(device)
    assert stay.mode == way.mode
    assert stay.owner == stay.device.owner == User.objects.get(username="ada")
    assert stay.managed_apple_account == "ada@appleid.corp.example"
    assert stay.device.os_version == hardware.os_version
    assert not stay.channels.get().deliveries.filter(state="failed").exists()
    lock = queue.enqueue([stay.channels.get().pk], "ProfileList")
    device.session()
    assert lock.deliveries.get().state == State.ACKNOWLEDGED


def test_a_persons_own_device_stays_anonymous(
    make: Enroll, person: Person, byod: EnrollmentProfile
) -> None:
    device, ada = make(), person()
    sign_up(device, ada)
    known = Device.objects.values().get()
    unit = device.unit
    assert known["enrollment_id"] == device.stay.enrollment_id
    for secret in (unit.udid, unit.serial_number, unit.imei, unit.wifi_mac):
        assert secret not in str(known)
        assert secret not in str(list(Inventory.objects.values()))


def test_enrolling_again_is_another_device(
    make: Enroll, person: Person, byod: EnrollmentProfile
) -> None:
    device, ada = make(), person()
    sign_up(device, ada)
    device.check_out()
    sign_up(device, ada)
    first, second = Device.objects.order_by("pk")
    assert first.enrollment_id != second.enrollment_id
    assert stay_of(device).device == second


def test_a_udid_said_by_a_persons_own_device_is_not_taken(
    make: Enroll, person: Person, byod: EnrollmentProfile
) -> None:
    device, ada = make(), person()
    steps = Enrolling(device, "ada@corp.example", discovery_url=HERE)
    tokens, profile = steps.run(ada)
    device.take(steps.account, tokens)
    new = enrolling.prepare(device, profile)
    with pytest.raises(ServerRefused) as refusal:
        device.check_in("Authenticate", new, UDID=device.unit.udid, Topic=new.topic)
    assert refusal.value.status == 400
    assert not Device.objects.exists()


def test_asking_without_a_token_is_401_and_writes_nothing(
    make: Enroll, person: Person, byod: EnrollmentProfile
) -> None:
    steps = Enrolling(make(), "ada@corp.example", discovery_url=HERE)
    steps.discover()
    with statements() as found:
        assert steps.post().status == 401
    assert set(found) == {"SELECT"}
    assert not SignIn.objects.exists()
    assert not SessionToken.objects.exists()


@pytest.mark.parametrize("method", METHODS)
def test_an_unknown_token_is_401_with_a_fresh_challenge(
    make: Enroll, open_way: OpenWay, method: str
) -> None:
    open_way(method=method)
    steps = Enrolling(make(), "ada@corp.example", discovery_url=HERE)
    steps.discover()
    answer = steps.post("guessed")
    assert answer.status == 401
    assert f'method="{method}"' in answer.headers["www-authenticate"]


def test_what_is_not_signed_is_refused(
    make: Enroll, byod: EnrollmentProfile, client: Client
) -> None:
    url = f"/enroll/{byod.code}/account"
    answer = client.post(url, b"<plist/>", content_type="application/pkcs7-signature")
    assert answer.status_code == 400
    assert client.get(url).status_code == 405


def test_a_token_of_another_way_in_is_401(
    make: Enroll, person: Person, open_way: OpenWay
) -> None:
    open_way("byod")
    byod = Enrolling(make(), "ada@corp.example", discovery_url=HERE)
    byod.discover()
    tokens = byod.sign_in(byod.challenge(), person())
    open_way("adde")
    adde = Enrolling(make(), "ada@corp.example", discovery_url=HERE)
    adde.discover()
    assert adde.post(tokens.access_token).status == 401
    assert byod.post(tokens.access_token).status == 200


def test_each_step_can_be_repeated(
    make: Enroll, person: Person, byod: EnrollmentProfile
) -> None:
    device, ada = make(), person()
    steps = Enrolling(device, "ada@corp.example", discovery_url=HERE)
    steps.discover()
    tokens = steps.sign_in(steps.challenge(), ada)
    steps.fetch_profile(tokens)
    profile = steps.fetch_profile(tokens)
    device.take(steps.account, tokens)
    device.enroll(profile)
    stay = device.stay
    device.check_in("Authenticate", stay, Topic=stay.topic, **stay.who(""))
    device.kept.announced = False
    device.announce()
    assert Enrollment.objects.count() == 1


def test_a_first_check_in_that_fails_can_be_tried_again(
    make: Enroll,
    person: Person,
    byod: EnrollmentProfile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    device, ada = make(), person()
    real = arrivals.open_stay

    def away(*args: Any) -> Any:
        monkeypatch.setattr(arrivals, "open_stay", real)
        raise OperationalError("gone")

    monkeypatch.setattr(arrivals, "open_stay", away)
    steps = Enrolling(device, "ada@corp.example", discovery_url=HERE)
    tokens, profile = steps.run(ada)
    device.take(steps.account, tokens)
    with pytest.raises(ServerRefused) as refusal:
        device.enroll(profile)
    assert refusal.value.status == 503
    device.enroll(steps.fetch_profile(tokens))
    assert stay_of(device).state == "active"


def test_a_token_that_nobody_came_with_in_time_is_void(
    make: Enroll, person: Person, byod: EnrollmentProfile
) -> None:
    steps = Enrolling(make(), "ada@corp.example", discovery_url=HERE)
    steps.discover()
    tokens = steps.sign_in(steps.challenge(), person())
    SessionToken.objects.update(bind_by=timezone.now())
    with pytest.raises(SignInRequired):
        steps.fetch_profile(tokens)


def test_a_wrong_password_gives_nothing(
    make: Enroll, person: Person, byod: EnrollmentProfile
) -> None:
    ada = person()
    ada.password = "wrong"
    with pytest.raises(SignInFailed):
        sign_up(make(), ada)
    assert not SessionToken.objects.exists()


def test_who_has_no_account_name_is_told_so(
    make: Enroll, person: Person, byod: EnrollmentProfile
) -> None:
    with pytest.raises(SignInFailed) as failure:
        sign_up(make(), person(email=""))
    assert failure.value.status == 403
    assert "Managed Apple Account" in failure.value.text


def test_the_web_view_leaves_nobody_signed_in(
    make: Enroll, person: Person, byod: EnrollmentProfile
) -> None:
    ada = person()
    sign_up(make(), ada)
    assert "_auth_user_id" not in ada.client.session


def test_tokens_are_kept_as_digests_and_never_logged(
    make: Enroll,
    person: Person,
    open_way: OpenWay,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    open_way(method="apple-oauth2")
    device = sign_up(make(), person())
    assert device.account
    secrets = (device.bearer, device.account.refresh_token)
    assert SessionToken.objects.filter(digest=digest(device.bearer)).exists()
    kept = str([*SessionToken.objects.values(), *SignIn.objects.values()])
    for secret in secrets:
        assert secret
        assert secret not in kept
        assert secret not in caplog.text


def test_the_profile_says_what_its_mode_asks_for(
    person: Person, open_way: OpenWay
) -> None:
    person()
    ada = User.objects.get(username="ada")
    for kind in KINDS:
        way = open_way(kind)
        made = profiles.make(
            way, managed_apple_account="ada@x.example", user=ada, sign_in=None
        )
        payloads = mobileconfig.read(made)["PayloadContent"]
        mdm = next(one for one in payloads if one["PayloadType"] == mobileconfig.MDM)
        assert mdm["EnrollmentMode"] == kind.upper()
        assert mdm["AssignedManagedAppleID"] == "ada@x.example"
        assert ("AccessRights" in mdm) == (kind == "adde")


def test_challenges_say_for_whom_they_are(
    make: Enroll, person: Person, byod: EnrollmentProfile
) -> None:
    sign_up(make(), person())
    challenge = Challenge.objects.get()
    assert challenge.user == User.objects.get()
    assert challenge.sign_in == SignIn.objects.get()


def test_signing_in_and_asking_are_limited_by_address(
    person: Person, byod: EnrollmentProfile, client: Client, settings: Any
) -> None:
    settings.ENROLL_RATE = "1/h"
    url = f"/enroll/{byod.code}/authenticate"
    assert client.get(url).status_code == 302
    again = client.get(url)
    assert again.status_code == 429
    assert "Location" not in again.headers
