"""Escrow: what the page of a Mac offers to do about its secrets."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from devices.models import Secret

from .. import destructive
from ..escrow import filevault, rotation


@require_POST
def escrow(request: HttpRequest, model_admin: Any, pk: int) -> HttpResponse:
    """Order the profile by which a Mac hands over its FileVault key."""
    channel = model_admin.channel_to_order(request, pk)
    if channel:
        refused = filevault.install(channel, by=request.user)
        if refused:
            messages.error(request, f"Nothing was ordered: {refused}.")
        else:
            text = "Ordered: the profile, and then SecurityInfo, which brings the key."
            messages.success(request, text)
    return _back(pk)


@require_POST
def rotate(
    request: HttpRequest, model_admin: Any, pk: int, secret: int
) -> HttpResponse:
    """Have a secret replaced at once."""
    may = request.user.has_perm(destructive.PERMISSION)
    if not may or not model_admin.has_order_permission(request):
        raise PermissionDenied
    found = get_object_or_404(Secret.objects.defer("value"), pk=secret, device=pk)
    refused = rotation.rotate(found.pk, by=request.user)
    if refused:
        messages.error(request, f"It is not replaced: {refused}")
    else:
        text = "Ordered: the new one is in force when the device confirms it."
        messages.success(request, text)
    return _back(pk)


def _back(pk: int) -> HttpResponse:
    return redirect(f"{reverse('admin:devices_device_change', args=[pk])}?tab=secrets")
