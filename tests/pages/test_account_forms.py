"""What people may change of their own account: nothing that says who they are."""

from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.core import mail
from django.test import Client

from devices.models import User
from enrollment.models import IdentityProvider, MailDomain
from enrollment.signon import people
from enrollment.signon.claims import Claims
from mdmportal.account_forms import ELSEWHERE

pytestmark = pytest.mark.django_db
EMAIL = "ada@corp.example"


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada", email=EMAIL, password="of the portal")


@pytest.fixture
def elsewhere(ada: User) -> User:
    """Ada, whom only an identity provider lets in."""
    ada.set_unusable_password()
    ada.save()
    SocialAccount.objects.create(user=ada, provider="corp", uid="1")
    return ada


def reset(client: Client) -> Any:
    return client.post("/accounts/password/reset/", {"email": EMAIL})


def test_a_forgotten_password_is_reset_by_a_letter(client: Client, ada: User) -> None:
    assert reset(client).status_code == 302
    assert len(mail.outbox) == 1
    assert mail.outbox[0].to == [EMAIL]


def test_who_signs_in_elsewhere_gets_no_letter_and_the_same_page(
    client: Client, elsewhere: User
) -> None:
    assert reset(client).status_code == 302
    assert not any("password/reset/key" in one.body for one in mail.outbox)


def test_who_signs_in_elsewhere_gives_themselves_no_password(
    client: Client, elsewhere: User
) -> None:
    client.force_login(elsewhere)
    form = {"password1": "Long and new 1", "password2": "Long and new 1"}
    page = client.post("/accounts/password/set/", form)
    assert ELSEWHERE.split(",")[0] in page.content.decode()
    elsewhere.refresh_from_db()
    assert not elsewhere.has_usable_password()


def test_an_address_that_the_provider_denies_opens_no_account(ada: User) -> None:
    provider = IdentityProvider.objects.create(
        name="Corp", code="corp", protocol="openid_connect"
    )
    MailDomain.objects.create(name="corp.example", provider=provider)
    said = {"email": EMAIL, "email_verified": False}
    claims = Claims.read(provider, said)
    with pytest.raises(people.Refused, match="not verified"):
        people.find(provider, SocialAccount(provider="corp", uid="1"), claims)
    del said["email_verified"]  # some providers say neither
    claims = Claims.read(provider, said)
    found = people.find(provider, SocialAccount(provider="corp", uid="1"), claims)
    assert found == ada


def test_passwords_are_guessed_thirty_times_from_one_address(client: Client) -> None:
    words = "Too many failed login attempts"
    for number in range(31):
        form = {"login": f"nobody-{number}", "password": "wrong"}
        page = client.post("/accounts/login/", form).content.decode()
        assert (words in page) == (number == 30), number
