"""Account-driven enrollment over HTTP: the profile, and signing in for it."""

import logging
import re
from typing import Any
from urllib.parse import urlencode

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.contrib.auth import logout
from django.db import transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    JsonResponse,
    QueryDict,
)
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET
from oauthlib.oauth2 import OAuth2Error

from devices.authentication import bearer
from devices.models import User
from devices.requests import answer_for_errors, read_body
from mdmportal.protocol import machineinfo, mobileconfig

from .. import account as accounts
from .. import limits, profiles, signon
from ..account import discovery, oauth
from ..models import EnrollmentProfile

logger = logging.getLogger(__name__)

SESSION_KEY = "enroll_sign_in"
FRESH = 10 * 60
"""Seconds for which who signed in to this browser need not do it again."""
MAX_BODY = 64 * 1024


def _way(code: str) -> EnrollmentProfile:
    way = EnrollmentProfile.objects.filter(code=code, is_enabled=True).first()
    if way is None or not way.is_account_driven:
        raise Http404
    return way


@csrf_exempt
@answer_for_errors
def account(request: HttpRequest, code: str) -> HttpResponse:
    """The BaseURL: 401 with a challenge, and for who has a token the profile."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    way = _way(code)
    machineinfo.read(read_body(request, MAX_BODY))
    token = bearer(request)
    if not token:
        return accounts.unauthorized(way)
    if refusal := limits.check(request, "enroll"):
        return refusal
    try:
        profile = accounts.profile(way, token)
    except profiles.NotReady as problem:
        logger.warning("%s: %s", way, problem)
        return HttpResponse(str(problem), status=503, content_type="text/plain")
    if profile is None:
        return accounts.unauthorized(way)
    response = HttpResponse(profile, content_type=mobileconfig.CONTENT_TYPE)
    response["Cache-Control"] = "no-store"
    return response


# --- Signing in, in the device's web view


@require_GET
@never_cache
def authenticate(request: HttpRequest, code: str) -> HttpResponse:
    """Begin to sign in; apple-as-web ends with a token."""
    way = _way(code)
    identifier = request.GET.get("user-identifier", "")
    return _begin(request, way, identifier, {})


@require_GET
@never_cache
def authorize(request: HttpRequest, code: str) -> HttpResponse:
    """Begin to sign in; apple-oauth2 ends with a code."""
    way = _way(code)
    uri = f"{_own_path(request.path)}?{_encoded(request.GET)}"
    try:
        _, asked = oauth.server(way).validate_authorization_request(uri, "GET", None)
    except OAuth2Error as error:
        return _stop(request, f"The device asked in a way we do not know: {error}", 400)
    proof = request.GET.get("code_challenge")
    if proof is not None and not PROOF.fullmatch(proof):
        return _stop(
            request, "The device asked with a code challenge that is none.", 400
        )
    kept = {name: asked[name] for name in KEPT}
    # oauthlib keeps these on its own request object.
    kept |= {name: request.GET.get(name) for name in PKCE}
    return _begin(request, way, request.GET.get("login_hint", ""), kept)


KEPT = ("client_id", "redirect_uri", "response_type", "state")
PKCE = ("code_challenge", "code_challenge_method")
PROOF = re.compile(r"[A-Za-z0-9._~-]{43,128}")
"""What a code challenge looks like, RFC 7636 section 4.2."""


def _begin(
    request: HttpRequest, way: EnrollmentProfile, identifier: str, asked: dict[str, Any]
) -> HttpResponse:
    """Lead to where this person signs in, and from there back to ``authenticated``."""
    if identifier and not discovery.is_identifier(identifier):
        return _stop(request, "That does not look like the name of an account.", 400)
    if refusal := limits.check(request, "sign-in"):
        return refusal
    fresh = _signed_in_just_now(request)
    if not fresh:
        logout(request)
    request.session[SESSION_KEY] = {
        "way": way.pk,
        "identifier": identifier,
        "asked": asked,
        "stays": fresh,
    }
    done = reverse("account-authenticated", args=[way.code])
    if fresh:
        return redirect(done)
    return redirect(signon.login_url(identifier, done))


def _signed_in_just_now(request: HttpRequest) -> bool:
    if not request.user.is_authenticated:
        return False
    records = get_authentication_records(request)
    newest = max((float(one.get("at", 0)) for one in records), default=0.0)
    return timezone.now().timestamp() - newest < FRESH


@require_GET
@never_cache
@transaction.atomic
def authenticated(request: HttpRequest, code: str) -> HttpResponse:
    """Hand the device what it waits for: who asked is signed in now."""
    way = _way(code)
    begun = request.session.get(SESSION_KEY) or {}
    if begun.get("way") != way.pk or not request.user.is_authenticated:
        words = "Signing in took too long, or was begun in another window."
        return _stop(request, words, 400)
    user = request.user
    assert isinstance(user, User)
    if not discovery.is_identifier(accounts.account_of(user)):
        words = "Your account has no Managed Apple Account, which this device needs."
        return _stop(request, f"{words} Please tell IT.", 403)
    response = _finish(request, way, user, begun["asked"])
    del request.session[SESSION_KEY]
    if not begun["stays"]:
        logout(request)  # the device has its token: no one else's turn in this window
    return response


def _finish(
    request: HttpRequest, way: EnrollmentProfile, user: User, asked: dict[str, Any]
) -> HttpResponse:
    if not asked:
        return accounts.finish(accounts.begin(way, user))
    given = {name: value for name, value in asked.items() if value is not None}
    uri = f"{_own_path(reverse('oauth-authorize', args=[way.code]))}?{urlencode(given)}"
    credentials = {"user": user}
    headers, _, _ = oauth.server(way).create_authorization_response(
        uri, "GET", None, None, scopes=[accounts.SCOPE], credentials=credentials
    )
    return accounts.AppleRedirect(headers["Location"])


def _stop(request: HttpRequest, words: str, status: int) -> HttpResponse:
    """Say what is wrong and what to do; an error's status ends the device's attempt."""
    context = {"words": words}
    return render(request, "enrollment/stopped.html", context, status=status)


# --- Tokens


@csrf_exempt
@answer_for_errors
def token(request: HttpRequest, code: str) -> HttpResponse:
    """Give a token for a code or a refresh token, RFC 6749 section 3.2."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    way = _way(code)  # not limited: a whole office renews its tokens each hour
    read_body(request, MAX_BODY)
    with transaction.atomic():
        headers, answer, status = oauth.server(way).create_token_response(
            _own_path(request.path), "POST", _encoded(request.POST), {}
        )
    response = HttpResponse(answer, status=status)
    for name, value in headers.items():
        response[name] = value
    return response


def _encoded(values: QueryDict) -> str:
    """Return a query or a form as strictly encoded as oauthlib insists on."""
    pairs = [(name, each) for name, all_ in values.lists() for each in all_]
    return urlencode(pairs)


def _own_path(path: str) -> str:
    """The address as devices know it, whatever a proxy made of it."""
    return f"{settings.PUBLIC_URL}{path}"


# --- Service discovery


@require_GET
@never_cache
def well_known(request: HttpRequest) -> HttpResponse:
    """Tell a device where people of its user's domain enroll; the same for all."""
    found = discovery.find(
        request.GET.get("user-identifier", ""), request.GET.get("model-family", "")
    )
    if isinstance(found, str):
        logger.info("service discovery: %s", found)
        refusal = {"code": discovery.FAILED, "description": found}
        return JsonResponse(refusal, status=403)
    return JsonResponse(discovery.document(found))
