"""Follow-ups: what is asked next, because a command that was done changed it.

They are ordered together for all answers that were read at once, in a number of
statements that does not grow with them; below all that somebody ordered, so that what a
session changes is asked for once, at its end. An answer whose follow-ups are not
ordered yet counts as unread: a process that dies between loses none.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone

from devices.models import Channel, Enrollment

from .. import availability, inventory, queue
from ..inventory import Asked
from ..models import Command, Delivery, Result, State
from .said import Said

INFORMATION, SECURITY = "DeviceInformation", "SecurityInfo"
LOCATION = "DeviceLocation"

THEN: Mapping[str, Collection[str]] = {
    "InstallProfile": ("ProfileList", "CertificateList"),
    "RemoveProfile": ("ProfileList", "CertificateList"),
    "InstallProvisioningProfile": ("ProvisioningProfileList",),
    "RemoveProvisioningProfile": ("ProvisioningProfileList",),
    "InstallApplication": ("ManagedApplicationList",),
    "InstallEnterpriseApplication": ("ManagedApplicationList",),
    "RemoveApplication": ("ManagedApplicationList",),
    "ApplyRedemptionCode": ("ManagedApplicationList",),
    "ValidateApplications": ("InstalledApplicationList",),
    "InstallMedia": ("ManagedMediaList",),
    "RemoveMedia": ("ManagedMediaList",),
    "Settings": (INFORMATION,),
    "RefreshCellularPlans": (INFORMATION,),
    "ClearPasscode": (SECURITY,),
    "SetRecoveryLock": (SECURITY,),
    "SetFirmwarePassword": (SECURITY,),
    "RotateFileVaultKey": (SECURITY,),
    "EnableRemoteDesktop": (SECURITY,),
    "DisableRemoteDesktop": (SECURITY,),
    "ClearRestrictionsPassword": ("Restrictions",),
    "DeleteUser": ("UserList",),
    "LogOutUser": ("UserList",),
    "ScheduleOSUpdate": ("OSUpdateStatus",),
    "EnableLostMode": (LOCATION,),
    "DisableLostMode": (INFORMATION,),
}
"""RequestType that was done -> what it changed, to be asked for anew."""

PRIORITIES: Mapping[str, int] = {LOCATION: 0}
"""What cannot wait for all that somebody ordered. The others have SCHEDULED."""


@dataclass
class FollowUps:
    """What is to be asked of whom, gathered from answers."""

    channels: dict[Asked, set[int]] = field(default_factory=lambda: defaultdict(set))
    results: set[int] = field(default_factory=set)
    """The answers that count as read when it is ordered."""

    def add(self, result: int, said: Said) -> None:
        """Take what follows an answer that was read, if anything does."""
        asked = of(said)
        for one in asked:
            self.channels[one].add(said.channel.pk)
        if asked:
            self.results.add(result)

    def order(self) -> None:
        """Order all of it, and be done with those answers."""
        if self.results:
            _order(self.channels, self.results)


def of(said: Said) -> list[Asked]:
    """Return what an answer calls for, as far as its channel can be asked that."""
    names = THEN.get(said.request_type, ()) if said.was_done else ()
    if not names or said.enrollment.state != Enrollment.State.ACTIVE:
        return []
    plan = inventory.plan(availability.target_of(said.channel))
    possible = [one for one in plan if one[0] in names]
    if LOCATION in names and not availability.refusal(said.channel, LOCATION):
        possible.append((LOCATION, ()))
    return possible


@transaction.atomic
def _order(wanted: Mapping[Asked, set[int]], results: Collection[int]) -> None:
    """The channels are locked, so that two who do this see what the other ordered."""
    ids = set().union(*wanted.values())
    rows = Channel.objects.filter(pk__in=ids).order_by("pk")
    list(rows.select_for_update(of=("self",)).values_list("pk"))
    waiting = _waiting(ids, {name for name, _ in wanted})
    orders = [
        (asked, [pk for pk in sorted(channels) if (pk, asked[0]) not in waiting])
        for asked, channels in wanted.items()
    ]
    queue.enqueue_several(
        [(_command(asked), channels) for asked, channels in orders if channels]
    )
    read = Result.objects.filter(pk__in=results, read_at__isnull=True)
    read.update(read_at=timezone.now())


def _command(asked: Asked) -> Command:
    priority = PRIORITIES.get(asked[0], queue.SCHEDULED)
    return inventory.command(asked, priority=priority)


def _waiting(ids: Collection[int], names: Collection[str]) -> set[tuple[int, str]]:
    """Return what waits already. What was sent may have been answered before."""
    rows = Delivery.objects.filter(
        channel__in=ids,
        state__in=(State.QUEUED, State.POSTPONED),
        command__request_type__in=names,
        command__ordered_by=None,
    )
    return set(rows.order_by().values_list("channel", "command__request_type"))
