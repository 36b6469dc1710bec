"""The pages where a person enrolls: which way, which steps, and how far it came."""

import datetime as dt
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apns import certificates
from devices.models import Device, Enrollment, Identity, SessionToken, User
from enrollment.models import Challenge, EnrollmentProfile, OTASession, SignIn, digest
from enrollment.selfservice import agent, guides
from enrollment.selfservice.agent import Agent, Family

from .agents import (
    CHROME,
    IN_AN_APP,
    IPHONE,
    IPHONE_14,
    IPHONE_26,
    MAC,
    WINDOWS,
)
from .conftest import Fleet
from .test_push_certificate import certificate, key, pem


@pytest.fixture(autouse=True)
def _no_one_was_counted() -> None:
    cache.clear()


@pytest.fixture
def way(db: None) -> EnrollmentProfile:
    return EnrollmentProfile.objects.create(
        name="Staff", code="staff", is_listed=True, requires_sign_in=True
    )


@pytest.fixture
def push_certificate(db: None) -> None:
    certificates.take(certificates.read(pem(certificate()), pem(key())))


@pytest.fixture
def anna(db: None) -> User:
    return User.objects.create_user(
        "anna", email="anna@example.com", first_name="Anna", password="of this test"
    )


@pytest.fixture
def annas(anna: User) -> Client:
    client = Client()
    client.force_login(anna)
    return client


def text_of(client: Client, way: EnrollmentProfile, user_agent: str = IPHONE) -> str:
    answer = client.get(way.get_absolute_url(), headers={"user-agent": user_agent})
    assert answer.status_code == 200
    return answer.content.decode()


# --- Which device it is


@pytest.mark.parametrize(
    ("user_agent", "said", "family", "major", "browser"),
    [
        (IPHONE, "", Family.IPHONE, 18, ""),
        (IPHONE_26, "", Family.IPHONE, 26, ""),
        (CHROME, "", Family.IPHONE, 17, "Chrome"),
        (IN_AN_APP, "", Family.IPHONE, 17, "this app"),
        (MAC, "", Family.MAC, None, ""),
        (MAC, "ipad", Family.IPAD, 17, ""),
        (MAC, "vision", Family.VISION, None, ""),
        (WINDOWS, "", Family.OTHER, None, ""),
        (WINDOWS, "iphone", Family.IPHONE, None, ""),
        ("", "nonsense", Family.OTHER, None, ""),
    ],
)
def test_the_device_is_told_by_its_browser_and_its_person(
    user_agent: str, said: str, family: Family, major: int | None, browser: str
) -> None:
    assert agent.read(user_agent, said) == Agent(family, major, browser)


# --- Steps


KINDS = list(EnrollmentProfile.Kind)
FAMILIES = (Family.IPHONE, Family.IPAD, Family.MAC, Family.VISION)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_system_that_can_enroll_has_exactly_one_guide_to_the_last_prompt(
    kind: str, family: Family
) -> None:
    way = EnrollmentProfile(kind=kind, name="x")
    first = guides.minimum(way, family)
    assert first is not None
    for major in range(first, 30):
        seen = Agent(family, major)
        assert guides.too_old(way, seen) == ""
        found = guides.guides(way, seen, "Example", "anna@example.com")
        assert len(found) == 1, (kind, family, major)
        assert "last question" in " ".join(found[0].steps)
        assert "{" not in " ".join(found[0].steps)


@pytest.mark.parametrize("kind", KINDS)
def test_a_system_before_that_is_told_what_it_needs(kind: str) -> None:
    way = EnrollmentProfile(kind=kind, name="x")
    seen = Agent(Family.IPHONE, (guides.minimum(way, Family.IPHONE) or 0) - 1)
    assert guides.too_old(way, seen).startswith("iOS ")


def test_oauth2_needs_a_newer_iphone() -> None:
    way = EnrollmentProfile(kind="byod", name="x", method="apple-oauth2")
    assert guides.too_old(way, Agent(Family.IPHONE, 15)) == "iOS 16"


def test_names_in_steps_are_no_html() -> None:
    way = EnrollmentProfile(kind="byod", name="x")
    found = guides.guides(way, Agent(Family.IPHONE, 18), "<b>Example</b>", "a@b")
    assert "<b>" not in " ".join(found[0].steps)


# --- The page of a way


def test_who_has_to_sign_in_first_is_led_there_and_back(
    client: Client, way: EnrollmentProfile, push_certificate: None
) -> None:
    text = text_of(client, way)
    assert f"/accounts/login/?next={way.get_absolute_url()}" in text
    assert reverse("enroll-profile", args=[way.code]) not in text
    answer = client.get(reverse("enroll-profile", args=[way.code]))
    assert answer.status_code == 302
    assert answer["Location"] == f"/accounts/login/?next={way.get_absolute_url()}"
    assert not Challenge.objects.exists()


@pytest.mark.parametrize("kind", ["profile", "ota"])
def test_who_enrolls_is_bound_in_the_profile_not_in_a_cookie(
    annas: Client,
    anna: User,
    way: EnrollmentProfile,
    push_certificate: None,
    kind: str,
) -> None:
    EnrollmentProfile.objects.filter(pk=way.pk).update(kind=kind)
    answer = annas.get(reverse("enroll-profile", args=[way.code]))
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    begun = (Challenge if kind == "profile" else OTASession).objects.get()
    assert begun.user == anna
    cookie = answer.cookies["enrolling"]
    assert cookie.value == begun.digest
    assert cookie["path"] == way.get_absolute_url()


def test_another_browser_than_safari_is_sent_to_safari(
    annas: Client, way: EnrollmentProfile
) -> None:
    text = text_of(annas, way, CHROME)
    assert "Please open this page in Safari" in text
    assert f'data-copy="{way.url}"' in text
    assert reverse("enroll-profile", args=[way.code]) not in text


def test_an_old_system_is_told_what_to_do(
    annas: Client, way: EnrollmentProfile
) -> None:
    EnrollmentProfile.objects.filter(pk=way.pk).update(kind="byod")
    text = text_of(annas, way, IPHONE_14)
    assert "This iPhone needs iOS 15 or newer" in text
    assert "Software Update" in text


def test_in_settings_the_person_types_what_the_page_shows(
    annas: Client, anna: User, client: Client, way: EnrollmentProfile
) -> None:
    EnrollmentProfile.objects.filter(pk=way.pk).update(kind="byod")
    assert "anna@example.com" in text_of(annas, way)
    User.objects.filter(pk=anna.pk).update(managed_apple_account="a@apple.example.com")
    assert "a@apple.example.com" in text_of(annas, way)
    assert "Sign In to Work or School Account" in text_of(client, way)
    assert "your <strong>work e-mail address</strong>" in text_of(client, way)


def test_on_ones_own_device_it_sees_no_serial_number_and_erases_nothing(
    client: Client, way: EnrollmentProfile
) -> None:
    EnrollmentProfile.objects.filter(pk=way.pk).update(kind="byod")
    text = text_of(client, way)
    cannot = text.partition("IT cannot see")[2]
    assert "its serial number, UDID" in cannot
    assert "erase the device" in cannot
    assert "erase the whole device" not in text


def test_a_mac_gets_the_profile_and_a_code_for_a_phone(
    annas: Client, way: EnrollmentProfile
) -> None:
    text = text_of(annas, way, MAC)
    assert reverse("enroll-profile", args=[way.code]) in text
    assert "mp-qr" in text
    assert "macOS 15 and newer" in text
    assert "macOS 13 and 14" in text
    assert "data-if-touch" in text


# --- How far it came


def state_of(client: Client, way: EnrollmentProfile) -> str:
    url = reverse("enroll-status", args=[way.code])
    with CaptureQueriesContext(
        connection,
    ) as queries:
        drawn = client.get(url).json()["attempt"]
    assert len(queries) <= 5  # the way, the session, its user, the attempt
    return str(drawn)


def download(client: Client, way: EnrollmentProfile) -> Challenge:
    assert client.get(reverse("enroll-profile", args=[way.code])).status_code == 200
    return Challenge.objects.latest("pk")


def issue(challenge: Challenge) -> Identity:
    now = timezone.now()
    challenge.identity = Identity.objects.create(
        fingerprint=challenge.digest, not_before=now, not_after=now
    )
    challenge.save()
    return challenge.identity


def open_stay(identity: Identity, state: str, **more: Any) -> Enrollment:
    device = Device.objects.create(udid=identity.fingerprint[:40], name="Anna’s iPhone")
    stay = Enrollment.objects.create(device=device, state=state, topic="t", **more)
    identity.enrollment = stay
    identity.save()
    return stay


def test_the_line_follows_the_device_from_the_download_to_the_end(
    annas: Client, way: EnrollmentProfile, push_certificate: None
) -> None:
    assert "Not begun yet" in state_of(annas, way)
    challenge = download(annas, way)
    assert "Profile downloaded" in state_of(annas, way)
    identity = issue(challenge)
    assert "Installing" in state_of(annas, way)
    stay = open_stay(identity, "pending")
    assert "Installing" in state_of(annas, way)
    Enrollment.objects.filter(pk=stay.pk).update(state="active")
    drawn = state_of(annas, way)
    assert "Anna’s iPhone is enrolled" in drawn
    assert 'data-open="0"' in drawn


@pytest.mark.parametrize(
    ("state", "reason", "words"),
    [
        ("held", "", "IT has to approve this device"),
        ("ended", Enrollment.REJECTED, "Not approved"),
        ("ended", "checked out", "No longer enrolled"),
    ],
)
def test_the_line_says_when_it_did_not_end_well(
    annas: Client,
    way: EnrollmentProfile,
    push_certificate: None,
    state: str,
    reason: str,
    words: str,
) -> None:
    open_stay(issue(download(annas, way)), state, end_reason=reason)
    assert words in state_of(annas, way)


def test_a_download_that_was_not_used_can_be_started_again(
    annas: Client, way: EnrollmentProfile, push_certificate: None
) -> None:
    challenge = download(annas, way)
    Challenge.objects.filter(pk=challenge.pk).update(expires_at=timezone.now())
    drawn = state_of(annas, way)
    assert "The download has expired" in drawn
    assert "Start again" in drawn
    assert reverse("enroll-profile", args=[way.code]) in drawn


def test_what_began_and_stopped_is_said_to_have_failed(
    annas: Client, way: EnrollmentProfile, push_certificate: None
) -> None:
    challenge = download(annas, way)
    issue(challenge)
    long_ago = timezone.now() - dt.timedelta(hours=2)
    Challenge.objects.filter(pk=challenge.pk).update(created_at=long_ago)
    assert "It did not finish" in state_of(annas, way)


def test_over_the_air_the_line_follows_the_session(
    annas: Client, way: EnrollmentProfile, push_certificate: None
) -> None:
    EnrollmentProfile.objects.filter(pk=way.pk).update(kind="ota")
    annas.get(reverse("enroll-profile", args=[way.code]))
    session = OTASession.objects.get()
    assert "Profile downloaded" in state_of(annas, way)
    OTASession.objects.update(identified_at=timezone.now())
    assert "Installing" in state_of(annas, way)
    challenge, _ = Challenge.issue(way, ota=session)
    open_stay(issue(challenge), "active")
    assert "is enrolled" in state_of(annas, way)


def test_account_driven_the_line_follows_the_sign_in(
    annas: Client, anna: User, way: EnrollmentProfile
) -> None:
    EnrollmentProfile.objects.filter(pk=way.pk).update(kind="byod")
    assert "Not begun yet" in state_of(annas, way)
    soon = timezone.now() + dt.timedelta(hours=1)
    token = SessionToken.objects.create(digest="d", user=anna, bind_by=soon)
    SignIn.objects.create(way=way, user=anna, token=token)
    assert "Signed in" in state_of(annas, way)
    challenge, _ = Challenge.issue(way, user=anna)
    token.enrollment = open_stay(issue(challenge), "active")
    token.save()
    assert "is enrolled" in state_of(annas, way)


def test_nobody_sees_the_attempt_of_somebody_else(
    annas: Client, client: Client, way: EnrollmentProfile, push_certificate: None
) -> None:
    download(annas, way)
    assert "Not begun yet" in state_of(client, way)


# --- Where it begins


def test_who_is_not_signed_in_is_told_how_to_begin(client: Client, db: None) -> None:
    text = client.get(reverse("self-service")).content.decode()
    assert "/accounts/login/?next=/enroll/" in text
    assert "Were you given an address" in text


def test_the_ways_that_are_listed_are_offered_what_fits_first(
    annas: Client, way: EnrollmentProfile
) -> None:
    EnrollmentProfile.objects.create(
        name="Own", code="own", kind="byod", is_listed=True
    )
    EnrollmentProfile.objects.create(name="Hidden", code="hidden")
    EnrollmentProfile.objects.create(
        name="Closed", code="closed", is_listed=True, is_enabled=False
    )
    answer = annas.get(reverse("self-service"), headers={"user-agent": IPHONE})
    text = answer.content.decode()
    assert "Hello, Anna" in text
    assert "My own iPhone" in text
    assert text.index("/enroll/own/") < text.index("/enroll/staff/")
    assert "/enroll/hidden/" not in text
    assert "/enroll/closed/" not in text
    answer = annas.get(reverse("self-service"), headers={"user-agent": IPHONE_14})
    text = answer.content.decode()
    assert text.index("/enroll/staff/") < text.index("/enroll/own/")


def test_without_a_way_the_person_is_told_whom_to_ask(annas: Client) -> None:
    EnrollmentProfile.objects.update(is_listed=False)
    text = annas.get(reverse("self-service")).content.decode()
    assert "Nothing is offered here yet" in text


# --- Limits


@override_settings(ENROLL_RATE="2/h")
def test_an_address_that_begins_too_often_is_told_when_to_come_back(
    client: Client, way: EnrollmentProfile, push_certificate: None
) -> None:
    EnrollmentProfile.objects.update(requires_sign_in=False)
    url = reverse("enroll-profile", args=[way.code])
    answers = [client.get(url).status_code for _ in range(3)]
    assert answers == [200, 200, 429]
    answer = client.get(url)
    assert 0 < int(answer["Retry-After"]) <= 3600
    assert "Please come back in" in answer.content.decode()
    assert Challenge.objects.count() == 2


@override_settings(ENROLL_RATE="", ENROLL_RATE_PER_PERSON="1/h")
def test_a_person_is_counted_apart_from_others(
    annas: Client, fleet: Fleet, way: EnrollmentProfile, push_certificate: None
) -> None:
    url = reverse("enroll-profile", args=[way.code])
    assert [annas.get(url).status_code for _ in range(2)] == [200, 429]
    other = Client()
    other.force_login(User.objects.create_user("ben"))
    assert other.get(url).status_code == 200


@override_settings(ENROLL_RATE="0", ENROLL_RATE_PER_PERSON="")
def test_limits_can_be_off(
    annas: Client, way: EnrollmentProfile, push_certificate: None
) -> None:
    url = reverse("enroll-profile", args=[way.code])
    assert {annas.get(url).status_code for _ in range(5)} == {200}


def test_the_attempt_is_told_by_its_digest_alone(
    annas: Client, way: EnrollmentProfile, push_certificate: None
) -> None:
    challenge = download(annas, way)
    assert annas.cookies["enrolling"].value == challenge.digest != digest("")


def test_no_user_agent_and_no_cookie_break_a_page(
    client: Client, way: EnrollmentProfile
) -> None:
    for user_agent in (f"iPhone OS {'9' * 5000}_0", f"iPad Version/{'9' * 5000}"):
        answer = client.get(way.get_absolute_url(), headers={"user-agent": user_agent})
        assert answer.status_code == 200
    answer = client.get(way.get_absolute_url(), headers={"cookie": r'enrolling="\000"'})
    assert answer.status_code == 200
