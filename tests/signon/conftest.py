"""The running portal with identity providers set up in it, and what it knows of people.

Each test has people of its own: what one leaves behind is no other's concern.
"""

import os
from collections.abc import Callable
from typing import Any

import pytest

from ..portal import Portal
from ..providers.browser import Browser, sign_in
from ..providers.oidc import OIDCProvider
from ..providers.provider import Provider
from ..providers.saml import SAMLProvider

DOMAIN = "corp.example"
RULES = (
    {"value": "staff", "is_staff": True},
    {"value": "helpdesk", "role": "Help desk"},
    {"value": "sales", "device_group": "Sales"},
)
FACTS = """
import json
from allauth.socialaccount.models import SocialAccount, SocialToken
from devices.models import AuditEntry, User
users = User.objects.filter(%s=%r)
print(json.dumps([{
    "username": user.username,
    "name": user.get_full_name(),
    "email": user.email,
    "apple": user.managed_apple_account,
    "staff": user.is_staff,
    "roles": [role.name for role in user.groups.order_by("name")],
    "password": user.has_usable_password(),
    "devices": {
        device.serial_number: [group.name for group in device.groups.all()]
        for device in user.devices.all()
    },
    "accounts": [
        [account.provider, account.uid, account.extra_data]
        for account in SocialAccount.objects.filter(user=user)
    ],
    "tokens": SocialToken.objects.count(),
    "audit": list(AuditEntry.objects.filter(
        target=str(user), actor=None
    ).order_by("pk").values_list("action", flat=True)),
} for user in users]))
"""
Facts = Callable[..., list[dict[str, Any]]]
Run = Callable[[str], Any]
Arrive = Callable[..., Browser]


@pytest.fixture(scope="session")
def servers() -> dict[str, str]:
    """Return what ``run_portal`` needs for a portal like the one that all share."""
    names = {"database": "DATABASE_URL", "redis": "REDIS_URL"}
    return {name: os.environ.get(variable, "") for name, variable in names.items()}


@pytest.fixture
def run(portal: Portal) -> Run:
    """Return what runs code in the portal's shell."""

    def run(code: str) -> Any:
        return portal.manage("shell", "--no-imports", "--command", code)

    return run


@pytest.fixture
def facts(run: Run) -> Facts:
    """Return what tells the facts of users, by a column of theirs."""

    def facts(**column: str) -> list[dict[str, Any]]:
        [(name, value)] = column.items()
        found: list[dict[str, Any]] = run(FACTS % (name, value))
        return found

    return facts


@pytest.fixture(scope="session")
def corp(portal: Portal, oidc_provider: OIDCProvider) -> OIDCProvider:
    """OpenID Connect, set up as “corp”, for people of corp.example."""
    oidc_provider.add_to(
        portal,
        "corp",
        name="Corp",
        rules=RULES,
        domains=(DOMAIN,),
        account_pattern="{user}@apple.corp.example",
    )
    return oidc_provider


@pytest.fixture(scope="session")
def saml(portal: Portal, saml_provider: SAMLProvider) -> SAMLProvider:
    """SAML 2.0, set up as “school”, for people of school.example."""
    saml_provider.add_to(
        portal,
        "school",
        name="School",
        rules=RULES,
        domains=("school.example",),
        account_pattern="{user}@apple.school.example",
    )
    return saml_provider


@pytest.fixture
def arrive(portal: Portal) -> Arrive:
    """Return what signs somebody in: ``arrive("Corp", provider, "ada", "/next/")``."""

    def arrive(
        button: str, provider: Provider, name: str, next_url: str = "/accounts/email/"
    ) -> Browser:
        browser = Browser().open(f"{portal.url}/accounts/login/?next={next_url}")
        browser.click(f"Sign in with {button}")
        return sign_in(browser, name, provider.people[name])

    return arrive
