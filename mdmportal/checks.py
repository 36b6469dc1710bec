"""Checks of served mode: what is missing, in words, before a device ever notices."""

import ipaddress
import string
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.core.checks import Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

from enrollment.limits import Rate

from . import catalogue

Rule = tuple[str, Callable[[], bool], str, str]


def _has_secret_key() -> bool:
    try:
        return bool(settings.SECRET_KEY)
    except ImproperlyConfigured:  # Django does not hand out an empty one
        return False


def _is_key(text: str) -> bool:
    return len(text) == 64 and set(text) <= set(string.hexdigits)


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def _is_rate(text: str) -> bool:
    try:
        Rate.read(text)
    except ValueError:
        return False
    return True


RULES: tuple[Rule, ...] = (
    (
        "mdm.E001",
        lambda: settings.EMBEDDED,
        "The embedded default is for trying out, not for serving.",
        "Set MDM_EMBEDDED=false and the variables of docs/settings.md.",
    ),
    (
        "mdm.E002",
        lambda: not settings.PUBLIC_URL.startswith("https://"),
        "PUBLIC_URL is not https: devices refuse to enroll.",
        "Set PUBLIC_URL to the https address that devices reach, for good.",
    ),
    (
        "mdm.E003",
        lambda: not settings.FIELD_KEYS,
        "FIELD_KEYS is empty: secrets cannot be stored.",
        "Set FIELD_KEYS to 64 hexadecimal digits (openssl rand -hex 32), and keep "
        "a copy apart from the database's backups.",
    ),
    (
        "mdm.E004",
        lambda: not _has_secret_key(),
        "SECRET_KEY is empty.",
        "Set SECRET_KEY to 50 or more random characters (openssl rand -base64 48).",
    ),
    (
        "mdm.E005",
        lambda: "sqlite3" in settings.DATABASES["default"]["ENGINE"],
        "The database is SQLite.",
        "Set DATABASE_URL to a PostgreSQL database, postgres://user:password@host/name.",
    ),
    (
        "mdm.E006",
        lambda: not settings.REDIS_URL,
        "REDIS_URL is empty: workers cannot be told to push.",
        "Set REDIS_URL, such as redis://host:6379/0.",
    ),
    (
        "mdm.E007",
        lambda: (
            bool(settings.CLIENT_CERTIFICATE_HEADER) and not settings.TRUSTED_PROXIES
        ),
        "CLIENT_CERTIFICATE_HEADER is set, but no proxy is trusted to send it.",
        "Set TRUSTED_PROXIES to the networks of your proxies, or unset the header.",
    ),
    (
        "mdm.E008",
        lambda: "*" in settings.ALLOWED_HOSTS,
        "ALLOWED_HOSTS allows every name.",
        "Name the hosts, or leave it out: the host of PUBLIC_URL is the default.",
    ),
    (
        "mdm.E009",
        lambda: not all(map(_is_key, settings.FIELD_KEYS)),
        "FIELD_KEYS holds something that is no key.",
        "Each is 64 hexadecimal digits (openssl rand -hex 32), commas between them.",
    ),
    (
        "mdm.E010",
        lambda: not all(map(_is_network, settings.TRUSTED_PROXIES)),
        "TRUSTED_PROXIES holds something that is no network.",
        "Name networks such as 10.1.2.0/24, or addresses, commas between them.",
    ),
    (
        "mdm.E011",
        lambda: bool(settings.DEVICE_CA_FILE),
        "DEVICE_CA_FILE is set: simulated devices could enroll over the air.",
        "Unset it. Apple's own authority is always believed.",
    ),
    (
        "mdm.E012",
        lambda: (
            not all(
                map(_is_rate, (settings.ENROLL_RATE, settings.ENROLL_RATE_PER_PERSON))
            )
        ),
        "ENROLL_RATE or ENROLL_RATE_PER_PERSON is no rate.",
        "Write a number, a slash and s, m, h or d, such as 600/h; or leave it empty.",
    ),
    (
        "mdm.E013",
        lambda: not _is_rate(settings.API_RATE),
        "API_RATE is no rate.",
        "Write a number, a slash and s, m, h or d, such as 1200/m; or leave it empty.",
    ),
)


@register(Tags.security, deploy=True)
def served_mode(**_: Any) -> list[Error]:
    return list(_broken())


def _broken() -> Iterator[Error]:
    for number, is_broken, message, hint in RULES:
        if is_broken():
            yield Error(message, hint=hint, id=number)


@register()
def catalogue_in_force(**_: Any) -> list[Warning]:
    """Say so wherever anything is started: the portal goes on with what came along."""
    problem = catalogue.problem()
    if not problem:
        return []
    hint = "Run load_schema again, or remove the folder that MDM_CATALOGUE names."
    message = f"The loaded schema is not used, the built-in one is: {problem}"
    return [Warning(message, hint=hint, id="mdm.W002")]


@register(Tags.security, deploy=True)
def simulation(**_: Any) -> list[Warning]:
    if not settings.APNS_CA_FILE:
        return []
    return [
        Warning(
            "Pushes go to a server that is not Apple's (APNS_CA_FILE is set).",
            hint="Unset APNS_HOST, APNS_PORT and APNS_CA_FILE.",
            id="mdm.W001",
        )
    ]
