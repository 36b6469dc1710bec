"""OAuth 2 towards devices: the method apple-oauth2 of account-driven enrollment.

oauthlib keeps to the RFCs (6749, 7636); this says what it asks of our rows. The device
is a public client, and the only one.
https://developer.apple.com/documentation/devicemanagement/implementing-the-oauth2-authentication-user-enrollment-flow
"""

import datetime as dt
import hmac
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from oauthlib.oauth2 import RequestValidator, WebApplicationServer

from ..models import EnrollmentProfile, SignIn, digest, new_token
from . import CLIENT_ID, REDIRECT_URI, SCOPE, begin, issue_token

CODE_LIFE = dt.timedelta(minutes=5)
ACCESS_LIFE = dt.timedelta(hours=1)


@dataclass(frozen=True)
class Device:
    """The client: every device, without a secret."""

    client_id: str = CLIENT_ID


class Validator(RequestValidator):  # type: ignore[misc]
    """Answers oauthlib's questions for one way in.

    A refresh token stays the same for the life of its sign-in: a lost answer must not
    cost a person another sign-in, and it is of use only together with the identity of
    the device.
    """

    def __init__(self, way: EnrollmentProfile) -> None:
        super().__init__()
        self.way = way

    # The client

    def validate_client_id(self, client_id: str, request: Any, **_: Any) -> bool:
        request.client = Device()
        return client_id == CLIENT_ID

    def client_authentication_required(self, request: Any, **_: Any) -> bool:
        return False

    def authenticate_client_id(self, client_id: str, request: Any, **_: Any) -> bool:
        return self.validate_client_id(client_id, request)

    def validate_redirect_uri(
        self, client_id: str, redirect_uri: str, request: Any, **_: Any
    ) -> bool:
        return redirect_uri == REDIRECT_URI

    def get_default_redirect_uri(self, client_id: str, request: Any, **_: Any) -> str:
        return REDIRECT_URI

    def validate_response_type(
        self, client_id: str, response_type: str, client: Any, request: Any, **_: Any
    ) -> bool:
        return response_type == "code"

    def validate_grant_type(
        self, client_id: str, grant_type: str, client: Any, request: Any, **_: Any
    ) -> bool:
        return grant_type in ("authorization_code", "refresh_token")

    def validate_scopes(
        self, client_id: str, scopes: list[str], client: Any, request: Any, **_: Any
    ) -> bool:
        return set(scopes) <= {SCOPE}

    def get_default_scopes(self, client_id: str, request: Any, **_: Any) -> list[str]:
        return [SCOPE]

    # The code

    def is_pkce_required(self, client_id: str, request: Any) -> bool:
        return False  # Apple documents none; what is sent is honoured

    def save_authorization_code(
        self, client_id: str, code: dict[str, str], request: Any, **_: Any
    ) -> None:
        begin(
            self.way,
            request.user,
            code_digest=digest(code["code"]),
            code_expires_at=timezone.now() + CODE_LIFE,
            redirect_uri=request.redirect_uri,
            code_challenge=request.code_challenge or "",
            code_challenge_method=request.code_challenge_method or "",
        )

    def validate_code(
        self, client_id: str, code: str, client: Any, request: Any, **_: Any
    ) -> bool:
        sign_in = self._of_code(code)
        if sign_in is None or not sign_in.user.is_active:
            return False
        request.user, request.scopes = sign_in.user, [SCOPE]
        request.sign_in = sign_in
        return True

    def confirm_redirect_uri(
        self,
        client_id: str,
        code: str,
        redirect_uri: str,
        client: Any,
        request: Any,
        **_: Any,
    ) -> bool:
        sign_in = self._of_code(code)
        return sign_in is not None and redirect_uri == sign_in.redirect_uri

    def get_code_challenge(self, code: str, request: Any) -> str | None:
        sign_in = self._of_code(code)
        return (sign_in.code_challenge or None) if sign_in else None

    def get_code_challenge_method(self, code: str, request: Any) -> str | None:
        sign_in = self._of_code(code)
        return (sign_in.code_challenge_method or "plain") if sign_in else None

    def invalidate_authorization_code(
        self, client_id: str, code: str, request: Any, **_: Any
    ) -> None:
        used = SignIn.objects.filter(way=self.way, code_digest=digest(code))
        used.update(code_digest="", code_expires_at=None)

    def _of_code(self, code: str) -> SignIn | None:
        found = SignIn.objects.select_related("user", "token").filter(
            way=self.way,
            code_digest=digest(code),
            code_expires_at__gt=timezone.now(),
        )
        # Locked: of two requests with one code only one gets a token.
        return found.select_for_update(of=("self",)).first()

    # The tokens

    def save_bearer_token(
        self, token: dict[str, Any], request: Any, *_: Any, **__: Any
    ) -> None:
        """Keep digests of what oauthlib is about to hand out; ours are the tokens."""
        sign_in: SignIn = request.sign_in
        token["access_token"] = issue_token(sign_in, ACCESS_LIFE)
        refresh = token.get("refresh_token", "")
        if refresh and not hmac.compare_digest(digest(refresh), sign_in.refresh_digest):
            sign_in.refresh_digest = digest(refresh)
            sign_in.save(update_fields=["refresh_digest"])

    def validate_refresh_token(
        self, refresh_token: str, client: Any, request: Any, **_: Any
    ) -> bool:
        found = SignIn.objects.select_related("user", "token__enrollment")
        sign_in = found.filter(
            way=self.way, refresh_digest=digest(refresh_token)
        ).first()
        if sign_in is None or not _is_in_force(sign_in):
            return False
        request.user, request.sign_in = sign_in.user, sign_in
        return True

    def get_original_scopes(
        self, refresh_token: str, request: Any, **_: Any
    ) -> list[str]:
        return [SCOPE]

    def rotate_refresh_token(self, request: Any) -> bool:
        return False


def _is_in_force(sign_in: SignIn) -> bool:
    """Whether nobody took it back, and its time is not over."""
    token = sign_in.token
    if token is None or token.revoked_at is not None or not sign_in.user.is_active:
        return False
    return sign_in.ends_at is None or sign_in.ends_at > timezone.now()


def server(way: EnrollmentProfile) -> WebApplicationServer:
    """Return the endpoints of one way in."""
    return WebApplicationServer(
        Validator(way),
        token_generator=lambda request: new_token(),
        refresh_token_generator=lambda request: new_token(),
        token_expires_in=int(ACCESS_LIFE.total_seconds()),
    )
