"""OAuth 2 towards devices: codes, tokens, and what is refused."""

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from commands import queue
from commands.models import State
from devices.models import (
    SessionToken,
)
from enrollment import account
from enrollment.models import (
    EnrollmentProfile,
    SignIn,
)

from .conftest import (
    Enroll,
    OpenWay,
    Person,
    channel_of,
    sign_up,
    stay_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def oauth(open_way: OpenWay) -> EnrollmentProfile:
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
    open_way: OpenWay,
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
