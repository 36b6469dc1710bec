"""Every address of the dashboard, opened and sent to by who must not."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import URLPattern, URLResolver
from django.urls.resolvers import RoutePattern

from .conftest import Fleet, SignIn

ANYBODYS = re.compile(
    r"/admin/(search/|jsi18n/|logout/|login/|password_change/(done/)?|autocomplete/"
    r"|commands/delivery/live/|api/apitoken/(add/|csv/)?)?"
)
"""What every member of staff may open: what is on it depends on their rights."""


def walk(patterns: list[Any], before: str = "/admin/") -> Iterator[str]:
    """Yield the addresses of these patterns; whatever they take is 1."""
    for each in patterns:
        if not isinstance(each.pattern, RoutePattern):
            continue
        route = before + re.sub(r"<[^>]+>", "1", str(each.pattern))
        if isinstance(each, URLResolver):
            yield from walk(each.url_patterns, route)
        elif isinstance(each, URLPattern):
            yield route


ADDRESSES = sorted(set(walk(admin.site.urls[0])))
OTHERS = [each for each in ADDRESSES if not ANYBODYS.fullmatch(each)]


def test_all_addresses_are_looked_at() -> None:
    assert len(OTHERS) > 150
    assert "/admin/devices/secret/1/reveal/" in OTHERS
    assert "/admin/compliance/policy/csv/" in OTHERS


@pytest.mark.parametrize("method", ["get", "post"])
def test_nothing_opens_for_who_is_not_signed_in(
    client: Client, fleet: Fleet, method: str
) -> None:
    fleet()
    for address in OTHERS:
        answer = getattr(client, method)(address)
        assert answer.status_code == 302, address
        assert answer.url.partition("?")[0].endswith("/login/"), address


@pytest.mark.parametrize("is_staff", [False, True])
@pytest.mark.parametrize("method", ["get", "post"])
def test_nothing_opens_without_a_right(
    sign_in: SignIn, fleet: Fleet, method: str, is_staff: bool
) -> None:
    fleet()
    client = sign_in(staff=is_staff)
    for address in OTHERS:
        answer = getattr(client, method)(address)
        opens = answer.status_code == 200 and not answer.get("Location")
        assert not opens, address
        assert answer.status_code in (302, 403, 404, 405), address


def test_nothing_is_taken_without_the_token_of_a_form(
    admin: Client, fleet: Fleet
) -> None:
    fleet()
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = admin.cookies
    for address in OTHERS:
        assert strict.post(address).status_code in (403, 405), address
