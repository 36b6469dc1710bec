"""Condition: whether a device complies with a policy, for smart groups and policies."""

from collections.abc import Callable

from django.db.models import Q

from devices.conditions import Field, Operator, Row
from devices.conditions.field import among
from devices.models import Device

from .cycles import FIELD
from .models import Policy, Standing, State

POLICY = Row(rows=Policy.objects.only("name").order_by("name", "pk").all, noun="policy")


def _standing(state: State) -> Callable[[int], Q]:
    return lambda pk: among(Standing.objects.filter(policy=pk, state=state))


def _say(device: Device, value: str) -> str:
    row = Standing.objects.filter(device=device, policy=POLICY.read(value)).first()
    return row.get_state_display() if row else "the policy is not for it"


def field() -> Field:
    """Return the field; who a policy is not for neither complies nor violates it."""
    return Field(
        FIELD,
        "Policy",
        "Security",
        {
            state.value: Operator(title, _standing(state), POLICY, phrase)
            for state, title, phrase in (
                (State.VIOLATES, "is violated", "it violates the policy {value}"),
                (State.COMPLIES, "is complied with", "it complies with {value}"),
                (
                    State.UNKNOWN,
                    "is not known about",
                    "whether it complies with {value} is not known",
                ),
            )
        },
        _say,
        is_row=False,
    )
