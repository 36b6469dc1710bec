"""Makes a token for the API and prints it, once."""

import datetime as dt
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from api.models import ApiToken
from devices.models import User


class Command(BaseCommand):
    help = "Makes an API token and prints it. It is not kept and not shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="what uses it")
        parser.add_argument(
            "--user",
            metavar="USERNAME",
            help="as whom it acts; else the superuser",
        )
        parser.add_argument(
            "--expires", type=int, metavar="DAYS", help="without it, never"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name: str = options["name"].strip()
        if not 0 < len(name) <= 100:
            raise CommandError("NAME must have 1 to 100 characters")
        days: int | None = options["expires"]
        if days is not None and not 0 < days <= 3650:
            raise CommandError("--expires must be from 1 to 3650 days")
        ends = timezone.now() + dt.timedelta(days=days) if days else None
        _, text = ApiToken.make(name, _user(options["user"]), expires_at=ends)
        self.stdout.write(text)


def _user(username: str | None) -> User:
    """Return as whom the token acts: active staff, for nobody else is let in."""
    staff = User.objects.filter(is_active=True, is_staff=True)
    if username:
        user = staff.filter(username=username).first()
        if user is None:
            raise CommandError(f"there is no active member of staff called {username}")
        return user
    found = list(staff.filter(is_superuser=True).order_by("pk")[:2])
    if len(found) != 1:
        raise CommandError("say with --user as whom it acts: superusers are not one")
    return found[0]
