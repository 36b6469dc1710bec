"""Signing in: from a challenge, by a person in a web view, to tokens.

https://developer.apple.com/documentation/devicemanagement/implementing-the-simple-authentication-user-enrollment-flow
https://developer.apple.com/documentation/devicemanagement/implementing-the-oauth2-authentication-user-enrollment-flow
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from .challenge import WEB, Challenge
from .errors import ServerRefused, SignInFailed
from .managed_account import Tokens
from .person import Person
from .transport import HTTPTransport, Transport
from .webview import FORM, SCHEME, WebView

SignIn = Person | Callable[[str], str]
"""Who signs in. A callable is given the address where to begin and returns the one that
ends it, as ``WebView.sign_in`` does; it raises SignInFailed."""

RESULT = f"{SCHEME}://authentication-results"


def sign_in(
    challenge: Challenge,
    identifier: str,
    person: SignIn,
    transport: Transport,
    *,
    pkce: bool = True,
) -> Tokens:
    """Meet the challenge; return the tokens.

    Raises SignInFailed, ServerRefused where the token endpoint refuses, Unreachable.
    """
    if isinstance(person, Person):
        trusted = transport.ca_file if isinstance(transport, HTTPTransport) else None
        person = WebView(person, ca_file=trusted)
    if challenge.method == WEB:
        return _by_page(challenge, identifier, person)
    return _by_oauth2(challenge, identifier, person, transport, pkce)


def _by_page(
    challenge: Challenge, identifier: str, person: Callable[[str], str]
) -> Tokens:
    end = person(_with(challenge["url"], {"user-identifier": identifier}))
    address, answer = _result(end)
    if address != RESULT:
        raise SignInFailed(address, f"it is not {RESULT}.")
    token = answer.get("access-token", "")
    if not token:
        raise SignInFailed(address, "it has no access-token.")
    return Tokens(token)


def _by_oauth2(
    challenge: Challenge,
    identifier: str,
    person: Callable[[str], str],
    transport: Transport,
    pkce: bool,
) -> Tokens:
    """The authorization code grant of a public client. RFC 6749, RFC 7636"""
    state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    asked = {
        "response_type": "code",
        "client_id": challenge["client-id"],
        "redirect_uri": challenge["redirect-url"],
        "scope": challenge["scope"],
        "state": state,
        "login_hint": identifier,
    }
    if pkce:
        asked |= {
            "code_challenge": code_challenge(verifier),
            "code_challenge_method": "S256",
        }
    end = person(_with(challenge["authorization-url"], asked))
    address, answer = _result(end)
    if address != challenge["redirect-url"]:
        raise SignInFailed(address, "it is not the redirect-url.")
    if answer.get("state") != state:
        raise SignInFailed(address, "the state is not the one that was sent.")
    if not answer.get("code"):
        error = answer.get("error", "no code")
        text = answer.get("error_description", "")
        raise SignInFailed(address, f"{error}.", text=text)
    form = {
        "grant_type": "authorization_code",
        "code": answer["code"],
        "redirect_uri": challenge["redirect-url"],
        "client_id": challenge["client-id"],
    }
    return _tokens(
        transport, challenge, form | ({"code_verifier": verifier} if pkce else {})
    )


def code_challenge(verifier: str) -> str:
    """Return what is shown beforehand of a verifier. RFC 7636, section 4.2"""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def refresh(challenge: Challenge, refresh_token: str, transport: Transport) -> Tokens:
    """Exchange a refresh token, without a word to the person. Raises as ``sign_in``."""
    form = {
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
        "client_id": challenge["client-id"],
    }
    return _tokens(transport, challenge, form)


def _tokens(
    transport: Transport, challenge: Challenge, form: Mapping[str, str]
) -> Tokens:
    url = challenge["token-url"]
    headers = {"Accept": "application/json", "Content-Type": FORM}
    response = transport.send("POST", url, headers, urlencode(form).encode())
    if response.status != 200:
        raise ServerRefused(url, response.status, response.body)
    try:
        answer = json.loads(response.body)
    except ValueError as error:
        raise SignInFailed(url, "it answers what is not JSON.") from error
    return _read(url, answer if isinstance(answer, dict) else {})


def _read(url: str, answer: Mapping[str, Any]) -> Tokens:
    if str(answer.get("token_type", "")).lower() != "bearer":
        raise SignInFailed(url, "the token_type is not Bearer.")
    access, again = answer.get("access_token"), answer.get("refresh_token", "")
    if not access or not isinstance(access, str) or not isinstance(again, str):
        raise SignInFailed(url, "there is no access_token, or a token is no string.")
    expires_in = answer.get("expires_in", 0)
    if not isinstance(expires_in, int):
        raise SignInFailed(url, "expires_in is not a number of seconds.")
    return Tokens(access, again, expires_in)


def _with(url: str, query: Mapping[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"


def _result(url: str) -> tuple[str, dict[str, str]]:
    """Return an address without its query, and what the query says."""
    query = parse_qs(urlsplit(url).query, keep_blank_values=True)
    return url.partition("?")[0], {name: values[0] for name, values in query.items()}
