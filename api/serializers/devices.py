"""Devices and their groups as JSON."""

from typing import Any

from rest_framework import serializers

from devices.models import Channel, Device, DeviceGroup, Enrollment, User, present_stay


class Person(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ("id", "username", "email")


class StaySerializer(serializers.ModelSerializer[Enrollment]):
    """A device's present stay under management, else its last one."""

    class Meta:
        model = Enrollment
        fields = (
            *("id", "state", "mode", "way", "managed_apple_account"),
            *("awaiting_configuration", "opened_at", "enrolled_at"),
            *("ended_at", "end_reason"),
        )


class ChannelSerializer(serializers.ModelSerializer[Channel]):
    """Where commands go: the device's own channel, and one for each managed user."""

    class Meta:
        model = Channel
        fields = (
            *("id", "user_id", "user_short_name", "user_long_name"),
            *("last_seen_at", "pushed_at", "push_answer"),
        )


STAYS = ("enrollments__channels",)
"""To be prefetched for what is told of a device's stay."""


class DeviceSerializer(serializers.ModelSerializer[Device]):
    owner = Person(read_only=True, allow_null=True)
    state = serializers.SerializerMethodField(
        help_text="Of its stay: active, pending, held, ended; '' if it was never here."
    )
    last_seen_at = serializers.SerializerMethodField()

    class Meta:
        model = Device
        fields: tuple[str, ...] = (
            *("id", "name", "serial_number", "udid", "enrollment_id", "asset_tag"),
            *("platform", "product_name", "model_name", "os_version"),
            *("build_version", "is_supervised", "owner", "state", "last_seen_at"),
        )

    def get_state(self, device: Device) -> str:
        stay = present(device)
        return str(stay.state) if stay else ""

    def get_last_seen_at(self, device: Device) -> str | None:
        stay = present(device)
        channels = stay.channels.all() if stay else ()
        own = next((each for each in channels if not each.user_id), None)
        seen = own.last_seen_at if own else None
        return serializers.DateTimeField().to_representation(seen) if seen else None


class GroupSerializer(serializers.ModelSerializer[DeviceGroup]):
    is_smart = serializers.BooleanField(read_only=True)

    class Meta:
        model = DeviceGroup
        fields = ("id", "name", "description", "is_smart")


class DeviceDetail(DeviceSerializer):
    """All columns, its stay, and the channels of it."""

    groups = GroupSerializer(many=True, read_only=True)
    tags: Any = serializers.SlugRelatedField("name", many=True, read_only=True)
    stay = serializers.SerializerMethodField()
    channels = serializers.SerializerMethodField()

    class Meta(DeviceSerializer.Meta):
        fields = (
            *DeviceSerializer.Meta.fields,
            *("model", "update_available", "imei", "meid"),
            *("wifi_mac", "bluetooth_mac", "ethernet_mac"),
            *("iccid", "phone_number", "carrier", "is_roaming"),
            *("capacity", "available_capacity", "battery_level"),
            *("passcode_present", "passcode_compliant", "is_encrypted"),
            *("firewall_enabled", "is_activation_locked", "in_lost_mode"),
            *("is_apple_silicon", "time_zone", "inventory_at", "created_at"),
            *("groups", "tags", "stay", "channels"),
        )

    def get_stay(self, device: Device) -> dict[str, Any] | None:
        stay = present(device)
        return StaySerializer(stay).data if stay else None

    def get_channels(self, device: Device) -> list[dict[str, Any]]:
        stay = present(device)
        rows = stay.channels.all() if stay else ()
        return list(ChannelSerializer(rows, many=True).data)


def present(device: Device) -> Enrollment | None:
    return present_stay(device.enrollments.all())
