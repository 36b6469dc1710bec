"""Filters of orders and deliveries."""

import datetime as dt
from collections.abc import Callable

from django.db.models import Q
from django.utils import timezone

from devices.admin.filters import TableFilter
from mdmportal import catalogue

from ..models import OPEN, State

Table = dict[str, tuple[str, Callable[[], Q]]]


def _since(**ago: int) -> Callable[[str], Q]:
    def condition(column: str) -> Q:
        return Q(**{f"{column}__gte": timezone.now() - dt.timedelta(**ago)})

    return condition


SPANS = {
    "hour": ("Within the last hour", _since(hours=1)),
    "day": ("Within the last day", _since(days=1)),
    "week": ("Within the last 7 days", _since(days=7)),
}


class AgeFilter(TableFilter):
    """When something happened; ``column`` says what is looked at."""

    column = ""

    def table(self) -> Table:
        return {
            name: (title, lambda condition=condition: condition(self.column))  # type: ignore[misc]
            for name, (title, condition) in SPANS.items()
        }


class OrderedFilter(AgeFilter):
    title = "ordered"
    parameter_name = "ordered"
    column = "ordered_at"


class QueuedFilter(AgeFilter):
    title = "queued"
    parameter_name = "queued"
    column = "queued_at"


class SettledFilter(AgeFilter):
    title = "settled"
    parameter_name = "settled"
    column = "settled_at"


class StateFilter(TableFilter):
    title = "state"
    parameter_name = "state"

    def table(self) -> Table:
        states = {
            state.value: (state.label.capitalize(), _in_state(state)) for state in State
        }
        return {"open": ("Waiting, in any way", lambda: Q(state__in=OPEN)), **states}


def _in_state(state: State) -> Callable[[], Q]:
    return lambda: Q(state=state)


class TypeFilter(TableFilter):
    """The RequestType; ``path`` leads to the command."""

    title = "command"
    parameter_name = "type"
    path = "request_type"

    def table(self) -> Table:
        return {
            name: (name, lambda name=name: Q(**{self.path: name}))  # type: ignore[misc]
            for name in sorted(catalogue.commands())
        }


class DeliveryTypeFilter(TypeFilter):
    path = "command__request_type"
