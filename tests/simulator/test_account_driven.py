"""Account-driven enrollment: discovery, signing in, and signing in again."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mdmportal.protocol import plist
from mdmportal.protocol.schema import Mode
from mdmportal.simulator import (
    account_driven,
    challenge,
    discovery,
    signing_in,
    storage,
)
from mdmportal.simulator.device import SimulatedDevice
from mdmportal.simulator.errors import (
    DiscoveryRefused,
    ProfileRefused,
    Removed,
    ServerRefused,
    SignInFailed,
    SignInRequired,
)
from mdmportal.simulator.factory import Factory
from mdmportal.simulator.hardware import (
    APPLE_TV,
    IPAD,
    IPHONE,
    MAC,
    VISION_PRO,
    Hardware,
)
from mdmportal.simulator.identity import KeyPool
from mdmportal.simulator.managed_account import Tokens
from mdmportal.simulator.person import Person
from mdmportal.simulator.transport import HTTPTransport, Unreachable
from mdmportal.simulator.trouble import advice

from .small_portal import (
    AUTHENTICATED,
    REDIRECTION,
    Asked,
    Reply,
    SmallPortal,
    as_json,
    discovered,
    redirect,
    running,
)

ADA = Person("ada", "lovelace")
ACCOUNT = "ada@example.com"
WELL_KNOWN = "/.well-known/com.apple.remotemanagement"
keys = KeyPool(4)
transport = HTTPTransport()


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Factory:
    return Factory(tmp_path_factory.mktemp("factory"))


@pytest.fixture
def server() -> Iterator[SmallPortal]:
    with running() as server:
        server.offers_account()
        yield server


Make = Callable[..., SimulatedDevice]


@pytest.fixture
def device_of(factory: Factory) -> Make:
    def make(hardware: Hardware = IPHONE) -> SimulatedDevice:
        return SimulatedDevice(hardware, transport, make_key=keys, factory=factory)

    return make


@pytest.fixture
def device(device_of: Make) -> SimulatedDevice:
    return device_of()


def enroll(device: SimulatedDevice, server: SmallPortal, **options: Any) -> None:
    person = options.pop("person", ADA)
    device.enroll_with_account(ACCOUNT, person, discovery_url=server.url, **options)


def ends_at(url: str) -> Callable[[str], str]:
    """Return somebody who arrives there at once."""
    return lambda begin: url


# Discovery


@pytest.mark.parametrize(
    ("hardware", "family"),
    [
        (IPHONE, "iPhone"),
        (IPAD, "iPad"),
        (MAC, "Mac"),
        (VISION_PRO, "RealityDevice"),
        (APPLE_TV, "AppleTV"),
    ],
)
def test_the_domain_is_asked_for_the_account_and_the_family(
    server: SmallPortal, hardware: Hardware, family: str
) -> None:
    found = discovery.discover(
        transport, "ada+test@home@example.com", hardware, base=server.url
    )
    assert found == discovery.Discovery("mdm-byod", f"{server.url}/account")
    [asked] = server.asked_at(WELL_KNOWN)
    assert asked.query == {
        "user-identifier": "ada+test@home@example.com",
        "model-family": family,
    }


def test_without_another_address_the_domain_itself_is_asked() -> None:
    class Web:
        def send(self, method: str, url: str, headers: Any, body: bytes) -> Any:
            raise Unreachable(url)

    with pytest.raises(Unreachable, match=r"^https://example\.com/\.well"):
        discovery.discover(Web(), "ada@home@example.com", IPHONE)
    with pytest.raises(ValueError, match="user@domain"):
        discovery.discover(Web(), "ada", IPHONE)


def test_a_redirect_is_followed_without_the_query(
    server: SmallPortal, device: SimulatedDevice
) -> None:
    server.routes["/elsewhere"] = server.routes[WELL_KNOWN]
    server.says(WELL_KNOWN, redirect("/elsewhere"))
    enroll(device, server)
    assert server.asked_at("/elsewhere")[0].query == {}


def server_at(url: object, version: object = "mdm-byod") -> dict[str, object]:
    return {"Version": version, "BaseURL": url}


GOOD = server_at("https://mdm.example.com")


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(200, discovered(GOOD).body, "text/html"), "not JSON"),
        (Reply(200, b"{", "application/json"), "not JSON"),
        (as_json([]), "exactly one"),
        (as_json({"servers": [GOOD]}), "exactly one"),
        (discovered(), "exactly one"),
        (discovered(GOOD, GOOD), "exactly one"),
        (discovered("mdm-byod"), "Version"),
        (discovered(server_at("https://mdm.example.com", "mdm")), "Version"),
        (discovered({"Version": "mdm-byod", "BaseUrl": "https://x"}), "BaseURL"),
        (discovered(server_at("http://mdm.example.com")), "BaseURL"),
    ],
)
def test_a_discovery_that_no_device_takes_is_refused(
    server: SmallPortal, device: SimulatedDevice, reply: Reply, why: str
) -> None:
    server.says(WELL_KNOWN, reply)
    with pytest.raises(ProfileRefused, match=why):
        enroll(device, server)
    assert not server.asked_at("/account")


def test_a_domain_may_say_that_nobody_manages_the_account(
    server: SmallPortal, device: SimulatedDevice
) -> None:
    server.says(WELL_KNOWN, as_json({"code": "com.apple.well-known.failed"}, 403))
    with pytest.raises(DiscoveryRefused):
        enroll(device, server)
    server.says(WELL_KNOWN, Reply(403))
    with pytest.raises(ServerRefused) as refusal:
        enroll(device, server)
    assert not isinstance(refusal.value, DiscoveryRefused)


# Asking for the profile


def test_a_persons_own_device_stays_anonymous(
    server: SmallPortal, device: SimulatedDevice, factory: Factory
) -> None:
    enroll(device, server)
    first, second = server.asked_at("/account")
    assert first.info == {
        "LANGUAGE": "en-US",
        "PRODUCT": "iPhone17,3",
        "VERSION": device.state.build_version,
        "OS_VERSION": device.state.os_version,
    }
    assert second.info == first.info
    assert first.signed.signer == device.factory_identity.certificate
    assert factory.certificate in first.signed.certificates
    assert "authorization" not in first.headers
    assert second.headers["authorization"] == "Bearer first"
    assert first.headers["user-agent"] == "DeviceManagementClient/1.0"
    assert "UDID" not in server.messages[0]
    assert server.messages[0]["EnrollmentID"] == device.stay.enrollment_id
    assert device.mode is Mode.USER


def test_the_organisations_device_says_which_one_it_is(
    server: SmallPortal, device_of: Make
) -> None:
    server.offers_account("mdm-adde")
    device = device_of(IPHONE)
    enroll(device, server)
    info = server.asked_at("/account")[0].info
    assert info["UDID"] == device.unit.udid
    assert info["SERIAL"] == device.unit.serial_number
    assert info["IMEI"] == device.unit.imei
    assert server.messages[0]["UDID"] == device.unit.udid
    assert device.mode is Mode.ACCOUNT


def test_every_message_carries_the_token(
    server: SmallPortal, device: SimulatedDevice
) -> None:
    enroll(device, server)
    device.session()
    assert {token for token, _ in server.heard} == {"Bearer first"}
    assert len(server.heard) == 3


def test_the_steps_can_be_taken_one_by_one(
    server: SmallPortal, device: SimulatedDevice
) -> None:
    steps = account_driven.Enrolling(device, ACCOUNT, discovery_url=server.url)
    steps.discover()
    asked = steps.challenge()
    assert asked.method == "apple-as-web"
    tokens = steps.sign_in(asked, ADA)
    assert tokens.access_token == "first"
    response = steps.post("first", UDID="another", LANGUAGE=None)
    assert response.ok
    info = server.asked_at("/account")[-1].info
    assert info["UDID"] == "another"
    assert "LANGUAGE" not in info
    with pytest.raises(SignInRequired):
        steps.fetch_profile(Tokens("another"))
    assert not device.enrolled


@pytest.mark.parametrize(
    ("reply", "error", "why"),
    [
        (Reply(200), ProfileRefused, "not signed in"),
        (Reply(401), ProfileRefused, "no Bearer challenge"),
        (Reply(404), ServerRefused, "404"),
        (Reply(500), ServerRefused, "500"),
    ],
)
def test_the_first_answer_must_be_a_challenge(
    server: SmallPortal,
    device: SimulatedDevice,
    reply: Reply,
    error: type[Exception],
    why: str,
) -> None:
    server.says("/account", reply)
    with pytest.raises(error, match=why):
        enroll(device, server)
    assert not server.asked_at("/authenticate")


# Challenges


WEB = 'method="apple-as-web" url="https://mdm.example.com/a?b=c,d"'
OAUTH2 = (
    'method="apple-oauth2", authorization-url="https://a.example/", '
    'token-url="https://t.example/", client-id="id", scope="a b", '
    f'redirect-url="{REDIRECTION}"'
)


@pytest.mark.parametrize(
    "header", [f"Bearer {WEB}", f"bearer {WEB.replace(' ', ', ')}"]
)
def test_commas_between_the_parameters_may_be_missing(header: str) -> None:
    read = challenge.read(header)
    assert read.method == "apple-as-web"
    assert read["url"] == "https://mdm.example.com/a?b=c,d"


def test_a_challenge_of_oauth2_has_all_its_parameters() -> None:
    read = challenge.read(f"Bearer {OAUTH2}")
    assert read["scope"] == "a b"
    assert read["redirect-url"] == REDIRECTION
    assert challenge.read(f"Bearer {OAUTH2}".replace(",", ""))["client-id"] == "id"


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("", "no Bearer"),
        ('Basic realm="x"', "no Bearer"),
        ("Bearer", "method"),
        ('Bearer realm="x"', "method"),
        ('Bearer method="apple-sso"', "apple-sso"),
        ('Bearer method="apple-as-web"', "no url"),
        ('Bearer method="apple-as-web", url="http://mdm.example.com"', "https"),
        (f"Bearer {OAUTH2}".replace("token-url", "token"), "no token-url"),
        (f"Bearer {OAUTH2}".replace('scope="a b"', ""), "no scope"),
        (f"Bearer {OAUTH2}".replace("https://t", "http://t"), "https"),
        (f"Bearer {OAUTH2}".replace(REDIRECTION, "https://b"), "scheme"),
    ],
)
def test_a_challenge_that_no_device_meets_is_refused(header: str, why: str) -> None:
    with pytest.raises(ProfileRefused, match=why):
        challenge.read(header)


# Signing in


def test_the_page_is_told_who_signs_in(
    server: SmallPortal, device: SimulatedDevice
) -> None:
    server.challenge = server.challenge.replace("/authenticate", "/authenticate?x=1")
    enroll(device, server)
    asked = server.asked_at("/authenticate")[0]
    assert asked.query == {"x": "1", "user-identifier": ACCOUNT}


@pytest.mark.parametrize(
    "end",
    [
        AUTHENTICATED,
        f"{AUTHENTICATED}?access-token=",
        "apple-remotemanagement-user-login://elsewhere?access-token=1",
    ],
)
def test_a_result_without_a_token_is_none(
    server: SmallPortal, device: SimulatedDevice, end: str
) -> None:
    with pytest.raises(SignInFailed):
        enroll(device, server, person=ends_at(end))
    assert not device.enrolled
    assert device.account is None


def test_who_cannot_sign_in_does_not_enroll(
    server: SmallPortal, device: SimulatedDevice
) -> None:
    with pytest.raises(SignInFailed, match="Wrong password"):
        enroll(device, server, person=Person("ada", "wrong"))
    assert not device.enrolled
    assert device.bearer == ""


@pytest.mark.parametrize("pkce", [True, False])
def test_with_oauth2_a_code_is_exchanged_for_tokens(
    server: SmallPortal, device: SimulatedDevice, pkce: bool
) -> None:
    server.offers_account(method="oauth2")
    enroll(device, server, pkce=pkce)
    asked = server.asked_at("/authorize")[0].query
    form = server.asked_at("/token")[0].form
    verifier = form.pop("code_verifier", "")
    assert asked.pop("state")
    if pkce:
        assert asked.pop("code_challenge_method") == "S256"
        assert asked.pop("code_challenge") == signing_in.code_challenge(verifier)
    assert asked == {
        "response_type": "code",
        "client_id": "portal",
        "redirect_uri": REDIRECTION,
        "scope": "mdm",
        "login_hint": ACCOUNT,
    }
    assert form == {
        "grant_type": "authorization_code",
        "code": "code 1",
        "redirect_uri": REDIRECTION,
        "client_id": "portal",
    }
    assert device.bearer == "first"
    assert device.account is not None
    assert device.account.refresh_token == "again first"
    assert 3500 < device.account.expires_at - time.time() <= 3600


def test_the_code_challenge_is_that_of_the_rfc() -> None:
    """RFC 7636, appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    expected = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert signing_in.code_challenge(verifier) == expected


@pytest.mark.parametrize(
    ("end", "why"),
    [
        (f"{REDIRECTION}?code=1", "state"),
        (f"{REDIRECTION}?code=1&state=other", "state"),
        (f"{AUTHENTICATED}?code=1", "redirect-url"),
    ],
)
def test_an_answer_to_another_request_is_refused(
    server: SmallPortal, device: SimulatedDevice, end: str, why: str
) -> None:
    server.offers_account(method="oauth2")
    with pytest.raises(SignInFailed, match=why):
        enroll(device, server, person=ends_at(end))
    assert not server.asked_at("/token")


def test_a_refusal_of_the_authorization_server_is_told(
    server: SmallPortal, device: SimulatedDevice
) -> None:
    server.offers_account(method="oauth2")
    server.routes["/authorize"] = lambda asked: redirect(
        f"{REDIRECTION}?error=access_denied&error_description=Not+you"
        f"&state={asked.query['state']}"
    )
    with pytest.raises(SignInFailed, match=r"access_denied.*Not you"):
        enroll(device, server)


BEARER = {"token_type": "Bearer", "access_token": "first"}


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (as_json({"error": "invalid_grant"}, 400), ServerRefused),
        (Reply(200, b"first"), SignInFailed),
        (as_json([]), SignInFailed),
        (as_json(BEARER | {"token_type": "MAC"}), SignInFailed),
        (as_json(BEARER | {"access_token": ""}), SignInFailed),
        (as_json(BEARER | {"refresh_token": 1}), SignInFailed),
        (as_json(BEARER | {"expires_in": "soon"}), SignInFailed),
    ],
)
def test_tokens_that_no_device_takes_are_refused(
    server: SmallPortal,
    device: SimulatedDevice,
    reply: Reply,
    error: type[Exception],
) -> None:
    server.offers_account(method="oauth2")
    server.says("/token", reply)
    with pytest.raises(error):
        enroll(device, server)
    assert not device.enrolled


def test_a_refresh_token_is_not_needed(
    server: SmallPortal, device: SimulatedDevice
) -> None:
    server.offers_account(method="oauth2")
    server.says("/token", as_json(BEARER))
    enroll(device, server)
    assert device.account is not None
    assert device.account.refresh_token == ""
    assert device.account.expires_at == 0


# The profile


@pytest.mark.parametrize(
    ("version", "mdm", "why"),
    [
        ("mdm-byod", {"EnrollmentMode": "ADDE"}, "EnrollmentMode is ADDE"),
        ("mdm-adde", {"EnrollmentMode": "BYOD"}, "AccessRights"),
        ("mdm-adde", {"EnrollmentMode": None}, "EnrollmentMode is None"),
        ("mdm-byod", {"AssignedManagedAppleID": None}, "AssignedManagedAppleID"),
        ("mdm-adde", {"AssignedManagedAppleID": ""}, "AssignedManagedAppleID"),
        ("mdm-byod", {"AccessRights": 8191}, "AccessRights"),
    ],
)
def test_a_profile_that_does_not_fit_is_refused(
    server: SmallPortal,
    device: SimulatedDevice,
    version: str,
    mdm: dict[str, Any],
    why: str,
) -> None:
    server.offers_account(version, **mdm)
    with pytest.raises(ProfileRefused, match=why):
        enroll(device, server)
    assert not device.enrolled
    assert server.messages == []


def test_what_comes_must_be_a_profile(
    server: SmallPortal, device: SimulatedDevice
) -> None:
    account = server.routes["/account"]

    def html(asked: Asked) -> Reply:
        answer = account(asked)
        return Reply(200, b"<p>Hello</p>", "text/html") if answer.body else answer

    server.routes["/account"] = html
    with pytest.raises(ProfileRefused, match="text/html"):
        enroll(device, server)


def test_a_token_that_is_not_taken_asks_to_sign_in_again(
    server: SmallPortal, device: SimulatedDevice
) -> None:
    with pytest.raises(SignInRequired) as required:
        enroll(device, server, person=ends_at(f"{AUTHENTICATED}?access-token=old"))
    assert required.value.challenge.method == "apple-as-web"
    assert not device.enrolled


def test_a_managed_device_does_not_enroll_again(
    server: SmallPortal, device: SimulatedDevice
) -> None:
    enroll(device, server)
    with pytest.raises(ProfileRefused, match="already managed"):
        enroll(device, server)
    assert device.bearer == "first"


@pytest.mark.parametrize(
    "changes",
    [
        {"AssignedManagedAppleID": "bob@example.com"},
        {"AssignedManagedAppleID": None},
        {"EnrollmentMode": "ADDE"},
        {"RequiredAppIDForMDM": 1},
    ],
)
def test_a_renewal_keeps_account_and_mode(
    server: SmallPortal, device: SimulatedDevice, changes: dict[str, Any]
) -> None:
    enroll(device, server)
    same: dict[str, Any] = {
        "EnrollmentMode": "BYOD",
        "AssignedManagedAppleID": ACCOUNT,
        "AccessRights": None,
    }
    server.order("InstallProfile", Payload=server.changed(same | changes))
    assert device.session()[0].status == "Error"
    server.order("InstallProfile", Payload=server.changed(same))
    assert device.session()[0].status == "Acknowledged"
    assert device.stay.enrollment_id == server.messages[0]["EnrollmentID"]


# Signing in again


def test_a_report_waits_until_its_person_has_signed_in_again(
    server: SmallPortal, device: SimulatedDevice, tmp_path: Path
) -> None:
    enroll(device, server)
    ordered = server.order("ProfileList")
    server.next_bearer = "second"
    with pytest.raises(SignInRequired) as required:
        device.session()
    assert required.value.challenge.header == server.challenge
    assert device.enrolled
    [(token, body)] = server.unheard
    assert token == "Bearer first"
    assert plist.loads(body)["CommandUUID"] == ordered

    storage.save(device, tmp_path / "device.plist")
    again = storage.load(tmp_path / "device.plist", transport)
    with pytest.raises(SignInRequired):
        again.session()
    assert server.unheard == [(token, body)] * 2
    again.sign_in_again(ADA)
    again.session()
    assert server.heard[-1] == ("Bearer second", body)


def test_the_first_message_may_be_what_is_repeated(
    server: SmallPortal, device: SimulatedDevice
) -> None:
    server.statuses["TokenUpdate"] = (500, b"")
    with pytest.raises(ServerRefused):
        enroll(device, server)
    server.bearer = "second"
    with pytest.raises(SignInRequired):
        device.session()
    device.sign_in_again(ADA)
    device.session()
    assert server.heard[-2][1] == server.unheard[-1][1]
    assert plist.loads(server.unheard[-1][1])["MessageType"] == "TokenUpdate"
    assert device.state.announced


def test_with_a_refresh_token_nobody_is_asked(
    server: SmallPortal, device: SimulatedDevice
) -> None:
    server.offers_account(method="oauth2")
    enroll(device, server)
    server.bearer = "second"
    server.order("ProfileList")
    assert device.session()[0].status == "Acknowledged"
    assert device.bearer == "second"
    assert server.asked_at("/token")[-1].form == {
        "grant_type": "refresh_token",
        "refresh_token": "again first",
        "client_id": "portal",
    }
    [(_, idle)] = server.unheard
    assert server.heard[-2] == ("Bearer second", idle)
    assert len(server.asked_at("/authorize")) == 2  # the form, and what it sends
    assert device.account is not None
    assert device.account.refresh_token == "again second"


def test_a_refresh_is_tried_once(server: SmallPortal, device: SimulatedDevice) -> None:
    server.offers_account(method="oauth2")
    enroll(device, server)
    server.bearer = "second"
    server.says("/token", as_json(BEARER | {"access_token": "third"}))
    with pytest.raises(SignInRequired):
        device.session()
    assert [token for token, _ in server.unheard] == ["Bearer first", "Bearer third"]
    assert len(server.asked_at("/token")) == 2


@pytest.mark.parametrize(
    "reply", [as_json({"error": "invalid_grant"}, 400), as_json({})]
)
def test_where_a_refresh_fails_the_person_signs_in(
    server: SmallPortal, device: SimulatedDevice, reply: Reply
) -> None:
    server.offers_account(method="oauth2")
    enroll(device, server)
    server.bearer, tokens = "second", server.routes["/token"]
    server.says("/token", reply)
    with pytest.raises(SignInRequired):
        device.session()
    assert device.account is not None
    assert device.account.refresh_token == ""
    server.routes["/token"] = tokens
    device.sign_in_again(ADA)
    device.session()
    assert device.bearer == "second"


def test_a_token_endpoint_that_fails_is_tried_again_later(
    server: SmallPortal, device: SimulatedDevice
) -> None:
    server.offers_account(method="oauth2")
    enroll(device, server)
    server.bearer, tokens = "second", server.routes["/token"]
    server.says("/token", Reply(503))
    with pytest.raises(ServerRefused) as refusal:
        device.session()
    assert not isinstance(refusal.value, SignInRequired)
    server.routes["/token"] = tokens
    device.session()
    assert device.bearer == "second"


def test_with_a_page_there_is_no_refresh(
    server: SmallPortal, device: SimulatedDevice
) -> None:
    server.offers_account(method="oauth2")
    enroll(device, server)
    server.bearer, server.challenge = "second", server.challenge_of("web")
    with pytest.raises(SignInRequired):
        device.session()
    assert len(server.asked_at("/token")) == 1


def test_users_of_a_mac_share_its_token(server: SmallPortal, device_of: Make) -> None:
    server.offers_account("mdm-adde", method="oauth2")
    mac = device_of(MAC)
    enroll(mac, server)
    user = mac.log_in("ada")
    server.bearer = "second"
    user.session()
    mac.session()
    assert len(server.asked_at("/token")) == 2
    assert len(server.unheard) == 1


def test_a_challenge_while_installing_a_profile_leaves_the_command_to_be_sent_again(
    server: SmallPortal, device: SimulatedDevice
) -> None:
    enroll(device, server)
    same = {
        "EnrollmentMode": "BYOD",
        "AssignedManagedAppleID": ACCOUNT,
        "AccessRights": None,
    }
    server.order("InstallProfile", Payload=server.changed(same))
    server.next_bearer = "second"
    with pytest.raises(SignInRequired):
        device.session()
    assert device.state.unsent == {}
    assert len(server.messages) == 2


@pytest.mark.parametrize("header", ["", "Basic", 'Bearer method="apple-sso"'])
def test_401_without_a_challenge_is_an_error_and_ends_nothing(
    server: SmallPortal, device: SimulatedDevice, header: str
) -> None:
    enroll(device, server)
    server.bearer, server.challenge = "second", header
    with pytest.raises(ServerRefused) as refusal:
        device.session()
    assert not isinstance(refusal.value, SignInRequired | Removed)
    assert device.enrolled
    with pytest.raises(ValueError, match="nobody was asked"):
        device.sign_in_again(ADA)


def test_who_cannot_sign_in_again_can_try_later(
    server: SmallPortal, device: SimulatedDevice
) -> None:
    enroll(device, server)
    server.bearer = "second"
    with pytest.raises(SignInRequired) as required:
        device.session()
    assert "sign in" in advice(required.value, server.url)
    with pytest.raises(SignInFailed):
        device.sign_in_again(Person("ada", "wrong"))
    device.sign_in_again(ADA)
    device.session()


def test_check_out_is_sent_with_whatever_token_there_is(
    server: SmallPortal, device: SimulatedDevice
) -> None:
    server.offers_account(method="oauth2")
    enroll(device, server)
    server.bearer = "second"
    with pytest.raises(ServerRefused) as refusal:
        device.check_out()
    assert not isinstance(refusal.value, SignInRequired)
    [(token, body)] = server.unheard
    assert token == "Bearer first"
    assert plist.loads(body)["MessageType"] == "CheckOut"
    assert len(server.asked_at("/token")) == 1
    assert not device.enrolled
    assert device.account is None
    assert device.bearer == ""


def test_403_ends_an_account_driven_enrollment(
    server: SmallPortal, device: SimulatedDevice
) -> None:
    enroll(device, server)
    server.statuses["Idle"] = (403, b'{"code": "com.apple.unrecognized.device"}')
    with pytest.raises(Removed):
        device.session()
    assert device.account is None
    enroll(device, server)
    ids = [one["EnrollmentID"] for one in server.messages if "Topic" in one]
    assert ids[0] != ids[-1]
