"""Live: how a policy's sweep goes and how devices stand, drawn while somebody looks."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from . import counts
from .models import Policy, State

TONES: Mapping[str, str] = {
    State.COMPLIES: "ok",
    State.VIOLATES: "bad",
    State.UNKNOWN: "mute",
}


COUNTED: Mapping[str, tuple[str, str]] = {
    State.COMPLIES: ("complies", "comply"),
    State.VIOLATES: ("violates", "violate"),
    State.UNKNOWN: ("not known", "not known"),
}
"""What one device does, and what several do."""


@dataclass(frozen=True)
class Share:
    """How many devices are in a state; ``percent`` of all, as CSS wants it."""

    state: State
    count: int
    percent: str

    @property
    def tone(self) -> str:
        return TONES[self.state]

    @property
    def words(self) -> str:
        one, several = COUNTED[self.state]
        return f"{self.count:,} {one if self.count == 1 else several}"


def shares(found: Counter[str]) -> Sequence[Share]:
    total = found.total() or 1
    return [
        Share(state, found[state], f"{100 * found[state] / total:.2f}%")
        for state in State
        if found[state]
    ]


def cell(policy: Policy, found: Counter[str]) -> SafeString:
    """Return how devices stand, and how far a sweep that is under way has come."""
    share = 100 * policy.sweep_done / (policy.sweep_total or 1)
    context = {
        "policy": policy,
        "shares": shares(found),
        "is_open": policy.sweep_after is not None,
        "share": f"{min(share, 100):.1f}%",
    }
    return render_to_string("compliance/progress.html", context)


def draw(request: HttpRequest, ids: list[int]) -> Mapping[int, str]:
    if not request.user.has_perm("compliance.view_policy"):
        return {}
    found = counts.now(ids)
    rows = Policy.objects.filter(pk__in=ids).defer(*Policy.SECRETS)
    return {row.pk: cell(row, found[row.pk]) for row in rows}
