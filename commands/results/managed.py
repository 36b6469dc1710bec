"""Managed: answers to ManagedApplicationList, and what is asked of those applications.

https://developer.apple.com/documentation/devicemanagement/managedapplicationlistresponse
"""

from collections.abc import Mapping

from devices.models import Device

from .. import availability, queue
from . import lists
from .said import Said

LIST = "ManagedApplicationList"

THEN: Mapping[str, str] = {
    "ManagedApplicationConfiguration": "HasConfiguration",
    "ManagedApplicationAttributes": "",
    "ManagedApplicationFeedback": "HasFeedback",
}
"""What is asked next -> what an application says if it is to be asked of it."""


def read(said: Said) -> None:
    apps = said.answer[LIST]
    if not isinstance(apps, Mapping):
        raise TypeError(f"{LIST} is not a dictionary")
    if lists.keep(said, apps, lists.dictionary):
        Device.regroup([said.device.pk])
        _ask_more(said, apps)


def _ask_more(said: Said, apps: Mapping[str, object]) -> None:
    """Ask of managed applications what only they have, since the list is another."""
    command = said.delivery.command
    for request_type, has in THEN.items():
        identifiers = [
            name
            for name, one in apps.items()
            if not has or (isinstance(one, Mapping) and one.get(has))
        ]
        if identifiers and not availability.refusal(said.channel, request_type):
            queue.enqueue(
                [said.channel.pk],
                request_type,
                {"Identifiers": identifiers},
                priority=command.priority,
                expires_at=command.expires_at,
            )
