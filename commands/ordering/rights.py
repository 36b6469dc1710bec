"""Rights: who may order, approve and stop what, and when it is too late for that."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Q

from .. import destructive
from ..models import Order

ORDER = "commands.add_command"
APPROVE = "commands.approve_order"
CANCEL = "commands.change_delivery"
SEE_DEVICES = "devices.view_device"
SEE_ORDERS = ("commands.view_order", "commands.view_command")
"""One of both is enough: who sees what devices are told sees what was ordered."""


class NotAllowed(PermissionError):
    """This account may not do that; says why."""


class TooLate(ValueError):
    """The order is not in the state for that any more; says in which it is."""


def refusal(
    by: Any,
    request_type: str,
    keys: Mapping[str, Any] | None = None,
    *,
    is_custom: bool = False,
) -> str:
    """Return why ``by`` may not order this; '' if it may. None is the portal itself."""
    if by is None:
        return ""
    if not by.is_active or not by.has_perm(ORDER):
        return "your account may not order commands"
    return destructive.refusal(by, request_type, keys, is_custom=is_custom)


def check(by: Any, order: Order) -> None:
    """Raise NotAllowed unless ``by`` may order what this order says."""
    why = refusal(by, order.request_type, order.keys, is_custom=order.is_custom)
    if why:
        raise NotAllowed(why)


def check_approver(by: Any, order: Order) -> None:
    """Raise NotAllowed unless ``by`` is the second person that the order waits for."""
    if by is None or not by.is_active or not by.has_perm(APPROVE):
        raise NotAllowed("your account may not approve what others order")
    if order.ordered_by_id == by.pk:
        raise NotAllowed("you ordered it yourself: a second person decides")
    check(by, order)


def check_cancelling(by: Any, order: Order) -> None:
    """Raise NotAllowed unless ``by`` ordered it, or may cancel what others ordered."""
    if by is None or order.ordered_by_id == by.pk or by.has_perm(CANCEL):
        return
    raise NotAllowed("your account may not cancel what others order")


def may(by: Any, act: str, order: Order) -> bool:
    """Whether ``by`` may approve, reject, go_on with, repeat or cancel an order here.

    To go on, to repeat and to cancel what others ordered take what ordering it does,
    and that its devices may be seen.
    """
    try:
        if act in ("approve", "reject"):
            check_approver(by, order)
            return True
        if act == "cancel":
            check_cancelling(by, order)
            if order.ordered_by_id == by.pk:
                return True
        check(by, order)
    except NotAllowed:
        return False
    return bool(by.has_perm(SEE_DEVICES))


def sees_orders(user: Any) -> bool:
    """Whether an account sees the orders of others."""
    return any(user.has_perm(name) for name in SEE_ORDERS)


def drafts_of_others(user: Any) -> Q:
    """Return the condition for orders that are none of this account's business."""
    return Q(state=Order.State.DRAFT) & ~Q(ordered_by=user.pk)


def check_state(order: Order, *states: str) -> None:
    """Raise TooLate unless the order is in one of these states."""
    if order.state not in states:
        raise TooLate(f"the order is {order.get_state_display()} already")


def lock(order: Order) -> None:
    """Read the order anew and hold its row: whoever changes it waits for the other."""
    rows = Order.objects.select_for_update(of=("self",))
    try:
        order.refresh_from_db(from_queryset=rows)
    except Order.DoesNotExist as error:
        raise TooLate("the draft is gone") from error
