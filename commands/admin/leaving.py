"""Leaving: all devices of a person who leaves, and what to do about each."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.safestring import SafeString

from devices.admin.enrollment import state_badge
from devices.admin.user import UserAdmin
from devices.models import User

from ..guided import acting, facts, plan
from ..guided.facts import Facts
from ..guided.plan import Plan
from ..guided.workflows import LEAVING
from ..models import Case
from ..ordering.rights import ORDER
from .guided import check

MOST_DEVICES = 50
"""Devices of a person that are shown with their plans."""


@dataclass(frozen=True)
class Theirs:
    """One of a person's devices, and what is to be done about it."""

    plan: Plan
    case: Case | None
    """The one that is open, whatever its kind."""
    state: SafeString

    @property
    def is_leaving(self) -> bool:
        return self.case is not None and self.case.kind == LEAVING.name


def leaving(request: HttpRequest, model_admin: Any, pk: int) -> HttpResponse:
    """Show what to do about each device of somebody who leaves; begin with all."""
    check(request, "devices.view_user")
    person = get_object_or_404(User, pk=pk)
    theirs = _theirs(request, person)
    if request.method == "POST":
        check(request, ORDER)
        begun = [one for one in theirs if one.case is None]
        note = f"{person} leaves"
        for one in begun:
            acting.begin(one.plan.facts.device, LEAVING, by=request.user, note=note)
        plural = "" if len(begun) == 1 else "s"
        messages.success(request, f"{len(begun)} case{plural} opened.")
        return redirect("admin:devices_user_leaving", pk)
    return model_admin.page(  # type: ignore[no-any-return]
        request,
        "commands/guided/leaving.html",
        object=person,
        title=f"{person} leaves",
        theirs=theirs,
        count=person.devices.count(),
        to_begin=sum(one.case is None for one in theirs),
        may_act=request.user.has_perm(ORDER),
    )


def _theirs(request: HttpRequest, person: User) -> list[Theirs]:
    """Return the devices, those that are led through for another reason, too."""
    rows = person.devices.select_related("owner").order_by("name", "pk")
    devices = list(rows[:MOST_DEVICES])
    cases = Case.objects.filter(device__in=devices, closed_at=None)
    by_device = {case.device_id: case for case in cases}
    leaving = [one for one in by_device.values() if one.kind == LEAVING.name]
    gathered: list[Facts] = facts.gather(devices, leaving)
    return [
        Theirs(
            plan.make(LEAVING, its, request.user, whole=False),
            by_device.get(its.device.pk),
            state_badge(its.stay),
        )
        for its in gathered
    ]


admin.site.unregister(User)


@admin.register(User)
class PersonAdmin(UserAdmin):
    custom_urls = (  # type: ignore[assignment]
        *UserAdmin.custom_urls,
        ("<int:pk>/leaving/", "devices_user_leaving", leaving),
    )
