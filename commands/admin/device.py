"""Device: the list with what can be ordered, and the page of one device."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from apns.tasks import ask_for_push
from devices.admin import putting
from devices.admin.details_form import DetailsForm
from devices.admin.device import DeviceList
from devices.models import AuditEntry, Channel, Device, Enrollment, Identity
from devices.signals import owner_assigned

from .. import device_page, queue
from ..models import Delivery
from . import asking, escrow, guided, importing


def _device_channel(device: Device) -> Channel | None:
    rows = Channel.objects.select_related("enrollment__device")
    return rows.filter(
        enrollment__device=device,
        enrollment__state=Enrollment.State.ACTIVE,
        user_id="",
    ).first()


@require_POST
def ask(request: HttpRequest, model_admin: "DeviceAdmin", pk: int) -> HttpResponse:
    """Ask the device again for all that the inventory holds, or for one list of it."""
    channel = model_admin.channel_to_order(request, pk)
    if channel:
        asking.ask(request, channel)
    return asking.back(request, reverse("admin:devices_device_change", args=[pk]))


@require_POST
def push(request: HttpRequest, model_admin: "DeviceAdmin", pk: int) -> HttpResponse:
    """Push at once, without anything to do: the device connects and says it is idle."""
    channel = model_admin.channel_to_order(request, pk)
    if channel and channel.can_be_pushed:
        with transaction.atomic():
            queue.waken([channel.pk])
            ask_for_push()
        text = "Push asked for. Apple's answer appears under “How it can be reached”."
        messages.success(request, text)
    elif channel:
        messages.error(request, device_page.push_trouble(channel))
    return redirect("admin:devices_device_change", pk)


@admin.register(Device)
class DeviceAdmin(DeviceList):
    details_template = "devices/device/page.html"
    change_form_show_cancel_button = False  # its own leads to the device's page
    form = DetailsForm
    actions = ("send", guided.choose, *putting.ACTIONS)
    autocomplete_fields = ("owner", "tags")
    custom_urls = (
        ("<int:pk>/ask/", "devices_device_ask", ask),
        ("<int:pk>/push/", "devices_device_push", push),
        ("import/", "devices_device_import", importing.import_csv),
        ("<int:pk>/escrow/", "devices_device_escrow", escrow.escrow),
        ("<int:pk>/rotate/<int:secret>/", "devices_device_rotate", escrow.rotate),
        ("put/<slug:name>/", "devices_device_put", putting.put),
        *guided.URLS,
    )

    def buttons(self, request: HttpRequest) -> list[tuple[str, str]]:
        found = super().buttons(request)
        if not self.has_change_permission(request):
            return found
        return [*found, (reverse("admin:devices_device_import"), "Import CSV")]

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Device | None:
        """Return the device without what only the list's columns need."""
        try:
            return Device.objects.select_related("owner").get(pk=object_id)
        except (Device.DoesNotExist, ValueError):
            return None

    def has_order_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("commands.add_command")

    def has_group_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(putting.GROUP)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Who may not change groups does not put a device into one, either."""
        groups = ("by_hand",) if self.has_group_permission(request) else ()
        return ("owner", "asset_tag", "tags", *groups)

    def channel_to_order(self, request: HttpRequest, pk: int) -> Channel | None:
        """Return the device's channel for who may order; say if there is none."""
        if not self.has_order_permission(request):
            raise PermissionDenied
        channel = _device_channel(get_object_or_404(Device, pk=pk))
        if channel is None:
            messages.error(request, "The device is not enrolled: it cannot be reached.")
        return channel

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """One device at a time is deleted, with its name before one's eyes."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    @admin.action(description="Send a command…", permissions=["order"])
    def send(self, request: HttpRequest, queryset: QuerySet[Device]) -> HttpResponse:
        who = putting.who(request, queryset)
        return redirect(f"{reverse('admin:commands_command_order')}?{who}")

    def get_urls(self) -> list[Any]:
        """The page stands at the row's own address, the form for details below it."""
        from django.urls import path

        owner = self.admin_site.admin_view(self.owner_view)
        name = "devices_device_owner"
        return [path("<path:object_id>/owner/", owner, name=name), *super().get_urls()]

    def owner_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Change what people say of a device, not it: its owner, tags and groups."""
        context = {
            "title": "Details",
            "show_save_and_continue": False,
            "show_delete": False,
        }
        form: HttpResponse = self.changeform_view(request, object_id, "", context)
        return form

    def response_post_save_change(
        self, request: HttpRequest, obj: Device
    ) -> HttpResponse:
        return redirect(obj.get_absolute_url())

    def save_model(
        self, request: HttpRequest, obj: Device, form: Any, change: bool
    ) -> None:
        """Write down who changed what; the owner is a matter of its own."""
        obj.save(update_fields=["owner", "asset_tag"])
        Device.regroup([obj.pk])
        others = sorted(set(form.changed_data) - {"owner"})
        if others:
            fields = ", ".join(str(form.fields[name].label) for name in others)
            AuditEntry.write(request.user, "details changed", obj, fields=fields)
        if "owner" in form.changed_data:
            owner = str(obj.owner) if obj.owner else None
            AuditEntry.write(request.user, "owner assigned", obj, owner=owner)
        if obj.owner:
            owner_assigned.send(Device, owner=obj.owner)

    def details(self, request: HttpRequest, device: Device) -> dict[str, Any]:
        return {
            "title": str(device),
            "may_change": self.has_change_permission(request, device),
            "may_delete": self.has_delete_permission(request, device),
            **guided.banner(device),
            **device_page.context(device, request.user, request.GET),
        }

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Say how much goes with a device, not each row: there can be thousands.

        Its rows are read-only by themselves; who may delete the device deletes them.
        """
        devices = Device.objects.filter(pk__in=[device.pk for device in objs])
        stays = Enrollment.objects.filter(device__in=devices)
        deliveries = Delivery.objects.filter(channel__enrollment__in=stays)
        counts = {
            "devices": devices.count(),
            "enrollments": stays.count(),
            "identities": Identity.objects.filter(enrollment__in=stays).count(),
            "deliveries with their answers": deliveries.count(),
        }
        return [str(device) for device in devices], counts, set(), []

    def delete_model(self, request: HttpRequest, obj: Device) -> None:
        label = f"{obj} {obj.serial_number}".strip()
        super().delete_model(request, obj)
        AuditEntry.write(request.user, "device deleted", label)
