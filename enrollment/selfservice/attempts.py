"""Attempts: what enrollment was begun in this browser, to tell how far it has come.

The cookie holds the digest of the challenge in the profile that was handed out, and is
sent back to that page alone. It lets no one in: who enrolls is bound in the profile.
"""

import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from mdmportal.protocol import cms, plist

from ..models import digest

COOKIE = "enrolling"
LIFE = 12 * 60 * 60
DIGEST = re.compile(r"[0-9a-f]{64}")


def of(request: HttpRequest) -> str:
    """Return the digest of the attempt begun on this page, or ''."""
    kept = request.COOKIES.get(COOKIE, "")
    return kept if DIGEST.fullmatch(kept) else ""


def remember(response: HttpResponse, profile: bytes, page: str) -> None:
    """Have the browser keep which attempt ``profile`` began; ``page`` is its path."""
    response.set_cookie(
        COOKIE,
        digest(_challenge(plist.loads(cms.verify(profile).content))),
        max_age=LIFE,
        path=page,
        secure=settings.SECURE,
        httponly=True,
        samesite="Lax",
    )


def _challenge(profile: Mapping[str, Any]) -> str:
    """Return the challenge of an enrollment profile, or of a Profile Service."""
    content = profile["PayloadContent"]
    if isinstance(content, Mapping):
        return str(content["Challenge"])
    inner = (payload.get("PayloadContent") for payload in content)
    scep = next(each for each in inner if each and "Challenge" in each)
    return str(scep["Challenge"])
