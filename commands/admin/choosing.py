"""Choosing: who is to be told something, and what."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from devices.models import Enrollment
from mdmportal import catalogue

from .. import destructive, words
from ..targets import Targets
from . import who


@dataclass(frozen=True)
class Entry:
    """A command in the chooser: where it leads, and whether these devices take it."""

    request_type: str
    title: str
    summary: str
    url: str
    refused: str
    destructive: bool


def choose(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Show who can be told, then what they can be told."""
    who.check(request)
    targets = who.targets_of(request, model_admin)
    if targets is None:
        enrolled = Enrollment.objects.filter(state=Enrollment.State.ACTIVE).count()
        context = {"title": "Send a command", "enrolled": enrolled}
        return model_admin.page(request, "commands/who.html", **context)  # type: ignore[no-any-return]
    entries = [_entry(request, targets, name) for name in catalogue.commands()]
    back, back_to = who.back(request)
    return model_admin.page(  # type: ignore[no-any-return]
        request,
        "commands/choose.html",
        title="Send a command",
        targets=targets,
        frequent=_frequent(entries),
        groups=grouped(entries),
        custom_url=_custom_url(request),
        back=back,
        back_to=back_to,
    )


def _custom_url(request: HttpRequest) -> str:
    """Return where a command is written by hand, for who may."""
    if not request.user.has_perm(destructive.CUSTOM):
        return ""
    return f"{reverse('admin:commands_command_custom')}?{who.scope(request)}"


def _frequent(entries: Iterable[Entry]) -> list[Entry]:
    possible = {each.request_type: each for each in entries if not each.refused}
    return [possible[name] for name in words.FREQUENT if name in possible]


def grouped(entries: Iterable[Entry]) -> Mapping[str, list[Entry]]:
    """Return the entries by heading, what cannot be sent last."""
    groups: dict[str, list[Entry]] = {name: [] for name in (*words.GROUPS, words.OTHER)}
    for entry in sorted(entries, key=lambda each: (bool(each.refused), each.title)):
        groups[words.group_of(entry.request_type)].append(entry)
    return {name: found for name, found in groups.items() if found}


def _entry(request: HttpRequest, targets: Targets, request_type: str) -> Entry:
    refused = destructive.refusal(request.user, request_type)
    refused = refused or _in_words(targets.refusals(request_type), targets.count)
    path = reverse("admin:commands_command_order_form", args=[request_type])
    return Entry(
        request_type=request_type,
        title=words.title(request_type),
        summary=words.summary(request_type),
        url=f"{path}?{who.scope(request)}",
        refused=refused,
        destructive=destructive.is_destructive(request_type),
    )


def _in_words(refusals: Counter[str], count: int) -> str:
    """Return why none of the devices takes the command; '' if one does."""
    if refusals.total() < count or not count:
        return ""
    return "; ".join(reason for reason, _ in refusals.most_common(2))
