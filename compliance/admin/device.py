"""The device list's filter by compliance."""

from django.db.models import Q

from devices.admin.device import DeviceList
from devices.admin.filters import Table, TableFilter

from ..models import Standing, State


def standing(state: State) -> Q:
    """Return the devices that stand so with one policy at least."""
    return Q(pk__in=Standing.objects.filter(state=state).order_by().values("device"))


class ComplianceFilter(TableFilter):
    """How a device stands with all policies that are for it."""

    title = "compliance"
    parameter_name = "compliance"

    def table(self) -> Table:
        violates, unknown = standing(State.VIOLATES), standing(State.UNKNOWN)
        return {
            "violates": ("Violates a policy", violates),
            "unknown": ("Not known", unknown & ~violates),
            "complies": (
                "Complies with all",
                standing(State.COMPLIES) & ~violates & ~unknown,
            ),
        }


DeviceList.list_filter = (*DeviceList.list_filter, ComplianceFilter)  # type: ignore[assignment]
