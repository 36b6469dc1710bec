"""The page of a device, and that of a managed user: their heads, and the open tab."""

from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils import timezone

from devices.admin.enrollment import state_badge
from devices.models import Channel, Device

from ..models import OPEN, Delivery
from .buttons import buttons
from .look import Look
from .notices import notices
from .reach import trouble
from .tabs import open_tab, tabs


def context(device: Device, viewer: Any, query: Mapping[str, str]) -> dict[str, Any]:
    """Return what a device's page shows; only the tab that is open is gathered."""
    look = Look.at(device, viewer, query)
    tab = open_tab(query.get("tab", ""), viewer)
    return {
        **_head(look),
        **buttons(look),
        "tab": tab,
        "tabs": tabs(viewer),
        "ask_url": reverse("admin:devices_device_ask", args=[device.pk]),
        "order_url": f"{reverse('admin:commands_command_order')}?ids={device.pk}",
        **tab.gather(look),
    }


def user_context(
    channel: Channel, viewer: Any, query: Mapping[str, str]
) -> dict[str, Any]:
    """Return what the page of a managed user shows."""
    look = Look.at(channel.enrollment.device, viewer, query, user=channel)
    tab = open_tab(query.get("tab", ""), viewer, of_user=True)
    return {
        **_head(look),
        "tab": tab,
        "tabs": tabs(viewer, of_user=True),
        "ask_url": reverse("admin:devices_channel_ask", args=[channel.pk]),
        "order_url": f"{reverse('admin:commands_command_order')}?channel={channel.pk}",
        **tab.gather(look),
    }


def _head(look: Look) -> dict[str, Any]:
    mine = [look.channel] if look.user else look.channels
    waiting = Delivery.objects.filter(channel__in=filter(None, mine), state__in=OPEN)
    return {
        "look": look,
        "now": timezone.now(),
        "device": look.device,
        "stay": look.stay,
        "state": state_badge(look.stay),
        "channels": look.channels,
        "channel": look.channel,
        "waiting": waiting.count(),
        "trouble": trouble(look.stay, look.channel),
        "notices": notices(look),
        "may_order": look.may_order,
    }
