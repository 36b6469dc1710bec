"""Service discovery: where a device asks for its profile, told by its user's domain.

https://developer.apple.com/documentation/devicemanagement/discover-authentication-servers
"""

import re
from typing import Any

from ..models import EnrollmentProfile, Route
from . import base_url

FAILED = "com.apple.well-known.failed"
PATH = "/.well-known/com.apple.remotemanagement"
NAME, LABELS = r"[^\s\"<>\\]{1,64}", r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?"
IDENTIFIER = re.compile(f"{NAME}@{LABELS}")
LONGEST = 255


def is_identifier(text: str) -> bool:
    """Whether this can be what a person types: a name, @, and a domain behind it."""
    return len(text) <= LONGEST and IDENTIFIER.fullmatch(text) is not None


def domain_of(identifier: str) -> str:
    """Return what stands behind the last @, in lower case; '' if there is none."""
    name, _, domain = identifier.rpartition("@")
    return domain.lower().rstrip(".") if name else ""


def find(identifier: str, family: str) -> EnrollmentProfile | str:
    """Return the way in for such a device of such a person, or why there is none.

    The domain and the family decide, never the person: the answer tells nobody who has
    an account.
    """
    if not identifier:
        return "the request has no user-identifier: a redirect may have lost the query"
    if not is_identifier(identifier):
        return "the user-identifier is not one"
    routes = Route.objects.filter(
        domain__name=domain_of(identifier),
        model_family__in={"", family} & set(Route.Family.values),
        way__is_enabled=True,
        way__kind__in=(EnrollmentProfile.Kind.BYOD, EnrollmentProfile.Kind.ADDE),
    )
    # One for this very family goes before the one for all others.
    route = routes.select_related("way").order_by("-model_family").first()
    return route.way if route else "no way in is set up for this domain and device"


def document(way: EnrollmentProfile) -> dict[str, Any]:
    """Return the answer: exactly one server."""
    return {"Servers": [{"Version": way.version, "BaseURL": base_url(way)}]}
