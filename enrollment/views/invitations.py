"""An invitation's pages: those of its way in, for whoever holds the letter or code."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_safe

from ..models import Invitation
from ..selfservice import attempts, doors
from ..selfservice.doors import Door
from .pages import hand_out, tell


def _door(token: str) -> Door:
    found = Invitation.find(token)
    if found is None:
        raise Http404
    return Door(found.way, found, token)


@require_safe
@never_cache
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """The way's page. One that lets no one in any more says why, and what to do.

    Who has just used it sees how far enrolling has come.
    """
    door = _door(token)
    context = doors.context(door, request)
    if context["problem"] and not attempts.of(request):
        return _closed(request, door)
    return render(request, "enrollment/enroll.html", context)


@require_GET
@never_cache
def profile(request: HttpRequest, token: str) -> HttpResponse:
    """A fresh profile for one of the devices that were invited."""
    door = _door(token)
    assert door.invitation
    if door.invitation.problem():
        return _closed(request, door)
    return hand_out(request, door)


@require_GET
@never_cache
def status(request: HttpRequest, token: str) -> HttpResponse:
    """How far the attempt has come that was begun in this browser."""
    return tell(request, _door(token))


def _closed(request: HttpRequest, door: Door) -> HttpResponse:
    assert door.invitation
    context = {"problem": door.invitation.problem()}
    return render(request, "enrollment/invitation_closed.html", context, status=410)
