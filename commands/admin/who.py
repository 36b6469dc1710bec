"""Who: the devices, or users of Macs, that an address names to be told something."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import urlencode

from devices.admin import putting
from devices.admin.base import ids
from devices.models import Channel, Device, DeviceGroup, User

from .. import targets
from ..models import Order
from ..ordering import rights
from ..targets import Targets

MOST_IDS = 500
RIGHTS = (rights.ORDER, rights.SEE_DEVICES)
"""What it takes to order: to be allowed to, and to see the names of devices."""


# --- What an address can name


def _devices(request: HttpRequest, admin: Any, value: str) -> Targets:
    """Devices by id."""
    chosen = ids(value.split(","))[:MOST_IDS]
    devices = Device.objects.filter(pk__in=chosen)
    only = devices.first() if len(chosen) == 1 else None
    return Targets(devices, label=str(only) if only else "Devices of a list")


def _filtered(request: HttpRequest, admin: Any, value: str) -> Targets:
    """What the device list shows with these filters, all pages of it."""
    devices = admin.admin_site.get_model_admin(Device)
    known = {"": "All devices", "state=active": "All enrolled devices"}
    label = known.get(value, "Devices found by a search or filter")
    return Targets(putting.listed(request, devices), label=label)


def _channel(request: HttpRequest, admin: Any, value: str) -> Targets:
    """One channel: a device's own, or that of a user."""
    rows = Channel.objects.select_related("enrollment__device")
    channel = rows.filter(pk__in=ids([value])).first()
    if channel is None:
        raise Http404("no such channel")
    devices = Device.objects.filter(pk=channel.enrollment.device_id)
    return Targets(devices, channel, channel.user_name)


def _group(request: HttpRequest, admin: Any, value: str) -> Targets:
    """The devices that are in a group now."""
    group = get_object_or_404(DeviceGroup, pk__in=ids([value]))
    return Targets(Device.objects.filter(groups=group), label=f"Group {group}")


def _owner(request: HttpRequest, admin: Any, value: str) -> Targets:
    """The devices of a person."""
    person = get_object_or_404(User, pk__in=ids([value]))
    return Targets(Device.objects.filter(owner=person), label=f"Devices of {person}")


def _users(request: HttpRequest, admin: Any, value: str) -> Targets:
    """Managed users of Macs and Shared iPads, by id."""
    chosen = ids(value.split(","))[:MOST_IDS]
    users = Channel.objects.exclude(user_id="").filter(pk__in=chosen)
    return Targets.of_channels(users, "Managed users of a list")


def _found_users(request: HttpRequest, admin: Any, value: str) -> Targets:
    """What the list of managed users shows with these filters, all pages of it."""
    users = admin.admin_site.get_model_admin(Channel)
    label = "Managed users found by a search" if value else "All managed users"
    return Targets.of_channels(_listed(request, users, value), label)


def _listed(request: HttpRequest, model_admin: Any, query: str) -> QuerySet[Channel]:
    listing = copy.copy(request)
    listing.GET = QueryDict(query)
    try:
        found = model_admin.get_changelist_instance(listing).get_queryset(listing)
    except IncorrectLookupParameters as error:
        raise Http404("the list has no such filter") from error
    return Channel.objects.filter(pk__in=found.order_by().values("pk"))


def _draft(request: HttpRequest, admin: Any, value: str) -> Targets:
    """Those for whom somebody drafted an order that they now change."""
    return targets.of_order(draft_of(request, value))


SCOPES: Mapping[str, Callable[[HttpRequest, Any, str], Targets]] = {
    "draft": _draft,
    "channel": _channel,
    "ids": _devices,
    "group": _group,
    "owner": _owner,
    "users": _users,
    "userlist": _found_users,
    "list": _filtered,
}
"""The parameters that say who, each with what finds them; the first given counts."""


def draft_of(request: HttpRequest, value: str) -> Order:
    """Return the draft with this id; somebody else's is nobody's business."""
    drafts = Order.objects.filter(state=Order.State.DRAFT, ordered_by=request.user.pk)
    return get_object_or_404(drafts, pk__in=ids([value]))


def targets_of(request: HttpRequest, model_admin: Any) -> Targets | None:
    """Return whom the address names, None if it names nobody."""
    for name, find in SCOPES.items():
        if name in request.GET:
            return find(request, model_admin, request.GET[name])
    return None


def scope(request: HttpRequest) -> str:
    """Return the part of the address that says who, to hand on."""
    return urlencode({key: request.GET[key] for key in SCOPES if key in request.GET})


# --- The way back


def back(request: HttpRequest) -> tuple[str, str]:
    """Return where who was chosen, and what that is called."""
    for name, find in BACK.items():
        if name in request.GET:
            return find(request.GET[name])
    return _list("devices_device", "the devices")


def _list(name: str, title: str, query: str = "") -> tuple[str, str]:
    path = reverse(f"admin:{name}_changelist")
    return (f"{path}?{query}" if query else path), title


def _row(name: str, title: str) -> Callable[[str], tuple[str, str]]:
    def find(value: str) -> tuple[str, str]:
        found = ids([value])
        if not found:
            return _list("devices_device", "the devices")
        return reverse(f"admin:{name}_change", args=found), title

    return find


def _of_ids(value: str) -> tuple[str, str]:
    if len(ids(value.split(","))) == 1:
        return _row("devices_device", "the device")(value)
    return _list("devices_device", "the devices")


def _of_channel(value: str) -> tuple[str, str]:
    channel = Channel.objects.filter(pk__in=ids([value])).first()
    if channel is None or channel.user_id:
        return _row("devices_channel", "the user")(value)
    stay = channel.enrollment
    return _row("devices_device", "the device")(str(stay.device_id))


def _of_draft(value: str) -> tuple[str, str]:
    found = ids([value])
    if not found:
        return _list("commands_order", "the orders")
    return reverse("admin:commands_order_review", args=found), "the review"


BACK: Mapping[str, Callable[[str], tuple[str, str]]] = {
    "draft": _of_draft,
    "channel": _of_channel,
    "ids": _of_ids,
    "group": _row("devices_devicegroup", "the group"),
    "owner": _row("devices_user", "the person"),
    "users": lambda value: _list("devices_channel", "the managed users"),
    "userlist": lambda value: _list("devices_channel", "the managed users", value),
    "list": lambda value: _list("devices_device", "the devices", value),
}


def check(request: HttpRequest) -> None:
    """Refuse who may not order anything."""
    if not request.user.has_perms(RIGHTS):
        raise PermissionDenied
