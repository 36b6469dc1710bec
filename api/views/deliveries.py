"""Deliveries: what each channel was told, and what it answered."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from commands.models import Command, Delivery, State
from devices.models import Channel

from ..filtering import Id, PageQuery
from ..serializers.deliveries import DeliveryDetail, DeliverySerializer
from .base import ListView, RowView

RIGHTS = ("commands.view_delivery",)


class DeliveryQuery(PageQuery):
    order = Id(required=False)
    device = Id(required=False)
    state = serializers.ChoiceField(State.values, required=False)
    request_type = serializers.CharField(required=False)


@extend_schema(tags=["deliveries"], parameters=[DeliveryQuery])
class Deliveries(ListView):
    """One channel's copy of a command each, newest first."""

    rights = RIGHTS
    query = DeliveryQuery
    serializer_class = DeliverySerializer
    newest_first = True

    def rows(self) -> QuerySet[Delivery]:
        """The keys are sealed, and not told here."""
        rows = Delivery.objects.select_related("command", "channel__enrollment__device")
        return rows.defer("command__keys_plist")

    def by_order(self, rows: QuerySet[Any], value: int) -> QuerySet[Any]:
        return rows.filter(command__in=Command.objects.filter(order=value).values("pk"))

    def by_device(self, rows: QuerySet[Any], value: int) -> QuerySet[Any]:
        """A device has few channels, in whose index its deliveries are found."""
        channels = Channel.objects.filter(enrollment__device=value)
        return rows.filter(channel__in=list(channels.values_list("pk", flat=True)))

    def by_state(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(state=value)

    def by_request_type(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(command__request_type=value)


@extend_schema(tags=["deliveries"])
class OneDelivery(RowView):
    """A delivery, with what was sent and what the device answered; secrets hidden."""

    rights = RIGHTS
    serializer_class = DeliveryDetail
    queryset = Delivery.objects.select_related(
        "command", "channel__enrollment__device", "result"
    )
