"""Said: one answer, by whom it was given, and when."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from devices.models import Channel, Device, Enrollment
from mdmportal.protocol.connect import Status

from ..models import Delivery, State


@dataclass(frozen=True)
class Said:
    """The delivery comes with its command, channel, enrollment and device."""

    delivery: Delivery
    answer: Mapping[str, Any]
    at: dt.datetime
    """When it was received."""

    @property
    def request_type(self) -> str:
        return self.delivery.command.request_type

    @property
    def is_acknowledged(self) -> bool:
        """False for Error and CommandFormatError."""
        return self.delivery.state == State.ACKNOWLEDGED

    @property
    def was_done(self) -> bool:
        """Whether the device says that it did it, also where that came too late."""
        return self.answer.get("Status") == Status.ACKNOWLEDGED

    @property
    def channel(self) -> Channel:
        return self.delivery.channel

    @property
    def enrollment(self) -> Enrollment:
        return self.channel.enrollment

    @property
    def device(self) -> Device:
        return self.enrollment.device

    @property
    def user_id(self) -> str:
        """Whose channel said it; '' for the device's own."""
        return self.channel.user_id

    @property
    def is_of_device(self) -> bool:
        return not self.user_id

    @property
    def is_anonymous(self) -> bool:
        """Whether nothing may be kept that tells this device from all others."""
        return self.enrollment.mode == Enrollment.Mode.USER


Reader = Callable[[Said], None]
