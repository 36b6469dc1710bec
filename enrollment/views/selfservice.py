"""Self-service: where a person begins, and the devices they own."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from commands import checking, orders
from devices.models import User

from ..models import EnrollmentProfile
from ..selfservice import agent, doors, guides, own_devices, owner_forms
from ..selfservice.agent import Agent
from ..selfservice.own_devices import Action, Own

Kind = EnrollmentProfile.Kind
WORDS = {
    Kind.BYOD: (
        "person",
        "My own {device}",
        "Work comes in beside what is yours, which stays private.",
    ),
    Kind.ADDE: (
        "apartment",
        "A device of {organization}",
        "You sign in with your work account, in Settings.",
    ),
    Kind.PROFILE: (
        "apartment",
        "A device of {organization}",
        "You install a profile from a page.",
    ),
    Kind.OTA: (
        "apartment",
        "A device of {organization}",
        "You install a profile from a page.",
    ),
}
"""Icon, title and a line on each kind, in the person's words."""


@require_safe
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """The ways in that are open to everybody who signs in, and one's devices."""
    user = doors.person(request)
    if user is None:
        return render(request, "enrollment/welcome.html")
    seen = agent.read(request.headers.get("user-agent", ""))
    context = {"ways": _cards(seen), "agent": seen, "devices": own_devices.of(user)}
    return render(request, "enrollment/self_service.html", context)


def _cards(seen: Agent) -> list[dict[str, Any]]:
    """Return the listed ways, those that this very device can take first."""
    ways = EnrollmentProfile.objects.filter(is_listed=True, is_enabled=True)
    fitting = [(way, _fits(way, seen)) for way in ways.order_by("name", "pk")]
    fitting.sort(key=lambda pair: (not pair[1], ORDER.index(Kind(pair[0].kind))))
    words = {
        "device": seen.family or "iPhone, iPad or Mac",
        "organization": settings.ORGANIZATION,
    }
    return [
        {
            "way": way,
            "icon": WORDS[Kind(way.kind)][0],
            "title": WORDS[Kind(way.kind)][1].format(**words),
            "line": way.description or WORDS[Kind(way.kind)][2],
            "recommended": fits and index == 0 and len(fitting) > 1,
        }
        for index, (way, fits) in enumerate(fitting)
    ]


ORDER = (Kind.BYOD, Kind.ADDE, Kind.PROFILE, Kind.OTA)
"""What is recommended first: the least that IT needs."""


def _fits(way: EnrollmentProfile, seen: Agent) -> bool:
    """Whether this device can enroll by the way, as far as it tells."""
    return bool(guides.minimum(way, seen.family)) and not guides.too_old(way, seen)


# --- My devices


@require_safe
@never_cache
@login_required
def devices(request: HttpRequest) -> HttpResponse:
    """The person's own devices."""
    context = {"devices": own_devices.of(_user(request))}
    return render(request, "enrollment/my_devices.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def act(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """What an action does, asked on a page of its own; then it is ordered."""
    user = _user(request)
    own, action = own_devices.one(user, pk), own_devices.ACTIONS.get(name)
    if own is None or action is None:
        raise Http404
    if not action.offered(own):
        messages.error(request, f"{action.title} cannot be used on {own.device} now.")
        return redirect("my-devices")
    data = request.POST if request.method == "POST" else None
    form = owner_forms.form_of(action, own)(data)
    if form.is_valid():
        _order(request, own, action, form.cleaned_data, user)
        return redirect("my-devices")
    return _ask(request, own, action, form)


def _order(
    request: HttpRequest, own: Own, action: Action, keys: dict[str, Any], user: User
) -> None:
    try:
        own_devices.order(own, action, keys, user)
    except (orders.Refused, checking.Invalid) as problem:
        messages.error(
            request, f"{own.device}: {action.title} was not sent, {problem}."
        )
        return
    words = "was sent. It happens as soon as the device can be reached."
    messages.success(request, f"{own.device}: {action.title} {words}")


def _ask(
    request: HttpRequest, own: Own, action: Action, form: forms.Form
) -> HttpResponse:
    context = {
        "own": own,
        "action": action,
        "form": form,
        "told": owner_forms.consequences(action, own),
    }
    return render(request, "enrollment/my_device_action.html", context)


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
