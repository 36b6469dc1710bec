"""Orders as JSON: what is asked for, and what became of it."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from commands import answers, words
from commands.models import Order, Recipient
from commands.ordering.drafting import LONGEST_SPREAD
from devices.models import Device
from devices.models.inventory import to_json

from ..filtering import Id

MOST_NAMED = 1000
"""Devices or channels that one order names; more of them are a group."""


class Strict(serializers.Serializer[Any]):
    """Refuses what it does not know: misspelt, a limit would be lost without a word."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            known = ", ".join(self.fields)
            wrong = {
                str(name): [f"This is not known here: {known} are."]
                for name in data
                if name not in self.fields
            }
            if wrong:
                raise serializers.ValidationError(wrong)
        return super().to_internal_value(data)


@extend_schema_field(
    {"oneOf": [{"type": "integer"}, {"type": "string", "minLength": 1}]}
)
class DeviceName(serializers.Field[Any, Any, Any, Any]):
    """A number is an id; text is a serial number, a UDID or an EnrollmentID. So a
    serial number that is all digits names no other device."""

    default_error_messages = {
        "wrong": "Write an id as a number; a serial number, UDID or EnrollmentID as "
        "text."
    }

    def to_internal_value(self, data: Any) -> int | str:
        if isinstance(data, bool) or not isinstance(data, int | str):
            self.fail("wrong")
        if isinstance(data, int):
            return Id().run_validation(data)  # type: ignore[no-any-return]
        return str(serializers.CharField(max_length=255).run_validation(data))


class To(Strict):
    """To whom, in exactly one way."""

    devices = serializers.ListField(
        child=DeviceName(), required=False, allow_empty=False, max_length=MOST_NAMED
    )
    group = Id(required=False, help_text="The devices in this group now.")
    all = serializers.BooleanField(required=False, help_text="All devices: true.")
    channels = serializers.ListField(
        child=Id(),
        required=False,
        allow_empty=False,
        max_length=MOST_NAMED,
        help_text="Users of Macs and Shared iPads, by the id of their channel.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1 or attrs.get("all") is False:
            raise serializers.ValidationError(
                "Say exactly one of devices, group, all (true) and channels."
            )
        return attrs


class Window(Strict):
    """Hours of the day in which it is sent, by the clock of each device."""

    days = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=6),
        allow_empty=False,
        max_length=7,
        help_text="0 is Monday; the day on which it begins.",
    )
    until = serializers.TimeField(help_text="05:00; may be on the next day.")

    def get_fields(self) -> dict[str, Any]:
        """``from`` is a word of Python."""
        first = serializers.TimeField(help_text="22:00")
        return {**super().get_fields(), "from": first}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        clocks = {name: f"{attrs[name]:%H:%M}" for name in ("from", "until")}
        if clocks["from"] == clocks["until"]:
            raise serializers.ValidationError({"until": "It ends when it begins."})
        return {"days": sorted(set(attrs["days"])), **clocks}


class Sure(Strict):
    """What lets an order go."""

    dry_run = serializers.BooleanField(
        default=False, help_text="Say only what would become of it."
    )
    confirm = serializers.CharField(
        required=False,
        max_length=255,
        help_text="For what destroys: the name of the device or the number of devices, "
        "as the refusal without it, and dry_run, say.",
    )


class NewOrder(Sure):
    request_type = serializers.CharField(required=False, max_length=64)
    keys = serializers.DictField(
        required=False,
        help_text="As /commands/REQUESTTYPE/ describes them: data as base64, dates as "
        "ISO 8601.",
    )
    plist = serializers.CharField(
        required=False,
        help_text="Instead of both: a command of your own, a property list as base64. "
        "Sent as it is; it takes the right to order custom commands.",
    )
    to = To()
    note = serializers.CharField(required=False, max_length=255, allow_blank=True)
    priority = serializers.IntegerField(
        required=False, min_value=-99, max_value=999, help_text="Higher comes first."
    )
    starts_at = serializers.DateTimeField(required=False)
    expires_at = serializers.DateTimeField(required=False)
    window = Window(required=False)
    spread = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=LONGEST_SPREAD,
        help_text="Seconds over which devices are woken.",
    )
    first = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=2**31 - 1,
        help_text="How many get it first; the rest waits for how they do.",
    )
    most_failed = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=2**31 - 1,
        help_text="How many of the first may fail.",
    )

    TERMS = (
        *("note", "priority", "starts_at", "expires_at"),
        *("window", "spread", "first", "most_failed"),
    )
    """What ordering.draft takes by these names."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("plist" in attrs) == ("request_type" in attrs):
            raise serializers.ValidationError(
                {"request_type": "Say either request_type, with keys, or plist."}
            )
        if "plist" in attrs and "keys" in attrs:
            raise serializers.ValidationError({"keys": "They are in the plist."})
        return attrs


class Why(Strict):
    why = serializers.CharField(max_length=255, help_text="For who ordered it.")


class DeviceInBrief(serializers.ModelSerializer[Device]):
    class Meta:
        model = Device
        fields = ("id", "name", "serial_number", "udid", "enrollment_id")


class RefusedSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField()
    count = serializers.IntegerField()
    names = serializers.ListField(
        child=serializers.CharField(), help_text="The first of them."
    )


class PreviewSerializer(serializers.Serializer[Any]):
    """What would become of an order; nothing of it is kept."""

    dry_run = serializers.BooleanField(default=True)
    request_type = serializers.CharField()
    title = serializers.CharField()
    total = serializers.IntegerField()
    able = serializers.IntegerField(help_text="How many would get it.")
    refused = RefusedSerializer(many=True)
    consequence = serializers.CharField(help_text="'' for what does not destroy.")
    confirm = serializers.CharField(
        allow_null=True, help_text="What confirm must say; null: it need not be."
    )
    needs_approval = serializers.CharField(
        help_text="Why a second person must approve it; '' if none must."
    )


class OrderSerializer(serializers.ModelSerializer[Order]):
    title = serializers.SerializerMethodField(help_text="What people call the command.")
    ordered_by: Any = serializers.SlugRelatedField("username", read_only=True)
    decided_by: Any = serializers.SlugRelatedField("username", read_only=True)
    window = Window(read_only=True, allow_null=True)

    class Meta:
        model = Order
        fields: tuple[str, ...] = (
            *("id", "request_type", "title", "is_custom", "audience", "note"),
            *("state", "why", "total", "queued", "refused", "priority"),
            *("ordered_by", "ordered_at", "starts_at", "expires_at", "window"),
            *("spread", "first", "most_failed", "decided_by", "decided_at"),
            *("finished_at", "repeats", "recurring"),
        )

    def get_title(self, order: Order) -> str:
        return words.title(order.request_type)


class OrderDetail(OrderSerializer):
    """The order, its keys without secrets, and how far it has come."""

    keys = serializers.SerializerMethodField()
    deliveries = serializers.DictField(
        child=serializers.IntegerField(),
        read_only=True,
        help_text="How many are in each state: sent, acknowledged, failed, …",
    )
    refused_because = RefusedSerializer(many=True, read_only=True)

    class Meta(OrderSerializer.Meta):
        fields = (
            *OrderSerializer.Meta.fields,
            *("keys", "deliveries", "refused_because"),
        )

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_keys(self, order: Order) -> Any:
        return answers.hide(to_json(order.keys))


class RecipientSerializer(serializers.ModelSerializer[Recipient]):
    device = DeviceInBrief(read_only=True)
    user_id = serializers.SerializerMethodField(
        help_text="'' on the device's own channel."
    )

    class Meta:
        model = Recipient
        fields = ("id", "device", "channel", "user_id", "state", "reason", "delivery")

    def get_user_id(self, recipient: Recipient) -> str:
        return recipient.channel.user_id if recipient.channel else ""


class CancelledSerializer(serializers.Serializer[Any]):
    """What cancelling still reached."""

    waiting = serializers.IntegerField(help_text="Were not written yet.")
    unsent = serializers.IntegerField(help_text="Were queued, and not sent.")
    too_late = serializers.IntegerField(
        help_text="Were sent: their devices may do it, or have done it."
    )
