"""Schedule: when devices and their users are asked again what they are.

``Channel.inventory_due_at`` says when. A task claims what is due: it moves the time on
and orders the queries in one transaction, so that it may run twice or die at any point.
Queries of an earlier round that are still open are left to be answered: a device that
is off for a month finds one round of them.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Mod
from django.utils import timezone

from devices.models import Channel, DeviceGroup, Enrollment, InventorySchedule

from . import inventory, queue
from .intervals import Plan, move, plan_of, plans_of
from .models import OPEN, Command, Delivery

BATCH = 500
BATCHES = 10
"""In one run. What is due beyond waits for the next: not all are pushed at once."""

SLOTS = 16
"""Over how many moments devices are spread whose schedule becomes shorter."""

GONE_FOR = dt.timedelta(days=30)
"""How long a device that was erased may still prove to live."""


# --- What is due


def ask_due() -> int:
    """Ask the channels that are due, so many in one run; return how many were due."""
    shared: dict[Plan, dict[inventory.Asked, Command]] = defaultdict(dict)
    done = 0
    for _ in range(BATCHES):
        count = _ask_batch(shared)
        done += count
        if count < BATCH:
            break
    return done


@transaction.atomic
def _ask_batch(shared: Mapping[Plan, dict[inventory.Asked, Command]]) -> int:
    """Claim and ask one batch; another worker passes over what this one has locked."""
    due = Channel.objects.filter(inventory_due_at__lte=timezone.now(), push_dead=False)
    rows = due.select_for_update(of=("self",), skip_locked=True)
    found = list(
        rows.order_by("inventory_due_at", "pk").values_list(
            "pk",
            "enrollment__device",
            "enrollment__state",
            "enrollment__ended_at",
        )[:BATCH]
    )
    _let_go([pk for pk, _, _, ended in found if _is_gone(ended)])
    staying = {pk: device for pk, device, _, ended in found if not _is_gone(ended)}
    plans_by_device = plans_of(staying.values()) if staying else {}
    plans = {pk: plans_by_device[device] for pk, device in staying.items()}
    move(plans)
    active = [pk for pk, _, state, _ in found if state == Enrollment.State.ACTIVE]
    _ask(plans, _with_nothing_open(active), shared)
    return len(found)


def _is_gone(ended_at: dt.datetime | None) -> bool:
    return ended_at is not None and ended_at < timezone.now() - GONE_FOR


def _let_go(channels: Sequence[int]) -> None:
    if channels:
        Channel.objects.filter(pk__in=channels).update(inventory_due_at=None)


def _with_nothing_open(channels: Sequence[int]) -> list[int]:
    """Return which of these have no scheduled query that is still to be answered."""
    waiting = Delivery.objects.filter(
        channel__in=channels, priority=queue.SCHEDULED, state__in=OPEN
    )
    busy = set(waiting.order_by().values_list("channel", flat=True).distinct())
    return [pk for pk in channels if pk not in busy]


def _ask(
    plans: Mapping[int, Plan],
    channels: Sequence[int],
    shared: Mapping[Plan, dict[inventory.Asked, Command]],
) -> None:
    together: dict[Plan, list[int]] = defaultdict(list)
    for pk in channels:
        together[plans[pk]].append(pk)
    for plan, members in together.items():
        inventory.ask_many(
            members,
            only=plan.queries,
            priority=queue.SCHEDULED,
            expires_at=plan.expires_at,
            shared=shared[plan],
        )


# --- A schedule that changes


def hasten(schedule: InventorySchedule) -> None:
    """Move the devices of a schedule that are due later than it says, spread over it.

    Statements do not grow with the devices. What is due sooner stays.
    """
    every = plan_of(schedule).every
    active = Channel.objects.filter(
        enrollment__state=Enrollment.State.ACTIVE,
        inventory_due_at__gt=timezone.now() + every,
    )
    later = active.filter(_members(schedule)).annotate(slot=Mod(F("pk"), SLOTS))
    for slot in range(SLOTS):
        moment = timezone.now() + every * (slot + 1) / SLOTS
        later.filter(slot=slot).update(inventory_due_at=moment)


def _members(schedule: InventorySchedule) -> Q:
    through = DeviceGroup.devices.through.objects
    if schedule.group_id is None:
        others = through.filter(devicegroup__schedule__isnull=False)
        return ~Q(enrollment__device__in=others.values("device"))
    members = through.filter(devicegroup=schedule.group_id)
    return Q(enrollment__device__in=members.values("device"))
