"""Providers: OpenID Connect and SAML 2.0 as allauth speaks them, set up from our rows.

Of what a provider says only declared claims are kept, and what it did not say well ends
on a page that tells what to do next.
"""

import logging
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.base import AuthProcess, Provider
from allauth.socialaccount.providers.openid_connect.provider import (
    OpenIDConnectProvider,
)
from allauth.socialaccount.providers.saml.provider import SAMLProvider
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from onelogin.saml2.errors import OneLogin_Saml2_Error
from requests import RequestException

from ..models import IdentityProvider
from . import metadata
from .claims import Claims

log = logging.getLogger(__name__)

Protocol = IdentityProvider.Protocol
TRANSIENT = ":transient"
"""How the format of a NameID ends that is another one each time."""
UNUSABLE = (
    RequestException,
    OneLogin_Saml2_Error,
    ImproperlyConfigured,
    KeyError,
    ValueError,
)
"""What comes of a provider that is set up wrongly or cannot be reached."""


class _Declared(Provider):  # type: ignore[misc]
    """What both protocols have in common."""

    def get_redirect_from_request_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        """Sign in, whatever the address asks for: nobody adds accounts to theirs."""
        kwargs: dict[str, Any] = super().get_redirect_from_request_kwargs(request)
        return {**kwargs, "process": AuthProcess.LOGIN}

    def sociallogin_from_response(
        self, request: HttpRequest, response: Any
    ) -> SocialLogin:
        """Return the login with its claims; what cannot be read ends on a page."""
        try:
            login = super().sociallogin_from_response(request, response)
            login.claims = self.claims(response)
        except (KeyError, ValueError, ImproperlyConfigured) as problem:
            log.warning("%s said what cannot be read: %r", self.app, problem)
            page = render_authentication_error(request, self)
            raise ImmediateHttpResponse(page) from problem
        login.account.extra_data = login.claims.kept()
        return login

    def claims(self, response: Any) -> Claims:
        raise NotImplementedError

    def unstash_redirect_state(self, request: HttpRequest, state_id: str) -> Any:
        """Return what was begun; what was not, or is over, ends on a page."""
        try:
            return super().unstash_redirect_state(request, state_id)
        except PermissionDenied as problem:
            page = render_authentication_error(request, self)
            raise ImmediateHttpResponse(page) from problem

    def redirect_from_request(self, request: HttpRequest) -> HttpResponse:
        """Send the person to the provider, or say that it cannot be used."""
        try:
            answer: HttpResponse = super().redirect_from_request(request)
        except UNUSABLE as problem:
            log.warning("%s cannot be used to sign in: %r", self.app, problem)
            page: HttpResponse = render_authentication_error(request, self)
            return page
        return answer


class OIDC(_Declared, OpenIDConnectProvider):  # type: ignore[misc]
    _adapter: Any = None

    def get_oauth2_adapter(self, request: HttpRequest) -> Any:
        """One for each request, so that discovery is fetched once."""
        self._adapter = self._adapter or super().get_oauth2_adapter(request)
        return self._adapter

    def get_auth_params_from_request(
        self, request: HttpRequest, action: str
    ) -> dict[str, str]:
        """Nothing of the address but who is about to sign in (Core, 3.1.2.1)."""
        hint = request.GET.get("login_hint", "")
        return {"login_hint": hint} if hint else {}

    def get_scope_from_request(self, request: HttpRequest) -> list[str]:
        """Ask for groups, too, where that is a scope of its own, as at Okta."""
        known = self.get_oauth2_adapter(request).openid_config.get("scopes_supported")
        groups = self.app.row.groups_attribute
        return [*self.get_default_scope(), *(g for g in [groups] if g in (known or []))]

    def claims(self, response: Any) -> Claims:
        """Read both: some providers say groups in the ID token only."""
        token, userinfo = response.get("id_token") or {}, response.get("userinfo") or {}
        if token and userinfo and token.get("sub") != userinfo.get("sub"):
            raise ValueError("userinfo is of somebody else")  # Core, section 5.3.2
        return Claims.read(self.app.row, {**token, **userinfo})


class SAML(_Declared, SAMLProvider):  # type: ignore[misc]
    def extract_uid(self, data: Any) -> str:
        """Return the NameID, or the e-mail address if that is for once only."""
        if not (data.get_nameid_format() or "").endswith(TRANSIENT):
            return str(super().extract_uid(data) or "")
        return self.claims(data).email  # ValueError follows, if there is none

    def claims(self, response: Any) -> Claims:
        said = {
            **response.get_friendlyname_attributes(),
            **response.get_attributes(),
        }
        name_id = str(response.get_nameid() or "")
        return Claims.read(self.app.row, said, name_id if "@" in name_id else "")


KINDS = {Protocol.OIDC: OIDC, Protocol.SAML: SAML}


def app_of(row: IdentityProvider) -> SocialApp:
    """Return what allauth works with. Its secret is decrypted here only."""
    app = SocialApp(
        provider=row.protocol, provider_id=row.code, name=row.name, client_id=row.code
    )
    app.row = row
    app.get_provider = lambda request: KINDS[Protocol(row.protocol)](request, app=app)
    if row.protocol == Protocol.SAML:
        app.settings = _saml(row)
        return app
    app.client_id = row.client_id
    app.secret = bytes(row.client_secret).decode()
    app.settings = {
        "server_url": row.server_url.rstrip("/"),
        "oauth_pkce_enabled": True,  # RFC 9700, section 2.1.1
        "fetch_userinfo": True,
    }
    return app


def _saml(row: IdentityProvider) -> dict[str, Any]:
    return {
        "idp": metadata.settings_of(row),
        "sp": {"entity_id": entity_id(row)},
        "advanced": {
            "strict": True,
            "want_assertion_signed": True,
            "reject_deprecated_algorithm": True,  # SHA-1
            "reject_idp_initiated_sso": True,
            "want_attribute_statement": False,  # some send a NameID and nothing else
            "allow_single_label_domains": True,
        },
    }


def entity_id(row: IdentityProvider) -> str:
    """Return how the portal is called at a SAML provider; the audience it must name."""
    return f"{settings.PUBLIC_URL}{reverse('saml_metadata', args=[row.code])}"


def addresses_to_be() -> list[tuple[str, str]]:
    """Return what will have to be entered at a provider whose code is yet to choose."""
    rows = [IdentityProvider(code="code", protocol=each) for each in Protocol]
    named = {name: url for row in rows for name, url in addresses(row).items()}
    return list(named.items())


def addresses(row: IdentityProvider) -> dict[str, str]:
    """Return what has to be entered at the provider, by its usual name."""
    if row.protocol == Protocol.OIDC:
        path = reverse("openid_connect_callback", args=[row.code])
        return {"Redirect URI": settings.PUBLIC_URL + path}
    acs = settings.PUBLIC_URL + reverse("saml_acs", args=[row.code])
    return {
        "Entity ID (audience)": entity_id(row),
        "ACS URL (reply URL)": acs,
        "Metadata": entity_id(row),
    }
