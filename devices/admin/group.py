"""DeviceGroup: devices that belong together."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from ..models import DeviceGroup
from .base import Admin


@admin.register(DeviceGroup)
class DeviceGroupAdmin(Admin):
    list_display = ("name", "description", "count")
    search_fields = ("name", "description")
    fields = ("name", "description", "devices")
    autocomplete_fields = ("devices",)
    empty = (
        "workspaces",
        "There is no group of devices yet",
        "Devices that belong together, such as those of one department. They join by "
        "hand, by the way in they enroll by, or by a group their owner is in.",
    )
    empty_button = ("admin:devices_devicegroup_add", "Add a group")

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeviceGroup]:
        rows: QuerySet[DeviceGroup] = super().get_queryset(request)
        return rows.annotate(count=Count("devices"))

    @admin.display(description="devices", ordering="count")
    def count(self, group: Any) -> int:
        return int(group.count)
