"""Accounts: who may sign in to the dashboard, and how."""

import time
from collections.abc import Callable

from allauth.account.adapter import DefaultAccountAdapter, get_adapter
from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

WRONG = "The name, the e-mail address or the password is not correct."
MISMATCHES = ("email_password_mismatch", "username_password_mismatch")
SECOND_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


FRESH = 15 * 60
"""Seconds after signing in, or proving it again, in which one is not asked anew."""


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts are made by staff or by sign-on; no one signs up by themselves."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        **dict.fromkeys(MISMATCHES, WRONG),
        "too_many_login_attempts": "Too many failed login attempts. Wait five "
        "minutes: until then even the right password is refused.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def format_email_subject(self, subject: str) -> str:
        """Letters are from the organisation, not from a host name."""
        return f"{settings.ORGANIZATION}: {subject}"

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Return where to go if nothing else was asked for: not all are staff."""
        user = request.user
        is_staff = user.is_authenticated and user.is_staff
        return reverse("dashboard" if is_staff else "my-devices")


class SecondFactorMiddleware:
    """Where STAFF_MFA_REQUIRED, leads staff to set up a second factor before anything
    else of the dashboard. Whom an identity provider let in is its business."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.STAFF_MFA_REQUIRED and lacks_second_factor(request):
            messages.warning(
                request,
                "Staff need a second factor here. Set up an authenticator app below: "
                "the dashboard opens after that.",
            )
            return redirect("mfa_index")
        return self.get_response(request)


def lacks_second_factor(request: HttpRequest) -> bool:
    """Return whether staff who came by a password alone ask for the dashboard."""
    if not request.path.startswith(reverse("admin:index")):
        return False
    user = request.user
    if not (user.is_authenticated and user.is_staff):
        return False
    records = get_authentication_records(request, user)
    ways = {record.get("method") for record in records}
    return "socialaccount" not in ways and not is_mfa_enabled(user, SECOND_FACTORS)


def is_fresh(request: HttpRequest) -> bool:
    """Whether the person at the browser proved lately who they are.

    Whom only an identity provider can ask is believed: it is its business.
    """
    if not get_adapter().get_reauthentication_methods(request.user):
        return True
    records = get_authentication_records(request, request.user)
    latest = max((record.get("at", 0) for record in records), default=0)
    return bool(time.time() - latest < FRESH)
