"""Look: what a page is about — a device, or a managed user of it — and who sees it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from devices.models import Channel, Device, Enrollment, present_stay

STAYS = 50
"""How many stays of a device its page knows, newest first."""
CHANNELS = 200
"""How many channels; a Shared iPad has one for each of its users."""


@dataclass(frozen=True)
class Look:
    """Everything that each tab needs, found once for the whole page."""

    device: Device
    viewer: Any
    query: Mapping[str, str] = field(default_factory=dict)
    """The parameters of the address."""
    stays: Sequence[Enrollment] = ()
    stay: Enrollment | None = None
    """The one that counts now."""
    channels: Sequence[Channel] = ()
    """Of that stay: the device's own, and those of its managed users."""
    user: Channel | None = None
    """The managed user that the page is about; None: the device itself."""

    @classmethod
    def at(
        cls,
        device: Device,
        viewer: Any,
        query: Mapping[str, str],
        user: Channel | None = None,
    ) -> "Look":
        # Not by the device: a list's row comes with its own channel alone.
        rows = Enrollment.objects.filter(device=device).order_by("-opened_at", "-pk")
        stays = list(rows[:STAYS])
        stay = present_stay(stays)
        channels = _channels(device, stay) if stay else []
        return cls(device, viewer, query, stays, stay, channels, user)

    @property
    def user_id(self) -> str:
        """Whose answers are shown; '' for the device's own."""
        return self.user.user_id if self.user else ""

    @property
    def channel(self) -> Channel | None:
        """Where the answers come from that are shown, if that is open."""
        mine = (each for each in self.channels if each.user_id == self.user_id)
        return next(mine, None)

    @property
    def may_order(self) -> bool:
        return bool(self.viewer.has_perm("commands.add_command"))


def _channels(device: Device, stay: Enrollment) -> list[Channel]:
    """Return the channels, with what they belong to known without asking again."""
    stay.device = device
    rows = Channel.objects.filter(enrollment=stay)
    channels = list(rows.select_related("person")[:CHANNELS])
    for channel in channels:
        channel.enrollment = stay
    return channels
