"""Filters of orders and deliveries."""

import datetime as dt

from django.db.models import Q
from django.utils import timezone

from devices.admin.filters import Table, TableFilter
from mdmportal import catalogue

from .. import words
from ..models import OPEN, Order, State

DAY = dt.timedelta(days=1)
SPANS = {
    "hour": ("Within the last hour", dt.timedelta(hours=1)),
    "day": ("Within the last day", DAY),
    "week": ("Within the last 7 days", dt.timedelta(days=7)),
}


class AgeFilter(TableFilter):
    """When something happened; ``column`` says what is looked at."""

    column = ""

    def table(self) -> Table:
        now = timezone.now()
        return {
            name: (title, Q(**{f"{self.column}__gte": now - span}))
            for name, (title, span) in SPANS.items()
        }


class OrderedFilter(AgeFilter):
    title = "ordered"
    parameter_name = "ordered"
    column = "ordered_at"


class QueuedFilter(AgeFilter):
    title = "queued"
    parameter_name = "queued"
    column = "queued_at"

    def table(self) -> Table:
        return {
            **super().table(),
            "earlier": ("More than a day ago", Q(queued_at__lt=timezone.now() - DAY)),
        }


class SettledFilter(AgeFilter):
    title = "settled"
    parameter_name = "settled"
    column = "settled_at"


class StateFilter(TableFilter):
    title = "state"
    parameter_name = "state"

    def table(self) -> Table:
        states = {
            state.value: (state.label.capitalize(), Q(state=state)) for state in State
        }
        return {"open": ("Waiting, in any way", Q(state__in=OPEN)), **states}


class OrderStateFilter(TableFilter):
    title = "state"
    parameter_name = "state"

    def table(self) -> Table:
        states = {
            state.value: (state.label.capitalize(), Q(state=state))
            for state in Order.State
        }
        unfinished = (Order.State.AWAITING, Order.State.RUNNING, Order.State.PAUSED)
        waits = Q(state__in=unfinished)
        return {"open": ("Not all written yet", waits), **states}


class TypeFilter(TableFilter):
    """The RequestType; ``path`` leads to the command."""

    title = "command"
    parameter_name = "type"
    path = "request_type"

    def table(self) -> Table:
        return {
            name: (words.title(name), Q(**{self.path: name}))
            for name in sorted(catalogue.commands(), key=words.title)
        }


class DeliveryTypeFilter(TypeFilter):
    path = "command__request_type"
