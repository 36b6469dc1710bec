"""Provider: what the two kinds of identity provider of the tests have in common."""

import json
from pathlib import Path
from typing import Any

import requests

from ..portal import Portal
from ..servers import Server
from .people import PEOPLE, SET_UP


class Provider(Server):
    """A running identity provider. ``people`` are names with their passwords."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.url = f"http://127.0.0.1:{self.port}"
        self.people = {name: str(one["password"]) for name, one in PEOPLE.items()}

    def columns(self) -> dict[str, Any]:
        """Return what IdentityProvider needs to know of it."""
        raise NotImplementedError

    def claims(self, name: str) -> dict[str, Any]:
        """Return what it says of somebody by default."""
        return dict(PEOPLE[name]["claims"])

    def say(self, name: str, **claims: Any) -> None:
        """Have it say this of somebody from now on; None: not at all."""
        said = {**self.claims(name), **claims}
        self.tell(f"people/{name}", {k: v for k, v in said.items() if v is not None})

    def tell(self, path: str, value: Any) -> None:
        answer = requests.put(f"{self.url}/{path}", json.dumps(value), timeout=30)
        answer.raise_for_status()

    def add_to(
        self,
        portal: Portal,
        code: str,
        *,
        rules: tuple[dict[str, Any], ...] = (),
        domains: tuple[str, ...] = (),
        **columns: Any,
    ) -> None:
        """Set it up in the portal as IdentityProvider ``code``, or change that.

        A rule is value, and of is_staff, role and device_group (names) what it gives;
        the domains' people sign in here.
        """
        given = {"name": code.title(), "code": code, **self.columns(), **columns}
        given |= {"rules": rules, "domains": domains}
        code_to_run = SET_UP % json.dumps(given)
        portal.manage("shell", "--no-imports", "--command", code_to_run)
