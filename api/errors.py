"""Errors: what is wrong with a request, as JSON that says what to do about it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions, serializers, status
from rest_framework.response import Response
from rest_framework.views import set_rollback

Fields = Iterable[tuple[str, str]]
"""What is wrong with which field: ``keys.Settings[0].Item``."""


UNKNOWN_CALLER = (
    "Send a token: Authorization: Bearer and the token. They are made under Settings, "
    "API tokens."
)


class Wrong(exceptions.APIException):
    """What was sent cannot be done; names the fields."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "invalid"

    def __init__(self, fields: Fields, detail: str = "") -> None:
        self.fields = list(fields)
        words = "; ".join(f"{name}: {what}" for name, what in self.fields)
        super().__init__(detail or words)


class Conflict(exceptions.APIException):
    """It could be done, but not now or not so; ``more`` says what it would take."""

    status_code = status.HTTP_409_CONFLICT

    def __init__(self, detail: str, code: str, **more: object) -> None:
        self.more = more
        super().__init__(detail, code)


class FieldProblem(serializers.Serializer[Any]):
    field = serializers.CharField(help_text="Where: keys.Settings[0].Item")
    detail = serializers.CharField()


class Problem(serializers.Serializer[Any]):
    """What every error is answered with."""

    code = serializers.CharField(help_text="For programs: invalid, not_found, …")
    detail = serializers.CharField(help_text="For people: what is wrong, what to do.")
    fields = FieldProblem(many=True, required=False)  # type: ignore[assignment]


def answer(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Return the answer to an error; None for one that is the portal's own."""
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    elif isinstance(error, RecursionError):
        error = exceptions.ParseError("This is nested too deeply.")
    if not isinstance(error, exceptions.APIException):
        return None
    if isinstance(error, exceptions.NotAuthenticated):
        error.detail = exceptions.ErrorDetail(UNKNOWN_CALLER, error.default_code)
    set_rollback()
    return Response(_body(error), error.status_code, headers=_headers(error))


def _body(error: exceptions.APIException) -> dict[str, Any]:
    if isinstance(error, exceptions.ValidationError):
        error = Wrong(_flat(error.detail))
    body = {"code": str(error.get_codes()), "detail": str(error.detail)}
    if isinstance(error, Wrong):
        named = [{"field": name, "detail": what} for name, what in error.fields]
        return {**body, "fields": named}
    return {**body, **getattr(error, "more", {})}


def _flat(detail: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield what the serializers say with the path of each field."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            own = name == "non_field_errors"
            yield from _flat(inner, path if own else _join(path, name))
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, Mapping | list)
            if inner:
                yield from _flat(inner, f"{path}[{index}]" if nested else path)
    else:
        yield path, str(detail)


def _join(path: str, name: str | int) -> str:
    """A list's wrong elements are told by their number."""
    if isinstance(name, int):
        return f"{path}[{name}]"
    return f"{path}.{name}" if path else name


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return headers
