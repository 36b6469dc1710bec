"""The page of a way in, the profile it hands out, and how far enrolling has come."""

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_safe

from .. import download, limits, profiles
from ..models import EnrollmentProfile
from ..selfservice import attempts, doors
from ..selfservice.doors import Door


def _door(code: str) -> Door:
    return Door(get_object_or_404(EnrollmentProfile, code=code, is_enabled=True))


@require_safe
@never_cache
def enroll(request: HttpRequest, code: str) -> HttpResponse:
    """The page of one way in: what will happen, every step, what IT can see."""
    context = doors.context(_door(code), request)
    return render(request, "enrollment/enroll.html", context)


@require_GET
@never_cache
def profile(request: HttpRequest, code: str) -> HttpResponse:
    """A fresh enrollment profile, for one device."""
    return hand_out(request, _door(code))


@require_GET
@never_cache
def status(request: HttpRequest, code: str) -> HttpResponse:
    """How far the attempt has come that was begun in this browser."""
    return tell(request, _door(code))


# --- By whichever door


def hand_out(request: HttpRequest, door: Door) -> HttpResponse:
    """Answer with a profile bound to who enrolls, or lead to what has to come first."""
    if door.way.is_account_driven:
        return redirect(door.page)  # its profile goes to devices alone
    user = doors.person(request)
    if door.is_locked(user):
        return redirect_to_login(door.page, resolve_url("account_login"))
    if refusal := limits.check(request, "enroll"):
        return refusal
    try:
        made = download.make(
            door.way, user=door.owner(user), invitation=door.invitation
        )
    except profiles.NotReady as problem:
        context = {"door": door, "problem": problem}
        return render(request, "enrollment/not_ready.html", context, status=503)
    response = download.respond(door.way, made)
    attempts.remember(response, made, door.page)
    return response


def tell(request: HttpRequest, door: Door) -> HttpResponse:
    """Answer with the line, as portal.js asks for it."""
    shown = doors.progress_at(door, request)
    return JsonResponse({doors.LIVE: doors.line(door, shown)})
