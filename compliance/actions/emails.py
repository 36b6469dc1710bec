"""E-mails: a policy's letter, one for all verdicts since the one before."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import timezone

from ..models import Action, Policy, State
from .outbox import Claim, policies_with

NAMED = 50
"""How many devices a letter names; the page has all of them."""


@dataclass(frozen=True)
class Part:
    """The devices of one verdict: how many, and the first of them."""

    count: int
    rows: list[Action]

    @property
    def more(self) -> int:
        return self.count - len(self.rows)


def send_due() -> int:
    """Send the letters that are due; return of how many verdicts they told."""
    return sum(_send(policy) for policy in policies_with(Action.Kind.EMAIL))


def _send(policy: Policy) -> int:
    """Send one letter; outside of a transaction, for the server may take its time."""
    if not policy.emails:
        claim = Claim.take(policy, Action.Kind.EMAIL)
        if claim:
            claim.failed("Nobody is to be told any more.", for_good=True)
        return 0
    if not _is_due(policy):
        return 0
    claim = Claim.take(policy, Action.Kind.EMAIL)
    if claim is None:
        return 0
    try:
        letter(policy, claim).send()
    except OSError as problem:  # what SMTP and sockets raise
        Policy.objects.filter(pk=policy.pk).update(emailed_at=policy.emailed_at)
        claim.failed(f"The mail server did not take it: {problem}")
        return 0
    return claim.done()


def _is_due(policy: Policy) -> bool:
    """Whether it is time for another letter; then nobody else finds that it is."""
    now = timezone.now()
    before = now - dt.timedelta(minutes=policy.email_minutes)
    rows = Policy.objects.filter(Q(emailed_at=None) | Q(emailed_at__lte=before))
    return bool(rows.filter(pk=policy.pk).update(emailed_at=now))


def letter(policy: Policy, claim: Claim) -> EmailMessage:
    violate, comply = _part(claim, State.VIOLATES), _part(claim, State.COMPLIES)
    context: dict[str, Any] = {
        "policy": policy,
        "violate": violate,
        "comply": comply,
        "url": settings.PUBLIC_URL + policy.get_absolute_url(),
        "organization": settings.ORGANIZATION,
    }
    return EmailMessage(
        subject=_subject(policy, violate.count, comply.count),
        body=render_to_string("compliance/letter.txt", context),
        to=list(policy.emails),
    )


def _part(claim: Claim, about: State) -> Part:
    rows = claim.rows.filter(about=about)
    first = rows.select_related("device__owner").order_by("pk")[:NAMED]
    return Part(rows.count(), list(first))


def _subject(policy: Policy, violate: int, comply: int) -> str:
    parts = []
    if violate:
        parts.append(f"{violate} violate{'s' if violate == 1 else ''}")
    if comply:
        parts.append(f"{comply} compl{'ies' if comply == 1 else 'y'} again")
    name = " ".join(policy.name.split())
    return f"{name}: {' and '.join(parts)}"
