"""Permissions: the rights of the pages, on every road of the API."""

from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

Rights = tuple[str, ...]
"""What it takes, all of it; ``a|b`` is one of both."""

NOT_STAFF = "The account that this token acts as is not staff."


class HasRights(BasePermission):
    """Who acts is staff and has what the view names in ``rights``, as on the pages.

    ``rights`` is for reading, ``rights_to_write`` for all else. Where they are None,
    the view asks row by row. A view that forgets to name any opens to nobody.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.auth is None:
            return False  # becomes 401
        if request.method not in view.allowed_methods:
            return True  # nothing of the kind is done here, which is said next
        if not request.user.is_staff:
            raise PermissionDenied(NOT_STAFF)
        reads = request.method in SAFE_METHODS
        rights = view.rights if reads else view.rights_to_write
        if rights is not None:
            require(request.user, rights)
        return True


def require(user: Any, rights: Rights) -> None:
    """Raise PermissionDenied, naming what is missing."""
    missing = [each for each in rights if not has(user, each)]
    if missing or not rights:
        named = ", ".join(missing).replace("|", " or ") or "that nobody has"
        raise PermissionDenied(f"The account lacks the right {named}.")


def has(user: Any, right: str) -> bool:
    return any(user.has_perm(each) for each in right.split("|"))
