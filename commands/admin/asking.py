"""Asking: the buttons that have a device, or a user of it, say again what it is."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import urlencode

from devices.models import AuditEntry, Channel

from .. import inventory, orders, words
from ..device_page.told import ASKABLE

ASKED = "Asked: the answers appear as they come."


def ask(request: HttpRequest, channel: Channel) -> None:
    """Ask for the list that the form names, or for everything."""
    request_type = request.POST.get("request_type", "")
    if request_type in ASKABLE and request_type != "DeviceInformation":
        _ask_one(request, channel, request_type)
        return
    inventory.ask(channel)
    about = f" of {channel.user_name}" if channel.user_id else ""
    device = channel.enrollment.device
    AuditEntry.write(request.user, f"inventory asked{about}"[:64], device)
    messages.success(request, ASKED)


def _ask_one(request: HttpRequest, channel: Channel, request_type: str) -> None:
    keys = inventory.KEYS.get(request_type)
    order = orders.place([channel], request_type, keys, by=request.user)
    for _, reason in order.refused:
        what = words.asked_for(request_type).capitalize()
        messages.error(request, f"{what} cannot be asked for: {reason}.")
    if order.queued:
        messages.success(request, ASKED)


def back(request: HttpRequest, url: str) -> HttpResponse:
    """Return to the tab that the button stood on."""
    tab = request.POST.get("tab", "")
    return redirect(f"{url}?{urlencode({'tab': tab})}" if tab else url)
