"""Buttons: the frequent commands, offered where this device can take them."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from devices.models import Channel

from .. import availability, destructive, filled, words
from .look import Look


@dataclass(frozen=True)
class Button:
    """A frequent command: where it leads, or why it cannot be ordered now."""

    title: str
    url: str
    refused: str
    destructive: bool


def buttons(look: Look) -> dict[str, list[Button]]:
    found = [_button(look, name) for name in words.FREQUENT]
    return {
        "possible": [button for button in found if not button.refused],
        "impossible": [button for button in found if button.refused],
    }


def _button(look: Look, request_type: str) -> Button:
    path = reverse("admin:commands_command_order_form", args=[request_type])
    return Button(
        title=words.title(request_type),
        url=f"{path}?ids={look.device.pk}",
        refused=_refusal(look.channel, look.viewer, request_type),
        destructive=destructive.is_destructive(request_type),
    )


def _refusal(channel: Channel | None, user: Any, request_type: str) -> str:
    if channel is None:
        return availability.NOT_ENROLLED
    return (
        destructive.refusal(user, request_type)
        or availability.refusal(channel, request_type)
        or filled.missing(channel, request_type)
    )
