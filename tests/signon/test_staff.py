"""A portal of its own, where staff need a second factor and passwords are guessed."""

import time
from collections.abc import Iterator

import pytest
from allauth.mfa.totp.internal.auth import hotp_value

from ..portal import Portal, run_portal
from ..providers.browser import Browser, sign_in
from ..providers.oidc import OIDCProvider


@pytest.fixture(scope="module")
def strict(
    tmp_path_factory: pytest.TempPathFactory, servers: dict[str, str]
) -> Iterator[Portal]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STAFF_MFA_REQUIRED", "true")
        with run_portal(tmp_path_factory.mktemp("strict"), **servers) as portal:
            yield portal


def by_password(portal: Portal) -> Browser:
    browser = Browser().open(f"{portal.url}/accounts/login/?next=/admin/")
    return browser.submit(login=portal.admin, password=portal.password)


def test_staff_set_up_a_second_factor_before_they_see_the_dashboard(
    strict: Portal,
) -> None:
    browser = by_password(strict)
    assert browser.url == f"{strict.url}/accounts/2fa/"
    assert "Staff need a second factor here" in browser.text
    assert browser.open("/admin/devices/device/").url.endswith("/accounts/2fa/")
    browser.open("/accounts/2fa/totp/activate/")
    browser.submit(password=strict.password)  # once more, for what matters
    secret = browser.page.ids["authenticator_secret"]
    browser.submit(code=code_of(secret))
    assert browser.open("/admin/").url == f"{strict.url}/admin/"
    again = by_password(strict)
    assert again.url.startswith(f"{strict.url}/accounts/2fa/authenticate/")


def code_of(secret: str) -> str:
    return f"{hotp_value(secret, int(time.time()) // 30):06}"


def test_whom_a_provider_let_in_needs_no_other_second_factor(
    strict: Portal, oidc_provider: OIDCProvider
) -> None:
    rules = ({"value": "staff", "is_staff": True},)
    oidc_provider.add_to(strict, "corp", name="Corp", rules=rules)
    oidc_provider.say("grace", groups=["staff"])
    browser = Browser().open(f"{strict.url}/accounts/login/?next=/admin/")
    browser.click("Sign in with Corp")
    sign_in(browser, "grace", oidc_provider.people["grace"])
    assert (browser.url, browser.status) == (f"{strict.url}/admin/", 200)


def test_devices_are_not_asked_for_second_factors(strict: Portal) -> None:
    assert Browser().open(f"{strict.url}/scep?operation=GetCACaps").status == 200


def test_passwords_are_guessed_five_times_for_one_account(strict: Portal) -> None:
    browser = Browser().open(f"{strict.url}/accounts/login/")
    for _ in range(5):
        browser.submit(login="nobody", password="wrong")
        assert "not correct" in browser.text
    browser.submit(login="nobody", password="wrong")
    assert "Too many failed login attempts" in browser.text
