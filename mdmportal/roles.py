"""Roles: four groups of people to begin with, and what each may do.

They are made on the first migration, when there is no group yet, and are the
portal's from then on: what staff change of them stays as it is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db import transaction


@dataclass(frozen=True)
class Role:
    """Permissions by pattern: all that ``may`` has and ``not_`` has not."""

    words: str
    may: tuple[str, ...]
    not_: tuple[str, ...] = ()

    def has(self, permission: str) -> bool:
        return _is_any(permission, self.may) and not _is_any(permission, self.not_)


OURS = ("api", "apns", "auth", "commands", "compliance", "devices", "enrollment", "mfa")
"""The apps whose permissions mean something in the dashboard."""

ROLES: Mapping[str, Role] = {
    "Owner": Role("Everything, and who else may do what.", ("*",)),
    "Administrator": Role(
        "Manages devices: orders and erases, approves what others ordered, sees "
        "secrets, sets up ways in and policies. Not: people, their roles, and the "
        "rules of approval.",
        ("*",),
        (
            *(f"auth.{verb}_*" for verb in ("add", "change", "delete")),
            *(f"mfa.{verb}_*" for verb in ("add", "change", "delete")),
            *(f"devices.{verb}_user" for verb in ("add", "change", "delete")),
            *(f"commands.{verb}_approvalrule" for verb in ("add", "change", "delete")),
        ),
    ),
    "Help desk": Role(
        "Helps people with their devices: locks, clears passcodes, restarts, finds "
        "what is lost, assigns owners, invites. Erases nothing and sees no secrets.",
        (
            "commands.add_command",
            "commands.change_delivery",
            "commands.order_destructive",
            "commands.view_*",
            "compliance.view_*",
            "devices.change_device",
            "devices.view_*",
            "enrollment.add_invitation",
            "enrollment.view_enrollmentprofile",
            "enrollment.view_invitation",
        ),
        (
            "devices.view_auditentry",
            "devices.view_networklogin",
            "devices.view_secret",
            "devices.view_sessiontoken",
        ),
    ),
    "Auditor": Role(
        "Looks at everything, also at what was done by whom, and changes nothing. "
        "Sees that there are secrets, not what they are, nor where devices are.",
        ("*.view_*",),
        ("devices.view_location",),
    ),
}


def _is_any(permission: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(permission, pattern) for pattern in patterns)


@transaction.atomic
def make() -> list[str]:
    """Make the roles that there are not; return their names."""
    known = set(Group.objects.values_list("name", flat=True))
    missing = [name for name in ROLES if name not in known]
    every = _permissions() if missing else {}
    for name in missing:
        found = [row for text, row in every.items() if ROLES[name].has(text)]
        Group.objects.create(name=name).permissions.add(*found)
    return missing


def _permissions() -> dict[str, Permission]:
    rows = Permission.objects.filter(content_type__app_label__in=OURS)
    return {
        f"{row.content_type.app_label}.{row.codename}": row
        for row in rows.select_related("content_type")
    }


def make_first(**_: Any) -> None:
    """Make the roles of a portal that has no group at all, as its first migration."""
    if not Group.objects.exists():
        make()
