"""Making and revoking tokens in the dashboard."""

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from api.models import ApiToken
from devices.models import AuditEntry, User

from ..pages.test_reveal import proved
from .conftest import MakeProgram, Program, SignIn

ADD = "/admin/api/apitoken/add/"
LIST = "/admin/api/apitoken/"
DEVICES = "/api/v1/devices/"
TOKEN = re.compile(r"mdm_[\w-]{43}")

Staff = Callable[..., Client]


@pytest.fixture
def staff(sign_in: SignIn) -> Staff:
    """Return the maker of staff who proved a moment ago who they are."""

    def make(*permissions: str, superuser: bool = False) -> Client:
        return proved(sign_in(*permissions, superuser=superuser))

    return make


def me(client: Client) -> User:
    return User.objects.get(pk=client.session["_auth_user_id"])


def page(token: ApiToken) -> str:
    return reverse("admin:api_apitoken_change", args=[token.pk])


def test_staff_make_a_token_for_themselves_and_see_it_once(staff: Staff) -> None:
    client = staff("devices.view_device")
    assert 'name="user"' not in client.get(ADD).content.decode()
    answer = client.post(ADD, {"name": "backup", "life": "30"})
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    text = TOKEN.findall(answer.content.decode())[0]
    token = ApiToken.objects.get()
    assert token.user == me(client)
    assert token.expires_at is not None
    assert 29 <= (token.expires_at - timezone.now()).days <= 30
    assert text not in client.get(page(token)).content.decode()
    entry = AuditEntry.objects.get(action="made an API token")
    assert (entry.actor, entry.details) == (me(client), {"acts_as": str(me(client))})
    opened = Client().get(DEVICES, headers={"Authorization": f"Bearer {text}"})
    assert opened.status_code == 200


def test_who_is_at_the_browser_proves_it_anew(sign_in: SignIn) -> None:
    """A token outlasts the session that it was made in."""
    client = sign_in(superuser=True)
    assert "/accounts/reauthenticate/" in client.get(ADD)["Location"]
    client.post(ADD, {"name": "x", "life": ""})
    assert not ApiToken.objects.exists()


def test_a_revoked_token_opens_nothing_from_then_on(staff: Staff, api: Program) -> None:
    client = staff(superuser=True)
    assert "good" in client.get(page(api.token)).content.decode()
    road = reverse("admin:api_apitoken_revoke", args=[api.token.pk])
    assert client.get(road).status_code == 405
    client.post(road)
    assert api.answer("GET", "devices/").status_code == 401
    shown = client.get(page(api.token)).content.decode()
    assert "revoked" in shown
    assert road not in shown
    entry = AuditEntry.objects.get(action="revoked an API token")
    assert entry.actor == me(client)


def test_tokens_of_others_are_nobody_s_business(staff: Staff, api: Program) -> None:
    client = staff("devices.view_device")
    assert api.token.prefix not in client.get(LIST).content.decode()
    assert client.get(page(api.token)).status_code == 302
    road = reverse("admin:api_apitoken_revoke", args=[api.token.pk])
    assert client.post(road).status_code == 404
    api.get("devices/")


def test_by_right_tokens_of_others_are_made_and_revoked(
    staff: Staff, program: MakeProgram
) -> None:
    client = staff("api.manage_apitokens", "devices.view_device")
    other = program("devices.view_device")
    made = client.post(ADD, {"name": "theirs", "life": "", "user": other.user.pk})
    assert TOKEN.search(made.content.decode())
    client.post(reverse("admin:api_apitoken_revoke", args=[other.token.pk]))
    assert other.answer("GET", "devices/").status_code == 401


@pytest.mark.parametrize("superuser", [False, True])
def test_a_token_is_no_way_to_rights_that_its_maker_has_not(
    staff: Staff, program: MakeProgram, superuser: bool
) -> None:
    client = staff("api.manage_apitokens", "devices.view_device")
    strong = program("commands.erase_device", superuser=superuser)
    before = ApiToken.objects.count()
    answer = client.post(ADD, {"name": "x", "life": "", "user": strong.user.pk})
    assert "may do what yours may not" in answer.content.decode()
    assert ApiToken.objects.count() == before


def test_nobody_makes_a_token_by_which_to_approve_their_own_orders(
    staff: Staff, program: MakeProgram
) -> None:
    approves = ("commands.approve_order", "devices.view_device")
    client = staff("api.manage_apitokens", *approves)
    second = program(*approves)
    before = ApiToken.objects.count()
    answer = client.post(ADD, {"name": "x", "life": "", "user": second.user.pk})
    assert "approve what others order" in answer.content.decode()
    assert ApiToken.objects.count() == before


def test_who_approves_orders_by_no_token_of_somebody_else(
    staff: Staff, program: MakeProgram
) -> None:
    orders = ("commands.add_command", "devices.view_device")
    client = staff("api.manage_apitokens", "commands.approve_order", *orders)
    other = program(*orders)
    before = ApiToken.objects.count()
    client.post(ADD, {"name": "x", "life": "", "user": other.user.pk})
    assert ApiToken.objects.count() == before


def test_a_token_is_made_for_staff_alone(staff: Staff, program: MakeProgram) -> None:
    client = staff(superuser=True)
    guest = program(is_staff=False)
    answer = client.post(ADD, {"name": "x", "life": "", "user": guest.user.pk})
    assert "valid choice" in answer.content.decode()


def test_an_empty_list_says_what_a_token_is_for(staff: Staff) -> None:
    shown = staff().get(LIST).content.decode()
    assert "No token is made yet" in shown
    assert "API tokens" in shown
