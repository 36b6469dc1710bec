"""Enrollment: what staff does about a stay: approve, reject, ask to sign in."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from apns.tasks import ask_for_push
from commands import queue
from devices.admin.enrollment import EnrollmentList
from devices.models import AuditEntry, Device, Enrollment

from .. import arrivals

MAY = "devices.change_enrollment"


@transaction.atomic
def sign_out(stay: Enrollment, by: Any) -> None:
    """Have the device's person sign in again, now: it is woken to be told so."""
    stay.sign_out()
    queue.waken(stay.channels.values_list("pk", flat=True))
    ask_for_push()
    AuditEntry.write(by, "asked to sign in again", stay.device)


APPROVED = "Approved: the device is managed by this enrollment now."
REJECTED = "Rejected: the device is told to remove its profile when it next connects."
SIGNED_OUT = "The device asks its person to sign in again. What waits for it is kept."
ACTIONS: dict[str, tuple[Callable[[Enrollment, Any], None], str]] = {
    "approve": (arrivals.approve, APPROVED),
    "reject": (arrivals.reject, REJECTED),
    "sign-out": (sign_out, SIGNED_OUT),
}


@require_POST
def act(
    request: HttpRequest, model_admin: "EnrollmentAdmin", pk: int, action: str
) -> HttpResponse:
    """Do one of ACTIONS to a stay."""
    if not request.user.has_perm(MAY):
        raise PermissionDenied
    stay = get_object_or_404(Enrollment.objects.select_related("device"), pk=pk)
    if action not in possible(stay):
        messages.error(request, "The enrollment is not in that state any more.")
    else:
        do, words = ACTIONS[action]
        do(stay, request.user)
        messages.success(request, words)
    return redirect("admin:devices_enrollment_change", pk)


def possible(stay: Enrollment) -> list[str]:
    """Return which of ACTIONS make sense for a stay."""
    if stay.state == Enrollment.State.HELD:
        return ["approve", "reject"]
    served = stay.state == Enrollment.State.ACTIVE and stay.is_account_driven
    return ["sign-out"] if served else []


@admin.register(Enrollment)
class EnrollmentAdmin(EnrollmentList):
    change_form_outer_before_template = "enrollment/review.html"
    custom_urls = (("<int:pk>/act/<slug:action>/", "devices_enrollment_act", act),)

    def details(self, request: HttpRequest, stay: Enrollment) -> dict[str, Any]:
        others = stay.device.enrollments.filter(state=Enrollment.State.ACTIVE)
        return {
            "stay": stay,
            "possible": possible(stay) if request.user.has_perm(MAY) else [],
            "active": others.exclude(pk=stay.pk).select_related("owner").first(),
            "device_owner": _owner(stay.device),
        }


def _owner(device: Device) -> str:
    return str(device.owner) if device.owner else "nobody"
