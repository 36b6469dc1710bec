"""Results: raw answers, read into what we know of the device.

Reading is done by a task: the device's road only keeps the answer. What an answer lacks
does not erase what an earlier one said; what cannot be read stays raw, with the reason.
A file here is about the answers to one kind of query. Who keeps the secrets that are in
answers listens to ``commands.signals.answered``; the inventory drops them.
"""

import datetime as dt
import logging
from collections.abc import Mapping

from django.db import (
    IntegrityError,
    InterfaceError,
    OperationalError,
    transaction,
)
from django.db.models import F, QuerySet
from django.utils import timezone

from devices.models import Device
from mdmportal.protocol import plist

from ..models import Result, State
from ..signals import answered
from . import (
    acts,
    certificates,
    followups,
    information,
    lists,
    managed,
    profiles,
    sayings,
    security,
    software,
    updates,
)
from .said import Reader, Said

logger = logging.getLogger(__name__)

BATCH = 200
MAX_TRIES = 3
"""An answer that ended the reading process so often is left raw."""

NOTED_EVERY = dt.timedelta(minutes=1)
"""How often it is written down when a device said something last."""
REGROUPED_EVERY = dt.timedelta(hours=1)
"""How often that alone has its groups looked at anew: their conditions count days."""

READERS: dict[str, Reader] = {
    "AvailableOSUpdates": updates.read,
    "CertificateList": certificates.read,
    "DeviceInformation": information.read,
    "InstalledApplicationList": software.read,
    "ManagedApplicationList": managed.read,
    "ProfileList": profiles.read,
    "SecurityInfo": security.read,
    **lists.READERS,
    **acts.READERS,
}
"""RequestType -> what reads its answers."""

REFUSALS: dict[str, Reader] = {"DeviceInformation": information.refused}
"""RequestType -> what is done when it was answered Error or CommandFormatError."""

TABLES: Mapping[str, Mapping[str, Reader]] = {
    State.ACKNOWLEDGED: READERS,
    State.FAILED: REFUSALS,
    State.CANCELLED: acts.READERS,
    State.EXPIRED: acts.READERS,
}
"""A late answer, to what is cancelled or expired, counts if it tells of an act."""


def read_waiting() -> int:
    """Read answers that wait, oldest first; return how many were."""
    done = 0
    while ids := _unread():
        follow_ups = followups.FollowUps()
        for pk in ids:
            _read(pk, follow_ups)
        follow_ups.order()
        done += len(ids)
    return done


def _unread() -> list[int]:
    waiting = Result.objects.filter(read_at__isnull=True, tries__lt=MAX_TRIES)
    return list(waiting.order_by("pk").values_list("pk", flat=True)[:BATCH])


def _read(pk: int, follow_ups: followups.FollowUps) -> None:
    """Read one answer. That it is tried is written first: it may end the process.

    A database that is away, or has others before us, is no fault of the answer: it is
    read another time. So is what another worker wrote or swept away meanwhile. But not
    for ever: that there is too much of it is said by the same kind of error.
    """
    waiting = Result.objects.filter(pk=pk, read_at__isnull=True)
    waiting.update(tries=F("tries") + 1, problem="Reading it was cut off.")
    try:
        with transaction.atomic():
            said = _read_locked(waiting)
    except (InterfaceError, OperationalError) as error:
        waiting.update(problem=_problem(error))
        raise
    except IntegrityError as error:
        waiting.update(problem=_problem(error))
    except Exception as error:  # one answer must not hold up those behind it
        logger.exception("the answer %d cannot be read", pk)
        waiting.update(read_at=timezone.now(), problem=_problem(error))
    else:
        if said:
            follow_ups.add(pk, said)


def _problem(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".replace("\0", "")[:255]


def _read_locked(waiting: QuerySet[Result]) -> Said | None:
    """Locked, so that another worker leaves it alone; return what was read.

    What calls for others to be asked is read when they are: see followups.
    """
    rows = waiting.select_related(
        "delivery__command", "delivery__channel__enrollment__device"
    )
    result = rows.select_for_update(of=("self",), skip_locked=True).first()
    if result is None:
        return None
    answer = plist.loads(bytes(result.body))
    said = Said(result.delivery, answer, result.received_at)
    _take(said)
    read_at = None if followups.of(said) else timezone.now()
    waiting.update(read_at=read_at, problem="")
    return said


def _take(said: Said) -> None:
    answered.send(Said, said=said)
    sayings.note(said)
    reader = _reader(said)
    if reader:
        reader(said)
    if reader and said.is_acknowledged and said.is_of_device:
        _note(said.device, said.at)


def _reader(said: Said) -> Reader | None:
    """Return what reads an answer; one that comes late only if it was done."""
    state = said.delivery.state
    if state in (State.CANCELLED, State.EXPIRED) and not said.was_done:
        return None
    return TABLES.get(state, {}).get(said.request_type)


def _note(device: Device, at: dt.datetime) -> None:
    """Write down that the device said something; not for each of a dozen answers."""
    before = device.inventory_at
    if before is None or at - before >= REGROUPED_EVERY:
        device.learn(inventory_at=at)
    elif at - before >= NOTED_EVERY:
        Device.objects.filter(pk=device.pk).update(inventory_at=at)
