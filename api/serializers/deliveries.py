"""Deliveries as JSON: one channel's copy of a command, and what came of it."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from commands import answers
from commands.models import Delivery
from devices.models.inventory import to_json
from mdmportal.protocol import ProtocolError, plist

from .orders import DeviceInBrief


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    command_uuid = serializers.CharField(source="uuid", read_only=True)
    request_type = serializers.CharField(source="command.request_type", read_only=True)
    order = serializers.IntegerField(
        source="command.order_id", read_only=True, allow_null=True
    )
    device = DeviceInBrief(source="channel.enrollment.device", read_only=True)
    user_id = serializers.CharField(source="channel.user_id", read_only=True)
    error = serializers.CharField(
        read_only=True, help_text="What the device said went wrong; '' if nothing."
    )
    error_chain = serializers.JSONField(read_only=True)

    class Meta:
        model = Delivery
        fields: tuple[str, ...] = (
            *("id", "command_uuid", "request_type", "order", "device", "channel"),
            *("user_id", "state", "priority", "queued_at", "sent_at", "settled_at"),
            *("expires_at", "attempts", "postponements", "error", "error_chain"),
        )


class DeliveryDetail(DeliverySerializer):
    """With the device's answer, in which secrets are hidden."""

    keys = serializers.SerializerMethodField()
    answer = serializers.SerializerMethodField()
    answered_at = serializers.SerializerMethodField()

    class Meta(DeliverySerializer.Meta):
        fields = (*DeliverySerializer.Meta.fields, "keys", "answer", "answered_at")

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_keys(self, delivery: Delivery) -> Any:
        return answers.hide(to_json(delivery.command.keys))

    @extend_schema_field({"type": "object", "nullable": True})
    def get_answer(self, delivery: Delivery) -> Any:
        result = getattr(delivery, "result", None)
        if result is None:
            return None
        try:
            return answers.hide(to_json(plist.loads(bytes(result.body))))
        except ProtocolError as error:
            return {"unreadable": str(error)}

    @extend_schema_field({"type": "string", "format": "date-time", "nullable": True})
    def get_answered_at(self, delivery: Delivery) -> str | None:
        result = getattr(delivery, "result", None)
        if result is None:
            return None
        field = serializers.DateTimeField()
        return field.to_representation(result.received_at)
