"""The catalogue: what devices can be told, from Apple's schema."""

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from commands import availability, destructive, filled, words
from devices.models import Channel, Enrollment
from mdmportal import catalogue
from mdmportal.protocol import schema

from .. import json_schema
from ..errors import Wrong
from ..filtering import Id, Query
from ..permissions import require
from ..serializers.catalogue import CommandDetail, CommandList
from .base import View
from .devices import VIEW_DEVICE

RIGHTS = ("commands.add_command|commands.view_command|commands.view_order",)


class CatalogueQuery(Query):
    device = Id(required=False, help_text="Say whether this device can take it.")


@extend_schema(tags=["commands"], parameters=[CatalogueQuery])
class Commands(View):
    """Every command, with what people call it and what it may do at worst."""

    rights = RIGHTS

    @extend_schema(operation_id="commands_list", responses=CommandList)
    def get(self, request: Request) -> Response:
        channel = _channel(request)
        found = catalogue.commands().values()
        rows = [_row(request, command, channel) for command in found]
        return Response({"next": None, "results": rows})


@extend_schema(tags=["commands"], parameters=[CatalogueQuery])
class OneCommand(View):
    """A command: its keys as JSON Schema, and the devices that can take it."""

    rights = RIGHTS

    @extend_schema(responses=CommandDetail)
    def get(self, request: Request, request_type: str) -> Response:
        command = catalogue.commands().get(request_type)
        if command is None:
            raise Http404
        said = catalogue.words(request_type)
        left_out = [*filled.names(request_type), *filled.optional(request_type)]
        return Response(
            {
                **_row(request, command, _channel(request)),
                "description": said.description,
                "consequence": _consequence(request_type),
                "support": json_schema.systems(command.support),
                "filled": left_out,
                "keys": json_schema.of_command(command, said.keys, left_out),
            }
        )


def _row(
    request: Request, command: schema.Command, channel: Channel | None
) -> dict[str, Any]:
    request_type = command.request_type
    row: dict[str, Any] = {
        "request_type": request_type,
        "title": words.title(request_type),
        "summary": words.summary(request_type),
        "level": destructive.level(request_type).name.lower(),
        "may_order": not destructive.refusal(request.user, request_type)
        and request.user.has_perm("commands.add_command"),
    }
    if channel:
        row["refused"] = availability.refusal(channel, request_type)
    return row


def _consequence(request_type: str) -> str:
    if not destructive.is_destructive(request_type):
        return ""
    return words.consequence(request_type)


def _channel(request: Request) -> Channel | None:
    """Return the channel of the device that is asked about, its last one at worst."""
    asked = CatalogueQuery.read(request)
    if "device" not in asked:
        return None
    require(request.user, (VIEW_DEVICE,))
    rows = Channel.objects.filter(enrollment__device=asked["device"], user_id="")
    found = list(
        rows.select_related("enrollment__device").order_by("-enrollment__opened_at")
    )
    living = [one for one in found if one.enrollment.state == Enrollment.State.ACTIVE]
    if not found:
        raise Wrong([("device", "There is no such device, or it never enrolled.")])
    return (living or found)[0]
