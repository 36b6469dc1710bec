"""Who is not let in, and what they are told."""

import pytest

from ..portal import Portal
from ..providers.browser import Browser
from ..providers.oidc import OIDCProvider
from ..providers.saml import SAMLProvider
from .conftest import Arrive, Facts, Run

FAULTS = {
    "SHA-1": {"algorithm": "sha1"},
    "another's key": {"key": "stranger"},
    "another audience": {"audience": "https://elsewhere.example/metadata"},
    "no signature": {"signed": ""},
    "no request of ours": {"answers": "of-somebody-else"},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_saml_answer_that_cannot_be_trusted_is_refused(
    saml: SAMLProvider, arrive: Arrive, facts: Facts, fault: dict[str, str]
) -> None:
    saml.say("eve", mail="eve@school.example")
    saml.misbehave(**fault)
    try:
        browser = arrive("School", saml, "eve")
    finally:
        saml.misbehave()
    assert browser.status == 401
    assert "Signing in did not work" in browser.text
    assert browser.page.links["Start again"].startswith("/accounts/login/")
    assert facts(email="eve@school.example") == []


def test_an_answer_is_good_once(saml: SAMLProvider, portal: Portal) -> None:
    saml.say("heidi", mail="heidi@school.example")
    browser = Browser().open(f"{portal.url}/accounts/login/?next=/accounts/email/")
    browser.click("Sign in with School")
    browser.submit(login="heidi", password=saml.people["heidi"])
    page, url = browser.text, browser.url
    assert browser.submit("SAMLResponse").status == 200
    again = Browser()
    again.session.cookies.update(browser.session.cookies)
    again.text, again.url = page, url
    assert again.submit("SAMLResponse").status == 401


def test_another_domains_address_does_not_open_the_account_of_staff(
    portal: Portal,
    oidc_provider: OIDCProvider,
    arrive: Arrive,
    facts: Facts,
    run: Run,
) -> None:
    run(
        "from devices.models import User\n"
        "make = User.objects.create_user\n"
        "make('boss', 'boss@big.example', 'of this test', is_staff=True)"
    )
    oidc_provider.add_to(portal, "guests", name="Guests")
    oidc_provider.say("eve", email="boss@big.example", email_verified=True)
    browser = arrive("Guests", oidc_provider, "eve", "/admin/")
    assert browser.status == 403
    assert "add big.example as a mail domain of Guests" in browser.text
    [boss] = facts(email="boss@big.example")
    assert (boss["accounts"], boss["password"]) == ([], True)


def test_people_of_another_providers_domain_are_sent_there(
    portal: Portal, oidc_provider: OIDCProvider, saml: SAMLProvider, arrive: Arrive
) -> None:
    oidc_provider.add_to(portal, "guests", name="Guests")
    oidc_provider.say("eve", email="somebody@school.example")
    browser = arrive("Guests", oidc_provider, "eve")
    assert browser.status == 403
    assert "People of school.example sign in with School" in browser.text


@pytest.mark.parametrize(("is_verified", "status"), [(False, 403), (True, 200)])
def test_an_address_of_no_domain_must_be_verified_to_find_a_person(
    portal: Portal,
    oidc_provider: OIDCProvider,
    arrive: Arrive,
    run: Run,
    is_verified: bool,
    status: int,
) -> None:
    address = f"plain-{status}@free.example"
    run(
        "from devices.models import User\n"
        f"User.objects.create_user('plain-{status}', {address!r}, 'of this test')"
    )
    oidc_provider.add_to(portal, "guests", name="Guests")
    sub = f"plain-{status}"
    oidc_provider.say("dan", sub=sub, email=address, email_verified=is_verified)
    assert arrive("Guests", oidc_provider, "dan").status == status


def test_somebody_unknown_is_told_to_ask_for_an_account(
    portal: Portal, oidc_provider: OIDCProvider, arrive: Arrive, facts: Facts
) -> None:
    oidc_provider.add_to(portal, "closed", name="Closed", creates_users=False)
    oidc_provider.say("heidi", email="heidi@closed.example")
    browser = arrive("Closed", oidc_provider, "heidi", "/enroll/devices/")
    assert browser.status == 403
    assert "IT has not made an account for you yet" in browser.text
    next_url = "/accounts/login/?next=/enroll/devices/"
    assert browser.page.links["Start again"] == next_url
    assert facts(email="heidi@closed.example") == []


def test_somebody_switched_off_is_told_so(
    corp: OIDCProvider, arrive: Arrive, run: Run
) -> None:
    corp.say("frank", sub="frank-off", email="frank-off@corp.example")
    assert arrive("Corp", corp, "frank").status == 200
    run(
        "from devices.models import User\n"
        "User.objects.filter(email='frank-off@corp.example').update(is_active=False)"
    )
    browser = arrive("Corp", corp, "frank")
    assert browser.status == 403
    assert "Your account is switched off" in browser.text


def test_who_cancels_can_start_again(portal: Portal, corp: OIDCProvider) -> None:
    browser = Browser().open(f"{portal.url}/accounts/login/")
    browser.click("Sign in with Corp").submit(cancel="yes")
    assert "You did not sign in" in browser.text
    assert "Start again" in browser.page.links


def test_a_provider_that_is_switched_off_lets_nobody_in(
    portal: Portal, oidc_provider: OIDCProvider
) -> None:
    oidc_provider.add_to(portal, "old", name="Old", is_enabled=False)
    browser = Browser().open(f"{portal.url}/accounts/login/")
    assert "Sign in with Old" not in browser.text
    assert browser.open("/accounts/oidc/old/login/").status == 404


def test_a_provider_that_cannot_be_reached_is_said_to_be(
    portal: Portal, oidc_provider: OIDCProvider
) -> None:
    nowhere = "http://127.0.0.1:9"
    oidc_provider.add_to(portal, "lost", name="Lost", server_url=nowhere)
    browser = Browser().open(f"{portal.url}/accounts/login/")
    browser.click("Sign in with Lost")
    assert browser.status == 401
    assert "Lost could not be asked who you are" in browser.text


def test_nobody_signs_up(portal: Portal) -> None:
    browser = Browser().open(f"{portal.url}/accounts/signup/")
    assert "Accounts are made by IT" in browser.text


def test_the_clients_secret_is_encrypted_and_on_no_page(
    portal: Portal, corp: OIDCProvider, run: Run
) -> None:
    stored = run(
        "from django.db import connection\n"
        "import json\n"
        "cursor = connection.cursor()\n"
        "cursor.execute('SELECT id, client_secret FROM enrollment_identityprovider')\n"
        "rows = [[pk, bytes(value).hex()] for pk, value in cursor.fetchall()]\n"
        "print(json.dumps(rows))"
    )
    secret = corp.columns()["client_secret"]
    assert stored
    assert all(secret.encode().hex() not in value for _, value in stored)
    browser = Browser().open(f"{portal.url}/accounts/login/")
    browser.submit(login=portal.admin, password=portal.password)
    for pk, _ in stored:
        browser.open(f"/admin/enrollment/identityprovider/{pk}/change/")
        assert browser.status == 200, portal.log()
        assert secret not in browser.text
