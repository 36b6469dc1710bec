"""Authentication: which token a request brings, and as whom it acts."""

from django.views.decorators.debug import sensitive_variables
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from devices.models import User

from .models import ApiToken

SCHEMES = (b"bearer", b"token")
REALM = 'Bearer realm="MDM Portal"'
UNKNOWN = "This token is not known here. Make one under Settings, API tokens."


class TokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer mdm_…``, or ``Token mdm_…``; one statement.

    Why a token opens nothing is said to who has it: they know its secret already.
    """

    @sensitive_variables()
    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() not in SCHEMES:
            return None
        if len(parts) != 2:
            raise AuthenticationFailed("Write: Authorization: Bearer and the token.")
        token = ApiToken.find(parts[1].decode("latin-1"))
        if token is None:
            raise AuthenticationFailed(UNKNOWN)
        if problem := _problem(token):
            raise AuthenticationFailed(problem)
        token.used()
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return REALM


def _problem(token: ApiToken) -> str:
    """Return why the token opens nothing; '' if it does."""
    if token.revoked_at:
        return "This token is revoked. Make another under Settings, API tokens."
    if token.is_expired:
        return "This token is expired. Make another under Settings, API tokens."
    if not token.user.is_active:
        return "The account that this token acts as is switched off."
    return ""
