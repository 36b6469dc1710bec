"""Account-driven enrollment: who signed in gets the profile, and its device a session.

The device asks for its profile and is told to have its person sign in; what comes of
that is a token, which it then sends with everything it asks for.
https://developer.apple.com/documentation/devicemanagement/onboarding-users-with-account-sign-in
"""

import datetime as dt
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from devices import sessions
from devices.models import SessionToken, User

from .. import profiles
from ..models import EnrollmentProfile, SignIn, digest, new_token

SCHEME = "apple-remotemanagement-user-login"
RESULTS = f"{SCHEME}://authentication-results"
BIND_WITHIN = dt.timedelta(hours=1)
"""How long after signing in a device may come: a password may have to be changed."""
CLIENT_ID = "apple-device"
REDIRECT_URI = f"{SCHEME}:/oauth2/redirection"
SCOPE = "enroll"


class AppleRedirect(HttpResponseRedirect):
    """The redirect that ends the web view: 308, to Apple's scheme."""

    status_code = 308
    allowed_schemes = [SCHEME]

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self["Cache-Control"] = "no-store"


def unauthorized(way: EnrollmentProfile) -> HttpResponse:
    """Return the 401 that has a device ask its person to sign in. Keeps nothing."""
    parameters = PARAMETERS[EnrollmentProfile.Method(way.method)](way)
    pairs = ", ".join(f'{name}="{value}"' for name, value in parameters.items())
    return HttpResponse(
        status=401,
        headers={"WWW-Authenticate": f"Bearer {pairs}", "Cache-Control": "no-store"},
    )


def _web(way: EnrollmentProfile) -> dict[str, str]:
    return {"method": way.method, "url": _url("account-authenticate", way)}


def _oauth2(way: EnrollmentProfile) -> dict[str, str]:
    return {
        "method": way.method,
        "authorization-url": _url("oauth-authorize", way),
        "token-url": _url("oauth-token", way),
        "redirect-url": REDIRECT_URI,
        "client-id": CLIENT_ID,
        "scope": SCOPE,
    }


PARAMETERS = {
    EnrollmentProfile.Method.WEB: _web,
    EnrollmentProfile.Method.OAUTH2: _oauth2,
}
"""What the challenge of each method says."""


def _url(name: str, way: EnrollmentProfile) -> str:
    return f"{settings.PUBLIC_URL}{reverse(name, args=[way.code])}"


def base_url(way: EnrollmentProfile) -> str:
    """Return the BaseURL of service discovery: where devices ask for their profile."""
    return _url("account", way)


def account_of(user: User) -> str:
    """Return the person's Managed Apple Account; with a federated domain, the e-mail.

    '' for who has neither: such a person cannot enroll account-driven.
    """
    return user.managed_apple_account or user.email


def profile(way: EnrollmentProfile, token: str) -> bytes | None:
    """Return a signed profile for who has this token; None: have them sign in.

    The token is not used up: the device may ask again, and goes on with it. Raises
    profiles.NotReady.
    """
    found = sessions.find(token)
    sign_in = SignIn.objects.filter(token=found, way=way).first() if found else None
    if found is None or sign_in is None:
        return None
    return profiles.make(
        way,
        managed_apple_account=sign_in.managed_apple_account,
        user=found.user,
        sign_in=sign_in,
    )


# --- Signed in


def begin(way: EnrollmentProfile, user: User, **oauth: object) -> SignIn:
    """Write down that a person signed in; what it lasts for is the way's to say."""
    life = way.session_life
    return SignIn.objects.create(
        way=way,
        user=user,
        managed_apple_account=account_of(user),
        ends_at=timezone.now() + life if life else None,
        **oauth,
    )


def issue_token(sign_in: SignIn, life: dt.timedelta | None = None) -> str:
    """Return a new session token, told only now, for a sign-in that is in force.

    It holds as long as the sign-in, or for ``life`` if that is shorter. A device that
    has another token of this sign-in goes on with either.
    """
    now, value = timezone.now(), new_token()
    ends = [moment for moment in (sign_in.ends_at, life and now + life) if moment]
    before = sign_in.token
    sign_in.token = SessionToken.objects.create(
        digest=digest(value),
        user=sign_in.user,
        managed_apple_account=sign_in.managed_apple_account,
        enrollment=before.enrollment if before else None,
        bind_by=now + BIND_WITHIN,
        expires_at=min(ends, default=None),
    )
    sign_in.save(update_fields=["token"])
    if before and before.expires_at and before.expires_at <= now:
        before.delete()  # a device renews each hour: of no use, and of no end
    return value


def finish(sign_in: SignIn) -> AppleRedirect:
    """Return the redirect that hands a device its token; method apple-as-web."""
    query = urlencode({"access-token": issue_token(sign_in)})
    return AppleRedirect(f"{RESULTS}?{query}")
