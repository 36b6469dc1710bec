"""Software: conditions on the applications, profiles and certificates of a device."""

import datetime as dt
from collections.abc import Callable
from operator import ge, lt
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from ..models import (
    Application,
    Device,
    InstalledApplication,
    InstalledCertificate,
    InstalledProfile,
    Inventory,
)
from ..models.device import version_key
from .field import Field, Operator, among, not_among
from .values import Identified, Number, Text

SOFTWARE = "Software"
IDENTIFIER = Text(hint="com.example.app")
AND_VERSION = Identified(hint="com.example.app 2.1")
MOST = 20_000
"""Versions of one application that are compared, the newest: what a statement can name.
None has so many, but a device can say so."""
DAYS = Number(unit="days", high=36_500, whole=True)


def _field(
    name: str,
    label: str,
    request_type: str,
    operators: dict[str, Operator],
    say: Callable[[Device, str], str],
) -> Field:
    """Return a field that is told by the answers to ``request_type``."""
    told = Inventory.objects.filter(request_type=request_type)
    return Field(
        name,
        label,
        SOFTWARE,
        operators,
        say,
        told=lambda: among(told),
        untold=lambda: not_among(told),
        is_row=False,
    )


# --- Applications


def _installed(**columns: Any) -> QuerySet[InstalledApplication]:
    found = Application.objects.filter(**columns).order_by()
    return InstalledApplication.objects.filter(application__in=found.values("pk"))


def _versions(compare: Callable[[str, str], bool]) -> Callable[[tuple[str, str]], Q]:
    """Return how to find who has a version that compares so.

    Versions are compared here: there are few of an application, and their texts do not
    sort as versions do.
    """

    def find(wanted: tuple[str, str]) -> Q:
        identifier, key = wanted
        known = Application.objects.filter(identifier=identifier).order_by("-pk")
        fitting = [
            pk
            for pk, *names in known.values_list("pk", "short_version", "version")[:MOST]
            if compare(version_key(names[0] or names[1]), key)
        ]
        rows = InstalledApplication.objects.filter(application__in=fitting)
        return among(rows)

    return find


def _application_said(device: Device, value: str) -> str:
    identifier = value.split(" ")[0]
    known = Application.objects.filter(installed__device=device)
    known = known.filter(Q(identifier=identifier) | Q(name__icontains=value))
    return ", ".join(str(each) for each in known.distinct()[:5]) or "not installed"


def application() -> Field:
    return _field(
        "application",
        "Application",
        "InstalledApplicationList",
        {
            "installed": Operator(
                "is installed (identifier)",
                lambda text: among(_installed(identifier=text)),
                IDENTIFIER,
                "the application {value} is installed",
            ),
            "not_installed": Operator(
                "is not installed (identifier)",
                lambda text: not_among(_installed(identifier=text)),
                IDENTIFIER,
                "the application {value} is not installed",
            ),
            "at_least": Operator(
                "is installed, at least (identifier, version)",
                _versions(ge),
                AND_VERSION,
                "the application {value} or later is installed",
            ),
            "below": Operator(
                "is installed, below (identifier, version)",
                _versions(lt),
                AND_VERSION,
                "an application before {value} is installed",
            ),
            "named": Operator(
                "is installed, name contains",
                lambda text: among(_installed(name__icontains=text)),
                Text(hint="part of its name"),
                "an application whose name contains {value} is installed",
            ),
            "not_named": Operator(
                "is not installed, name contains",
                lambda text: not_among(_installed(name__icontains=text)),
                Text(hint="part of its name"),
                "no application whose name contains {value} is installed",
            ),
        },
        _application_said,
    )


# --- Profiles and certificates


def profile() -> Field:
    def rows(identifier: str) -> QuerySet[InstalledProfile]:
        return InstalledProfile.objects.filter(identifier=identifier)

    def say(device: Device, value: str) -> str:
        return "installed" if rows(value).filter(device=device).exists() else "missing"

    return _field(
        "profile",
        "Profile",
        "ProfileList",
        {
            "installed": Operator(
                "is installed (identifier)",
                lambda text: among(rows(text)),
                Text(hint="com.example.wifi"),
                "the profile {value} is installed",
            ),
            "not_installed": Operator(
                "is not installed (identifier)",
                lambda text: not_among(rows(text)),
                Text(hint="com.example.wifi"),
                "the profile {value} is not installed",
            ),
        },
        say,
    )


def certificate() -> Field:
    def soon(days: int) -> Q:
        now = timezone.now()
        span = (now, now + dt.timedelta(days=days))
        return among(InstalledCertificate.objects.filter(not_after__range=span))

    def expired(_: None) -> Q:
        past = InstalledCertificate.objects.filter(not_after__lt=timezone.now())
        return among(past)

    def say(device: Device, _: str) -> str:
        dated = device.certificates.filter(not_after__gt=timezone.now())
        first = dated.order_by("not_after").first()
        return f"{first}, {first.not_after:%Y-%m-%d}" if first else "none"

    return _field(
        "certificate",
        "Certificate",
        "CertificateList",
        {
            "expires": Operator(
                "expires within", soon, DAYS, "a certificate expires within {value}"
            ),
            "expired": Operator(
                "has expired", expired, phrase="a certificate has expired"
            ),
        },
        say,
    )


FIELDS = (application(), profile(), certificate())
