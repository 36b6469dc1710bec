"""Sign-on: where it begins, and how what a provider answered becomes a sign-in.

Providers are rows of IdentityProvider; allauth's own tables of applications and tokens
stay empty. Who the person is, is decided in people.py: allauth's signup form never
comes up.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.base import Provider
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpRequest
from django.shortcuts import render
from django.urls import reverse

from ..models import IdentityProvider, MailDomain
from . import people, providers
from .claims import domain_of
from .rules import apply_device_groups, apply_device_groups_of

__all__ = [
    "SocialAccountAdapter",
    "apply_device_groups",
    "apply_device_groups_of",
    "begin",
    "login_url",
]

log = logging.getLogger(__name__)

Protocol = IdentityProvider.Protocol
LOGIN = {Protocol.OIDC: "openid_connect_login", Protocol.SAML: "saml_login"}


# --- Where it begins


def buttons(next_url: str = "") -> list[dict[str, str]]:
    """Return name and address for each enabled provider's button, by name."""
    rows = IdentityProvider.objects.filter(is_enabled=True).defer("client_secret")
    complete = filter(is_complete, rows)
    return [{"name": row.name, "url": begin(row, next_url)} for row in complete]


def is_complete(provider: IdentityProvider) -> bool:
    """Return whether it can be used: the metadata of SAML may yet have to be read."""
    return provider.protocol == Protocol.OIDC or bool(provider.certificate)


def begin(provider: IdentityProvider, next_url: str = "", hint: str = "") -> str:
    """Return the address where a sign-in with ``provider`` begins.

    It is a whole one, below PUBLIC_URL: there the provider sends people back to, and
    only there is the session that waits for them.
    """
    path = reverse(LOGIN[Protocol(provider.protocol)], args=[provider.code])
    is_hinted = hint and provider.protocol == Protocol.OIDC
    query = {"next": next_url, "login_hint": hint if is_hinted else ""}
    return f"{settings.PUBLIC_URL}{_with(path, query)}"


def login_url(identifier: str, next_url: str) -> str:
    """Return where somebody called ``identifier`` signs in: with the provider of their
    mail domain, or on the sign-in page. ``next_url`` is a path to go on to."""
    domain = (
        MailDomain.objects.filter(name=domain_of(identifier), provider__is_enabled=True)
        .select_related("provider")
        .defer("provider__client_secret")
        .first()
    )
    if "@" in identifier and domain and domain.provider:
        return begin(domain.provider, next_url, identifier)
    return _with(reverse("account_login"), {"next": next_url})


def _with(path: str, query: Mapping[str, str]) -> str:
    given = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


# --- The adapter


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    def list_apps(
        self, request: HttpRequest, provider: str = "", client_id: str = ""
    ) -> list[SocialApp]:
        """Return enabled providers, by protocol or code, and by client ID if given."""
        rows = IdentityProvider.objects.filter(is_enabled=True)
        if provider:
            rows = rows.filter(Q(protocol=provider) | Q(code=provider))
        apps: Iterable[SocialApp] = map(providers.app_of, rows)
        return [app for app in apps if not client_id or app.client_id == client_id]

    def get_provider(
        self, request: HttpRequest, provider: str, client_id: str = ""
    ) -> Provider:
        app = self.get_app(request, provider=provider, client_id=client_id)
        return app.get_provider(request)

    def list_providers(self, request: HttpRequest) -> list[Provider]:
        return [app.get_provider(request) for app in self.list_apps(request)]

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Find who it is and refresh what is known of them, or say why not."""
        row = sociallogin.provider.app.row
        account, claims = sociallogin.account, sociallogin.claims
        try:
            user = people.find(row, account, claims)
        except people.Refused as words:
            next_url = sociallogin.state.get("next") or ""
            context = {"words": words, "provider": row, "next": next_url}
            page = render(request, "socialaccount/refused.html", context, status=403)
            raise ImmediateHttpResponse(page) from words
        people.refresh(row, user, account, claims)
        sociallogin.user = user

    def is_open_for_signup(
        self, request: HttpRequest, sociallogin: SocialLogin
    ) -> bool:
        return False  # who may come has an account by now

    def validate_disconnect(self, account: Any, accounts: Any) -> None:
        raise ValidationError("IT keeps this: without it you could not be known again.")

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Provider,
        error: Any = None,
        exception: Any = None,
        extra_context: Any = None,
    ) -> None:
        if exception:
            log.warning("sign-in with %s failed: %r", provider.app, exception)
