"""Ordering: choose who, choose what, fill in, confirm, send."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from devices.admin import putting
from devices.admin.base import ids
from devices.models import Channel, Device, Enrollment
from mdmportal import catalogue

from .. import checking, destructive, filled, inventory, orders, words
from ..forms import OrderForm
from ..targets import Preview, Refused, Targets

MOST_IDS = 500
SCOPE = ("ids", "channel", "list")
"""Parameters that say who: devices, one channel, or the device list's own filters."""


def targets_of(request: HttpRequest, model_admin: Any) -> Targets | None:
    """Return the devices that the address names, None if it names none."""
    if "channel" in request.GET:
        return _one_channel(request.GET["channel"])
    if "ids" in request.GET:
        chosen = ids(request.GET["ids"].split(","))[:MOST_IDS]
        return Targets(Device.objects.filter(pk__in=chosen))
    if "list" in request.GET:
        return _filtered(request, model_admin)
    return None


def _one_channel(pk: str) -> Targets:
    rows = Channel.objects.select_related("enrollment__device")
    channel = rows.filter(pk__in=ids([pk])).first()
    if channel is None:
        raise Http404("no such channel")
    devices = Device.objects.filter(pk=channel.enrollment.device_id)
    return Targets(devices, channel, channel.user_name)


def _filtered(request: HttpRequest, model_admin: Any) -> Targets:
    """Return what the device list shows with these filters, all pages of it."""
    devices = model_admin.admin_site.get_model_admin(Device)
    return Targets(putting.listed(request, devices))


def scope(request: HttpRequest) -> str:
    """Return the part of the address that says who, to hand on."""
    return urlencode({key: request.GET[key] for key in SCOPE if key in request.GET})


def _check(request: HttpRequest, request_type: str = "") -> None:
    """Who orders sees the names of devices, so must be allowed both."""
    if not request.user.has_perms(("commands.add_command", "devices.view_device")):
        raise PermissionDenied
    if request_type and destructive.refusal(request.user, request_type):
        raise PermissionDenied


# --- Choosing


@dataclass(frozen=True)
class Entry:
    """A command in the chooser: where it leads, and whether these devices take it."""

    request_type: str
    summary: str
    url: str
    refused: str
    destructive: bool


def choose(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Show who can be told, then what they can be told."""
    _check(request)
    targets = targets_of(request, model_admin)
    if targets is None:
        enrolled = Enrollment.objects.filter(state=Enrollment.State.ACTIVE).count()
        context = {"title": "Send a command", "enrolled": enrolled}
        return model_admin.page(request, "commands/who.html", **context)  # type: ignore[no-any-return]
    return model_admin.page(  # type: ignore[no-any-return]
        request,
        "commands/choose.html",
        title="Send a command",
        targets=targets,
        groups=_groups(request, targets),
    )


def _groups(request: HttpRequest, targets: Targets) -> Mapping[str, list[Entry]]:
    groups: dict[str, list[Entry]] = {name: [] for name in (*words.GROUPS, words.OTHER)}
    for request_type in catalogue.commands():
        entry = _entry(request, targets, request_type)
        groups[words.group_of(request_type)].append(entry)
    return {name: entries for name, entries in groups.items() if entries}


def _entry(request: HttpRequest, targets: Targets, request_type: str) -> Entry:
    refused = destructive.refusal(request.user, request_type)
    refused = refused or _in_words(targets.refusals(request_type), targets.count)
    path = reverse("admin:commands_command_order_form", args=[request_type])
    return Entry(
        request_type=request_type,
        summary=words.summary(request_type),
        url=f"{path}?{scope(request)}",
        refused=refused,
        destructive=destructive.is_destructive(request_type),
    )


def _in_words(refusals: Counter[str], count: int) -> str:
    """Return why none of the devices takes the command; '' if one does."""
    if refusals.total() < count or not count:
        return ""
    return "; ".join(reason for reason, _ in refusals.most_common(2))


# --- Filling in and sending


def fill(request: HttpRequest, model_admin: Any, request_type: str) -> HttpResponse:
    """Show the form of a command, and place the order once it is right."""
    command = catalogue.commands().get(request_type)
    if command is None:
        raise Http404("no such command")
    _check(request, request_type)
    targets = targets_of(request, model_admin)
    if targets is None:
        return redirect("admin:commands_command_order")
    preview = _preview(targets, request_type)
    form = OrderForm(
        command,
        request.POST if request.method == "POST" else None,
        request.FILES if request.method == "POST" else None,
        confirm=_confirmation(targets, request_type, preview),
        filled=filled.names(request_type),
        optional=filled.optional(request_type),
        initial=_initial(targets, request_type),
    )
    if request.method == "POST" and preview.able and form.is_valid():
        done = _place(request, form, targets)
        if done:
            return done
    return model_admin.page(  # type: ignore[no-any-return]
        request,
        "commands/fill.html",
        title=words.title(request_type),
        request_type=request_type,
        summary=words.summary(request_type),
        destructive=destructive.is_destructive(request_type),
        consequence=words.consequence(request_type),
        targets=targets,
        preview=preview,
        form=form,
        filled=", ".join(filled.names(request_type)),
        back=f"{reverse('admin:commands_command_order')}?{scope(request)}",
    )


def _preview(targets: Targets, request_type: str) -> Preview:
    preview = targets.preview(request_type)
    channel = targets.channels.first() if targets.single and preview.able else None
    lacking = filled.missing(channel, request_type) if channel else ""
    if lacking:
        return Preview(0, (Refused(lacking, 1, (str(targets.single),)),))
    return preview


def _confirmation(targets: Targets, request_type: str, preview: Preview) -> str:
    """Return what must be typed: the device's name, or how many devices it is."""
    if not destructive.is_destructive(request_type):
        return ""
    return str(targets.single) if targets.single else str(preview.able)


def _initial(targets: Targets, request_type: str) -> dict[str, str]:
    """Fill in what all of the devices can be asked for, where that is the command."""
    if request_type != "DeviceInformation" or not targets.kinds:
        return {}
    queries = [inventory.information_queries(kind.target) for kind in targets.kinds]
    common = set.intersection(*map(set, queries))
    return {"key_Queries": "\n".join(name for name in queries[0] if name in common)}


def _place(
    request: HttpRequest, form: OrderForm, targets: Targets
) -> HttpResponse | None:
    """Place the order and return where to go; None with the form's errors if wrong."""
    request_type = form.command.request_type
    channels = targets.channels.select_related("enrollment__device").order_by("pk")
    try:
        order = orders.place(
            channels.iterator(chunk_size=1000),
            request_type,
            form.keys,
            by=request.user,
            note=form.cleaned_data["note"],
            expires_at=form.expires_at,
        )
    except checking.Invalid as problem:
        form.add_error(None, str(problem))
        return None
    _tell(request, request_type, order)
    if len(order.commands) == 1:
        return redirect("admin:commands_command_change", order.commands[0].pk)
    path = reverse("admin:commands_delivery_changelist")
    return redirect(f"{path}?{urlencode({'type': request_type})}")


def _tell(request: HttpRequest, request_type: str, order: orders.Placed) -> None:
    if order.queued:
        plural = "" if order.queued == 1 else "s"
        text = f"{request_type} is queued for {order.queued} device{plural}."
        messages.success(request, text)
    reasons = Counter(reason for _, reason in order.refused)
    for reason, count in reasons.most_common():
        messages.warning(request, f"{count} could not take it: {reason}.")
