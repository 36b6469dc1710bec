"""The tab of a device's page that shows how it stands with each policy."""

from collections.abc import Mapping
from typing import Any

from devices.models import Device

from .live import TONES
from .models import Policy, Standing, State

ORDER = (State.VIOLATES, State.UNKNOWN, State.COMPLIES)


def gather(device: Device, user: Any) -> Mapping[str, Any]:
    """Return the device's standings, what is wrong first."""
    rows = Standing.objects.filter(device=device).select_related("policy")
    found = list(rows.defer(*Policy.SECRETS_JOINED))
    found.sort(key=lambda row: (ORDER.index(State(row.state)), row.policy.name))
    return {
        "standings": [(row, TONES[row.state]) for row in found],
        "may_see_policies": user.has_perm("compliance.view_policy"),
    }
