"""Account-driven enrollment: who signs in gets a profile, and is asked again."""

import datetime as dt
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from commands import queue, results
from commands.models import Command, State
from devices import sessions
from devices.models import (
    AuditEntry,
    Channel,
    Device,
    Enrollment,
    Inventory,
    SessionToken,
    User,
)
from enrollment import account, arrivals, profiles
from enrollment.account import policy
from enrollment.models import (
    Challenge,
    EnrollmentProfile,
    MailDomain,
    Route,
    SignIn,
    digest,
)
from mdmportal.protocol import mobileconfig, plist
from mdmportal.simulator import enrolling
from mdmportal.simulator.account_driven import Enrolling
from mdmportal.simulator.device import SimulatedDevice
from mdmportal.simulator.errors import (
    DiscoveryRefused,
    ServerRefused,
    SignInFailed,
    SignInRequired,
)
from mdmportal.simulator.hardware import Hardware

from .conftest import IPAD, IPHONE, MAC, VISION, Browser, Enroll, channel
from .test_statements import statements

pytestmark = pytest.mark.django_db

HERE = "http://127.0.0.1:8000"
KINDS, METHODS = ["byod", "adde"], ["apple-as-web", "apple-oauth2"]
Person = Callable[..., Browser]


@pytest.fixture
def domain(way: EnrollmentProfile) -> MailDomain:
    return MailDomain.objects.create(name="corp.example")


@pytest.fixture
def open_way(domain: MailDomain) -> Callable[..., EnrollmentProfile]:
    """Return a maker of ways in that the mail domain leads to."""

    def make(
        kind: str = "byod", method: str = "apple-as-web", **columns: Any
    ) -> EnrollmentProfile:
        made = EnrollmentProfile.objects.create(
            name=f"{kind} by {method}", kind=kind, method=method, **columns
        )
        Route.objects.update_or_create(domain=domain, defaults={"way": made})
        return made

    return make


@pytest.fixture
def byod(open_way: Callable[..., EnrollmentProfile]) -> EnrollmentProfile:
    return open_way()


def sign_up(
    device: SimulatedDevice, person: Browser, **options: Any
) -> SimulatedDevice:
    """Enroll a device as a person does in Settings."""
    identifier = f"{person.username}@corp.example"
    device.enroll_with_account(identifier, person, discovery_url=HERE, **options)
    device.session()
    return device


def stay_of(device: SimulatedDevice) -> Enrollment:
    enrollment_id = device.stay.enrollment_id
    found = Enrollment.objects.filter(state="active").select_related("device", "owner")
    if enrollment_id:
        return found.get(device__enrollment_id=enrollment_id)
    return found.get(device__udid=device.unit.udid)


def channel_of(device: SimulatedDevice) -> Channel:
    return stay_of(device).channels.get(user_id="")


# --- Coming in


@pytest.mark.parametrize("hardware", [IPHONE, IPAD, MAC, VISION])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_person_enrolls_with_their_account(
    make: Enroll,
    person: Person,
    open_way: Callable[..., EnrollmentProfile],
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
    make: Enroll, open_way: Callable[..., EnrollmentProfile], method: str
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
    make: Enroll, person: Person, open_way: Callable[..., EnrollmentProfile]
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
    open_way: Callable[..., EnrollmentProfile],
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
    person: Person, open_way: Callable[..., EnrollmentProfile]
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


# --- OAuth 2


@pytest.fixture
def oauth(open_way: Callable[..., EnrollmentProfile]) -> EnrollmentProfile:
    return open_way(method="apple-oauth2")


def authorize(way: EnrollmentProfile, **changes: str | None) -> str:
    asked = {
        "response_type": "code",
        "client_id": account.CLIENT_ID,
        "redirect_uri": account.REDIRECT_URI,
        "state": "of the device",
        "login_hint": "ada@corp.example",
        **changes,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    return f"/enroll/{way.code}/oauth/authorize?{urlencode(given)}"


def redeem(way: EnrollmentProfile, code: str, **changes: str) -> Any:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": account.REDIRECT_URI,
        "client_id": account.CLIENT_ID,
        **changes,
    }
    return Client().post(f"/enroll/{way.code}/oauth/token", form)


def code_of(end: str) -> str:
    return parse_qs(urlsplit(end).query)["code"][0]


def test_pkce_is_not_asked_for(
    make: Enroll, person: Person, oauth: EnrollmentProfile
) -> None:
    sign_up(make(), person(), pkce=False)


def test_the_state_comes_back_and_the_code_is_good_once(
    person: Person, oauth: EnrollmentProfile
) -> None:
    end = person()(authorize(oauth))
    assert parse_qs(urlsplit(end).query)["state"] == ["of the device"]
    given = redeem(oauth, code_of(end)).json()
    assert given["token_type"] == "Bearer"
    assert given["expires_in"] == 3600
    assert redeem(oauth, code_of(end)).json()["error"] == "invalid_grant"


def test_a_code_is_void_without_its_verifier(
    person: Person, oauth: EnrollmentProfile
) -> None:
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # RFC 7636, appendix B
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    end = person()(
        authorize(oauth, code_challenge=challenge, code_challenge_method="S256")
    )
    assert redeem(oauth, code_of(end)).status_code == 400
    wrong = redeem(oauth, code_of(end), code_verifier="x" * 43)
    assert wrong.status_code == 400
    assert redeem(oauth, code_of(end), code_verifier=verifier).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": "apple-remotemanagement-user-login:/elsewhere"},
        {"client_id": "another"},
        {"response_type": "token"},
        {"scope": "everything"},
        {"login_hint": "no account"},
        {"code_challenge": "too short"},
        {"code_challenge": "x" * 129},
        {"code_challenge": "\0" * 43},
    ],
)
def test_an_authorization_that_is_not_ours_is_refused(
    oauth: EnrollmentProfile, client: Client, changes: dict[str, str]
) -> None:
    answer = client.get(authorize(oauth, **changes))
    assert answer.status_code == 400
    assert "Location" not in answer.headers


@pytest.mark.parametrize("query", ["", "?a=b c", "?state=%ff%00", "?scope=&scope=x"])
def test_a_query_that_makes_no_sense_is_refused(
    oauth: EnrollmentProfile, client: Client, query: str
) -> None:
    url = f"/enroll/{oauth.code}/oauth"
    assert client.get(f"{url}/authorize{query}").status_code == 400
    assert client.post(f"{url}/token{query}").status_code == 400
    junk = client.post(f"{url}/token", b"\xff=%%&;", content_type="text/plain")
    assert junk.status_code == 400


def test_a_code_of_another_way_in_or_redirect_or_too_old_is_refused(
    person: Person,
    oauth: EnrollmentProfile,
    open_way: Callable[..., EnrollmentProfile],
) -> None:
    code = code_of(person()(authorize(oauth)))
    other = open_way("adde", "apple-oauth2")
    assert redeem(other, code).status_code == 400
    assert redeem(oauth, code, redirect_uri="https://x.example/").status_code == 400
    SignIn.objects.update(code_expires_at=timezone.now())
    assert redeem(oauth, code).status_code == 400


def test_an_expired_token_is_refreshed_without_a_word(
    make: Enroll, person: Person, oauth: EnrollmentProfile
) -> None:
    device = sign_up(make(), person())
    before = device.bearer
    waiting = queue.enqueue([channel_of(device).pk], "ProfileList")
    SessionToken.objects.update(expires_at=timezone.now())
    device.session()
    assert device.bearer != before
    assert waiting.deliveries.get().state == State.ACKNOWLEDGED
    assert device.connect() is None
    assert stay_of(device).signed_out_at is None
    assert SessionToken.objects.count() == 1, "the one before is of no use"


# --- Signing in again


@pytest.fixture(params=METHODS)
def enrolled(
    request: pytest.FixtureRequest,
    make: Enroll,
    person: Person,
    open_way: Callable[..., EnrollmentProfile],
) -> tuple[SimulatedDevice, Browser]:
    """A device that came in by either method, and its person."""
    open_way(method=request.param)
    ada = person()
    return sign_up(make(), ada), ada


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


# --- What becomes of those who do not


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
    open_way: Callable[..., EnrollmentProfile], make: Enroll, person: Person
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


# --- Service discovery


def ask(client: Client, identifier: str, family: str = "iPhone") -> Any:
    query = {"user-identifier": identifier, "model-family": family}
    return client.get("/.well-known/com.apple.remotemanagement", query)


def test_known_and_unknown_people_get_the_same_answer(
    client: Client, person: Person, byod: EnrollmentProfile
) -> None:
    person()
    known, unknown = ask(client, "ada@corp.example"), ask(client, "x@CORP.example")
    assert known.status_code == 200
    assert known["Content-Type"] == "application/json"
    assert known.json() == unknown.json()
    assert known.json() == {
        "Servers": [{"Version": "mdm-byod", "BaseURL": account.base_url(byod)}]
    }


def test_the_family_decides_before_the_route_for_all_others(
    client: Client, byod: EnrollmentProfile, domain: MailDomain
) -> None:
    adde = EnrollmentProfile.objects.create(name="Macs", kind="adde")
    Route.objects.create(domain=domain, model_family="Mac", way=adde)
    versions = [
        ask(client, "ada@corp.example", family).json()["Servers"][0]["Version"]
        for family in ("iPhone", "Mac", "RealityDevice")
    ]
    assert versions == ["mdm-byod", "mdm-adde", "mdm-byod"]


@pytest.mark.parametrize(
    "identifier",
    ["", "ada", "ada@", "@corp.example", "a b@corp.example", "x@y.example"],
)
def test_others_are_refused_in_apples_words(
    client: Client, byod: EnrollmentProfile, identifier: str
) -> None:
    answer = ask(client, identifier)
    assert answer.status_code == 403
    assert answer.json()["code"] == "com.apple.well-known.failed"


def test_a_family_that_no_database_takes_is_one_of_the_others(
    client: Client, byod: EnrollmentProfile
) -> None:
    query = {"user-identifier": "ada@corp.example", "model-family": "\0"}
    path = "/.well-known/com.apple.remotemanagement"
    assert client.get(path, query).status_code == 200


def test_a_closed_way_is_not_found(
    make: Enroll, person: Person, byod: EnrollmentProfile
) -> None:
    ada = person()
    EnrollmentProfile.objects.filter(pk=byod.pk).update(is_enabled=False)
    with pytest.raises(DiscoveryRefused):
        sign_up(make(), ada)


# --- Held for review


def test_another_owners_claim_is_held_until_approved(
    make: Enroll, person: Person, open_way: Callable[..., EnrollmentProfile]
) -> None:
    open_way("adde")
    owners = sign_up(make(), person("ada"))
    before = stay_of(owners)
    claimed = sign_up(make(), person("bob"))
    held = Enrollment.objects.get(state="held")
    before.refresh_from_db()
    assert before.state == "active"
    assert before.device.owner == before.owner
    assert claimed.connect() is None
    assert not held.channels.get().deliveries.exists()
    assert owners.connect() is None
    arrivals.approve(held, None)
    held.refresh_from_db()
    before.refresh_from_db()
    assert (held.state, before.state) == ("active", "ended")
    assert claimed.session() != []
    assert Device.objects.get().owner == held.owner


def test_a_rejected_claim_has_to_leave(
    make: Enroll, person: Person, open_way: Callable[..., EnrollmentProfile]
) -> None:
    open_way("adde")
    owners = sign_up(make(), person("ada"))
    claimed = sign_up(make(), person("bob"))
    arrivals.reject(Enrollment.objects.get(state="held"), None)
    assert Channel.objects.filter(push_at__isnull=False).exists(), "to be told so"
    with pytest.raises(ServerRefused):
        claimed.session()
    assert not claimed.enrolled
    assert owners.connect() is None


def test_a_claim_by_nobody_in_particular_is_held_and_tells_us_nothing(
    make: Enroll, enroll: Enroll, person: Person, way: EnrollmentProfile
) -> None:
    person("ada")
    owners = make()
    owners.install(profiles.make(way, user=User.objects.get()))
    owners.session()
    device = Device.objects.get()
    claimed = make()
    claimed.state.os_version = "1.0"
    claimed.install(profiles.make(way))
    assert Enrollment.objects.filter(state="held").count() == 1
    device.refresh_from_db()
    assert device.os_version != "1.0"
    assert channel(owners).enrollment.owner is not None


def test_the_owner_may_enroll_the_device_anew(
    make: Enroll, person: Person, way: EnrollmentProfile
) -> None:
    person("ada")
    for _ in range(2):
        device = make()
        device.install(profiles.make(way, user=User.objects.get()))
    states = Enrollment.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["ended", "active"]


def test_challenges_say_for_whom_they_are(
    make: Enroll, person: Person, byod: EnrollmentProfile
) -> None:
    sign_up(make(), person())
    challenge = Challenge.objects.get()
    assert challenge.user == User.objects.get()
    assert challenge.sign_in == SignIn.objects.get()


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


def test_signing_in_and_asking_are_limited_by_address(
    person: Person, byod: EnrollmentProfile, client: Client, settings: Any
) -> None:
    settings.ENROLL_RATE = "1/h"
    url = f"/enroll/{byod.code}/authenticate"
    assert client.get(url).status_code == 302
    again = client.get(url)
    assert again.status_code == 429
    assert "Location" not in again.headers
