"""Doors: a way in by its own address, or by an invitation in place of a sign-in."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from devices.models import User
from mdmportal import qr

from .. import account
from ..account import discovery
from ..models import EnrollmentProfile, Invitation
from . import agent, attempts, guides, privacy, progress
from .agent import Agent, Family
from .progress import Progress

LEAD = (
    "IT manages the device: the settings and apps that it needs for work come to it by "
    "themselves."
)
LEADS = {
    EnrollmentProfile.Kind.BYOD: "Work mail, accounts and apps come onto your device "
    "and stay apart from what is yours. Take them off again whenever you like.",
}
"""What the person is told at first, unless the way has a description of its own."""
LIVE = "attempt"
"""The name of the line that is drawn again while somebody looks."""


@dataclass(frozen=True)
class Door:
    """Where a person stands. Its addresses are paths; ``url`` is the whole one."""

    way: EnrollmentProfile
    invitation: Invitation | None = None
    token: str = ""

    @property
    def page(self) -> str:
        return self._path("enroll", "invitation")

    @property
    def profile(self) -> str:
        return self._path("enroll-profile", "invitation-profile")

    @property
    def status(self) -> str:
        return self._path("enroll-status", "invitation-status")

    @property
    def url(self) -> str:
        return f"{settings.PUBLIC_URL}{self.page}"

    def _path(self, name: str, invited: str) -> str:
        if self.invitation:
            return reverse(invited, args=[self.token])
        return reverse(name, args=[self.way.code])

    def owner(self, user: User | None) -> User | None:
        """Return who will own the device: who was invited, else who is signed in."""
        return self.invitation.user if self.invitation else user

    def is_locked(self, user: User | None) -> bool:
        """Whether to sign in first. Account-driven ways have it done in Settings."""
        if self.invitation or self.way.is_account_driven:
            return False
        return self.way.requires_sign_in and user is None


def person(request: HttpRequest) -> User | None:
    """Return who is signed in, or None."""
    return request.user if isinstance(request.user, User) else None


def progress_at(door: Door, request: HttpRequest) -> Progress:
    """Return how far the attempt has come that was begun at this door.

    Where the browser began none, it may be followed by who is signed in: what began in
    Settings, or on a phone that took the code from this screen. Never by an
    invitation, which is no sign-in and tells nothing of what its person did elsewhere.
    """
    seen = agent.read(request.headers.get("user-agent", ""))
    elsewhere = door.way.is_account_driven or seen.family is Family.OTHER
    user = person(request) if elsewhere and not door.invitation else None
    return progress.find(door.way, attempts.of(request), user)


def line(door: Door, shown: Progress) -> SafeString:
    """Return the line that says how far it is, as HTML."""
    context = {"progress": shown, "door": door, "live": LIVE}
    return render_to_string("enrollment/progress.html", context)


def context(door: Door, request: HttpRequest) -> dict[str, Any]:
    """Return all that the page of a way in shows, for this person and device."""
    way, user = door.way, person(request)
    user_agent = request.headers.get("user-agent", "")
    seen = agent.read(user_agent, request.GET.get("on", ""))
    shown = progress_at(door, request)
    return {
        "door": door,
        "way": way,
        "agent": seen,
        "lead": LEADS.get(EnrollmentProfile.Kind(way.kind), LEAD),
        "problem": door.invitation.problem() if door.invitation else "",
        "progress": shown,
        "done": shown.state.is_done and bool(attempts.of(request)),
        "line": line(door, shown) if _has_line(door, seen, user, shown) else "",
        "guides": guides.guides(way, seen, settings.ORGANIZATION, _identifier(user)),
        "too_old": guides.too_old(way, seen),
        "needs": guides.needs(way),
        "can_enroll": guides.minimum(way, seen.family) is not None,
        "identifier": _identifier(user) if way.is_account_driven else "",
        "leads_elsewhere": way.is_account_driven and _leads_elsewhere(way, user),
        "locked": door.is_locked(user),
        "privacy": privacy.panel(way),
        "qr": qr.svg(door.url),
        "others": _others(seen),
        "is_mac": seen.family is Family.MAC,
    }


def _has_line(door: Door, seen: Agent, user: User | None, shown: Progress) -> bool:
    """A computer that enrolls nothing, and whose person is unknown, has no news."""
    if door.is_locked(user):
        return False
    if door.way.is_account_driven:
        return user is not None
    return seen.family is not Family.OTHER or user is not None


def _identifier(user: User | None) -> str:
    return account.account_of(user) if user else ""


def _leads_elsewhere(way: EnrollmentProfile, user: User | None) -> bool:
    """Whether Settings will not find this way by what the person types there."""
    domain = discovery.domain_of(_identifier(user))
    routes = way.routes.filter(domain__name=domain) if domain else way.routes
    return not routes.exists()


def _others(seen: Agent) -> list[tuple[str, str]]:
    """Return what else it may be: the parameter and the words for each."""
    return [
        (said, family or "another device")
        for said, family in agent.CHOICES.items()
        if family != seen.family
    ]
