"""Who is let in by a token, and what is said to who is not."""

import datetime as dt
import logging
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from api.models import ApiToken
from devices.models import AuditEntry, User

from .conftest import MakeProgram, Program, SignIn

DEVICES = "/api/v1/devices/"


def refused(program: Program) -> Any:
    """Return why the program is not let in, as 401 says it."""
    answer = program.answer("GET", "devices/")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    body = answer.json()
    assert body["code"] in ("authentication_failed", "not_authenticated")
    return body["detail"]


@pytest.mark.parametrize("scheme", ["Bearer", "Token", "bearer"])
def test_a_token_opens_the_api(api: Program, scheme: str) -> None:
    header = {"Authorization": f"{scheme} {api.text}"}
    assert Client().get(DEVICES, headers=header).status_code == 200


def test_nobody_is_let_in_without_a_token(db: None) -> None:
    answer = Client().get(DEVICES)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer.json()["code"] == "not_authenticated"
    assert "Bearer" in answer.json()["detail"]
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "value", ["Bearer", "Bearer a b", "Bearer mdm_none", "Bearer \xe9", "Token \x00"]
)
def test_what_is_no_token_opens_nothing(db: None, value: str) -> None:
    answer = Client().get(DEVICES, headers={"Authorization": value})
    assert answer.status_code == 401


def test_a_token_that_is_expired_says_so(api: Program) -> None:
    past = timezone.now() - dt.timedelta(seconds=1)
    ApiToken.objects.update(expires_at=past)
    assert "expired" in refused(api)


def test_a_revoked_token_opens_nothing_any_more(api: Program) -> None:
    assert api.token.revoke(api.user)
    assert not api.token.revoke(api.user)
    assert "revoked" in refused(api)
    entry = AuditEntry.objects.get(action="revoked an API token")
    assert api.text not in entry.target


def test_a_token_of_an_account_that_is_switched_off_opens_nothing(
    api: Program,
) -> None:
    User.objects.update(is_active=False)
    assert "switched off" in refused(api)


def test_who_is_not_staff_may_nothing(program: MakeProgram) -> None:
    someone = program("devices.view_device", is_staff=False)
    assert "not staff" in someone.get("devices/", 403)["detail"]


def test_a_browser_s_session_is_no_token(sign_in: SignIn) -> None:
    """Else any page that it shows could order by it."""
    client = sign_in(superuser=True)
    assert client.get(DEVICES).status_code == 401
    order = {"request_type": "SecurityInfo", "to": {"all": True}}
    made = client.post("/api/v1/orders/", order, content_type="application/json")
    assert made.status_code == 401


def test_only_the_digest_of_a_token_is_kept(api: Program) -> None:
    row = ApiToken.objects.get()
    kept = " ".join(map(str, vars(row).values()))
    assert api.text not in kept
    assert row.prefix == api.text[:10]
    assert AuditEntry.objects.get().action == "made an API token"
    assert api.text not in str(AuditEntry.objects.values_list())


def test_that_it_is_used_is_written_at_most_every_few_minutes(api: Program) -> None:
    api.get("devices/")
    first = ApiToken.objects.get().last_used_at
    assert first is not None
    with CaptureQueriesContext(connection) as captured:
        api.get("devices/")
    assert not [one for one in captured if one["sql"].startswith("UPDATE")]
    ApiToken.objects.update(last_used_at=first - dt.timedelta(minutes=6))
    api.get("devices/")
    used = ApiToken.objects.get().last_used_at
    assert used is not None
    assert used >= first


def test_a_token_is_in_no_log(api: Program, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        api.get("devices/")
        api.get("devices/77/", 404)
        api.post("orders/", {"to": {}}, 400)
    assert api.text not in caplog.text


def test_too_much_at_once_is_told_when_to_go_on(api: Program, settings: Any) -> None:
    settings.API_RATE = "2/m"
    api.get("devices/")
    api.get("devices/")
    with CaptureQueriesContext(connection) as captured:
        answer = api.answer("GET", "devices/")
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 30
    assert answer.json()["code"] == "throttled"
    assert len(captured) == 1  # that of the token: counting costs no write


def test_each_token_is_counted_by_itself(program: MakeProgram, settings: Any) -> None:
    settings.API_RATE = "1/m"
    for one in (program(superuser=True), program(superuser=True)):
        one.get("devices/")
        one.get("devices/", 429)


# --- manage.py api_token


def made(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    call_command("api_token", *arguments)
    return capsys.readouterr().out.strip()


def test_the_command_prints_a_token_of_the_only_superuser(
    db: None, capsys: pytest.CaptureFixture[str]
) -> None:
    boss = User.objects.create_superuser("boss")
    text = made(capsys, "backup")
    token = ApiToken.find(text)
    assert token is not None
    assert (token.name, token.user, token.expires_at) == ("backup", boss, None)
    answer = Client().get(DEVICES, headers={"Authorization": f"Bearer {text}"})
    assert answer.status_code == 200


def test_the_command_takes_a_user_and_an_end(
    db: None, capsys: pytest.CaptureFixture[str]
) -> None:
    User.objects.create_user("ada", is_staff=True)
    token = ApiToken.find(made(capsys, "x", "--user", "ada", "--expires", "3"))
    assert token is not None
    assert token.user.username == "ada"
    assert token.expires_at is not None
    assert dt.timedelta(days=2) < token.expires_at - timezone.now()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["x", "--user", "nobody"], "nobody"),
        (["x", "--user", "guest"], "guest"),
        (["x"], "--user"),
        ([" "], "NAME"),
        (["x", "--user", "boss", "--expires", "0"], "--expires"),
    ],
)
def test_the_command_says_what_it_lacks(
    db: None, arguments: list[str], why: str
) -> None:
    for name in ("boss", "other"):
        User.objects.create_superuser(name)
    User.objects.create_user("guest")
    with pytest.raises(CommandError, match=why):
        call_command("api_token", *arguments)
