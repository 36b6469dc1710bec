"""Orders: the command that a policy sends to devices that violate it."""

from django.db import transaction

from commands import availability, checking, destructive, ordering, orders
from commands.models import Delivery
from devices.models import Channel, Enrollment

from ..models import Action, Policy
from .outbox import Claim, policies_with, settle

BATCH = 500


def place_due() -> int:
    """Order what is due; return for how many devices."""
    done = 0
    for policy in policies_with(Action.Kind.COMMAND):
        while count := _place(policy):
            done += count
    return done


def refusal(policy: Policy) -> str:
    """Return why the command cannot be ordered any more, in words; '' if it can."""
    by = policy.command_by
    if by is None or not by.is_active:
        return "Who chose the command is gone: choose it anew."
    if not by.has_perm("commands.add_command"):
        return f"{by} may not order commands any more: let somebody else choose it."
    if destructive.refusal(by, policy.command_type, policy.keys):
        return f"{by} may not order {policy.command_type}: somebody else can choose it."
    return ""


@transaction.atomic
def _place(policy: Policy) -> int:
    """Order for some of the devices; all of it is done, or nothing."""
    claim = Claim.take(policy, Action.Kind.COMMAND, BATCH)
    if claim is None:
        return 0
    problem = refusal(policy)
    count = claim.rows.count()
    if problem:
        claim.failed(problem, for_good=True)
        return count
    devices = list(claim.rows.values_list("device", flat=True))
    rule = ordering.rule_about(
        policy.command_type,
        len(devices),
        is_destructive=destructive.is_destructive(policy.command_type),
    )
    if rule:
        claim.failed(f"{rule} Order it by hand."[:255], for_good=True)
        return count
    try:
        order = orders.place(
            _channels(devices),
            policy.command_type,
            policy.keys,
            by=policy.command_by,
            note=f"Policy: {policy}"[:255],
        )
    except checking.Invalid as error:
        claim.failed(str(error), for_good=True)
        return count
    _settle(claim, order)
    return count


def _channels(devices: list[int]) -> list[Channel]:
    rows = Channel.objects.filter(
        user_id="",
        enrollment__state=Enrollment.State.ACTIVE,
        enrollment__device__in=devices,
    )
    return list(rows.select_related("enrollment__device").order_by("pk"))


def _settle(claim: Claim, order: orders.Placed) -> None:
    ordered = Delivery.objects.filter(command__in=order.commands)
    reached = ordered.order_by().values("channel__enrollment__device")
    settle(claim.rows.filter(device__in=reached), Action.State.DONE)
    why = dict(order.refused)
    left = list(claim.rows.select_related("device"))
    for row in left:
        row.problem = why.get(str(row.device), availability.NOT_ENROLLED)[:255]
    Action.objects.bulk_update(left, ["problem"])
    settle(claim.rows, Action.State.FAILED)
