"""Programs with tokens, and the fleet that they ask about."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from api.models import ApiToken
from api.throttling import buckets
from devices.models import User

from ..pages.conftest import Fleet, SignIn, admin, fleet, sign_in

__all__ = ["Fleet", "SignIn", "admin", "fleet", "sign_in"]

ROOT = "/api/v1/"


class Program:
    """Something that asks with a token; ``get`` and ``post`` return what is answered,
    having looked that it has the status expected."""

    def __init__(self, user: User, token: ApiToken, text: str) -> None:
        self.user, self.token, self.text = user, token, text
        self.client = Client(enforce_csrf_checks=True)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.text}"}

    def answer(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        address = path if path.startswith("http") else ROOT + path
        return self.client.generic(
            method,
            address,
            b"" if body is None else json.dumps(body).encode(),
            content_type="application/json",
            headers={**self.headers, **headers},
        )

    def get(self, path: str, status: int = 200) -> Any:
        answer = self.answer("GET", path)
        assert answer.status_code == status, answer.content
        return answer.json()

    def post(
        self, path: str, body: Any = None, status: int = 201, key: str = ""
    ) -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        answer = self.answer("POST", path, body, **headers)
        assert answer.status_code == status, answer.content
        return answer.json()


MakeProgram = Callable[..., Program]


@pytest.fixture
def program(db: None) -> MakeProgram:
    """Return the maker of programs; it is given the permissions of their account."""

    def make(*permissions: str, superuser: bool = False, **columns: Any) -> Program:
        user = User.objects.create_user(
            f"program{User.objects.count()}",
            is_superuser=superuser,
            **{"is_staff": True, **columns},
        )
        for name in permissions:
            app, _, codename = name.partition(".")
            user.user_permissions.add(
                Permission.objects.get(content_type__app_label=app, codename=codename)
            )
        return Program(user, *ApiToken.make("a program", user))

    return make


@pytest.fixture
def api(program: MakeProgram) -> Program:
    """A program that may do everything."""
    return program(superuser=True)


@pytest.fixture(autouse=True)
def _nothing_taken() -> None:
    """How much a token asked for is counted in memory, which outlives a test."""
    buckets.clear()
