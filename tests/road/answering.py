"""Answering: enrolled devices as rows, and what they say, read as any answer is."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from commands import results
from commands.models import Command, Delivery, Result, State
from devices.models import Channel, Device, Enrollment
from mdmportal.protocol import plist

from ..captures import capture
from .conftest import TOPIC

ENVELOPE = ("Status", "CommandUUID", "UDID", "UserID")


def enrolled(number: int = 0, platform: str = "iOS", **columns: Any) -> Channel:
    """Return the device channel of an enrolled device; keywords are its columns."""
    mode = columns.pop("mode", Enrollment.Mode.DEVICE)
    facts = {"udid": f"UDID-{number:06}", "os_version": "17.6", **columns}
    device = Device.objects.create(platform=platform, **facts)
    stay = Enrollment.objects.create(
        device=device,
        state=Enrollment.State.ACTIVE,
        topic=TOPIC,
        mode=mode,
        access_rights=8191,
    )
    return Channel.objects.create(enrollment=stay, push_token="ab", push_magic="magic")


def user_of(channel: Channel, user_id: str = "ADA") -> Channel:
    """Return the channel of a user of the same device."""
    stay = channel.enrollment
    return Channel.objects.create(
        enrollment=stay, user_id=user_id, push_token="cd", push_magic="magic"
    )


def said(
    channel: Channel,
    request_type: str,
    answer: Mapping[str, Any],
    *,
    at: dt.datetime | None = None,
    state: str = State.ACKNOWLEDGED,
    keys: Mapping[str, Any] | None = None,
) -> Result:
    """Write down that the channel answered so, not read yet."""
    now = at or timezone.now()
    command = Command.objects.create(
        request_type=request_type, keys_plist=plist.dumps(keys or {})
    )
    delivery = Delivery.objects.create(
        command=command, channel=channel, state=state, settled_at=now
    )
    envelope = {"Status": "Acknowledged", "CommandUUID": delivery.uuid}
    body = plist.dumps({**answer, **envelope})
    return Result.objects.create(delivery=delivery, body=body, received_at=now)


def say(channel: Channel, request_type: str, answer: Mapping[str, Any]) -> Result:
    """Have the channel answer so, and have that read without trouble."""
    result = said(channel, request_type, answer)
    results.read_waiting()
    result.refresh_from_db()
    assert result.problem == ""
    return result


def captured(name: str) -> dict[str, Any]:
    """Return the answer in a capture, without its envelope."""
    keys = dict(plist.loads(capture(f"results/{name}.plist")))
    return {key: value for key, value in keys.items() if key not in ENVELOPE}
