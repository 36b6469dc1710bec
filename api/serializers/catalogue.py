"""The catalogue of commands as JSON."""

from typing import Any

from rest_framework import serializers

from commands.destructive import Level

LEVELS = [level.name.lower() for level in Level]


class CommandSerializer(serializers.Serializer[Any]):
    request_type = serializers.CharField()
    title = serializers.CharField(help_text="What people call it.")
    summary = serializers.CharField()
    level = serializers.ChoiceField(
        LEVELS, help_text="What it may do at worst; all but harmless are confirmed."
    )
    may_order = serializers.BooleanField(help_text="Whether your account may order it.")
    refused = serializers.CharField(
        required=False,
        help_text="With ?device: why that device cannot take it; '' if it can.",
    )


class CommandList(serializers.Serializer[Any]):
    """All of them at once; like the other lists otherwise."""

    next = serializers.CharField(allow_null=True)
    results = CommandSerializer(many=True)


class CommandDetail(CommandSerializer):
    description = serializers.CharField(help_text="What the command does.")
    consequence = serializers.CharField(help_text="To know before it is confirmed.")
    support = serializers.DictField(
        help_text="By system: introduced, removed, channels, supervision, enrollment."
    )
    filled = serializers.ListField(
        child=serializers.CharField(),
        help_text="Keys that the portal fills in where they are left out.",
    )
    keys = serializers.DictField(help_text="JSON Schema of what keys takes.")
