"""Filters of verdicts and actions."""

from typing import Any

from django.db.models import Q
from unfold.contrib.filters.admin import RelatedDropdownFilter

from devices.admin.filters import Table, TableFilter
from devices.models import Device

from ..models import Action, State


class StateFilter(TableFilter):
    title = "state"
    parameter_name = "state"

    def table(self) -> Table:
        return {
            each.value: (each.label.capitalize(), Q(state=each.value)) for each in State
        }


class PlatformFilter(TableFilter):
    title = "platform"
    parameter_name = "platform"

    def table(self) -> Table:
        return {
            each: (each, Q(device__platform=each)) for each in Device.Platform.values
        }


class OutcomeFilter(TableFilter):
    title = "outcome"
    parameter_name = "state"

    def table(self) -> Table:
        return {
            each.value: (each.label.capitalize(), Q(state=each.value))
            for each in Action.State
        }


class KindFilter(TableFilter):
    title = "kind"
    parameter_name = "kind"

    def table(self) -> Table:
        return {
            each.value: (each.label.capitalize(), Q(kind=each.value))
            for each in Action.Kind
        }


class PolicyFilter(RelatedDropdownFilter):  # type: ignore[misc]
    """One of the policies, also of those that are off."""

    def has_output(self) -> bool:
        return True

    def field_admin_ordering(self, *args: Any) -> tuple[str, ...]:
        return ("name",)
