"""Devices and groups."""

from typing import Any

from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from devices import putting
from devices.admin.search import search
from devices.models import Device, DeviceGroup, Enrollment

from ..filtering import Id, PageQuery
from ..serializers.devices import (
    STAYS,
    DeviceDetail,
    DeviceSerializer,
    GroupSerializer,
)
from .base import ListView, RowView

VIEW_DEVICE = "devices.view_device"
LEFT = "left"
STATES = (*Enrollment.State.values, LEFT)


class DeviceQuery(PageQuery):
    serial_number = serializers.CharField(required=False)
    udid = serializers.CharField(required=False, help_text="UDID or EnrollmentID.")
    platform = serializers.ChoiceField(Device.Platform.values, required=False)
    state = serializers.ChoiceField(
        STATES, required=False, help_text="left: neither enrolled nor enrolling."
    )
    group = Id(required=False)
    owner = serializers.CharField(required=False, help_text="A user name.")
    search = serializers.CharField(
        required=False, help_text="As on the page: name, serial, IMEI, MAC, person, …"
    )


@extend_schema(tags=["devices"], parameters=[DeviceQuery])
class Devices(ListView):
    """The devices, also those that left."""

    rights = (VIEW_DEVICE,)
    query = DeviceQuery
    serializer_class = DeviceSerializer

    def rows(self) -> QuerySet[Device]:
        return Device.objects.select_related("owner").prefetch_related(*STAYS)

    def by_serial_number(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(serial_number=value)

    def by_udid(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(Q(udid=value) | Q(enrollment_id=value))

    def by_platform(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(platform=value)

    def by_state(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Ended is who has a stay that ended; left, as on the page, who has none."""
        if value == LEFT:
            living = (Enrollment.State.ACTIVE, Enrollment.State.PENDING)
            stays = Enrollment.objects.filter(state__in=living)
            return rows.exclude(pk__in=stays.values("device"))
        stays = Enrollment.objects.filter(state=value)
        return rows.filter(pk__in=stays.values("device"))

    def by_group(self, rows: QuerySet[Any], value: int) -> QuerySet[Any]:
        joined = putting.rows(DeviceGroup(pk=value))
        return rows.filter(pk__in=joined.values("device"))

    def by_owner(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(owner__username=value)

    def by_search(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return search(rows, value)


@extend_schema(tags=["devices"])
class OneDevice(RowView):
    """All that is known of one device, in columns; its stay, and its channels."""

    rights = (VIEW_DEVICE,)
    serializer_class = DeviceDetail
    queryset = Device.objects.select_related("owner").prefetch_related(
        *STAYS, "groups", "tags"
    )


@extend_schema(tags=["devices"], parameters=[PageQuery])
class Groups(ListView):
    """The device groups; which devices are in one: /devices?group=ID."""

    rights = ("devices.view_devicegroup",)
    serializer_class = GroupSerializer

    def rows(self) -> QuerySet[DeviceGroup]:
        return DeviceGroup.objects.all()
