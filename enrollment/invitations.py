"""Invitations: made, sent, renewed and withdrawn. Their tokens are told only once."""

import datetime as dt
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Count, Q, QuerySet
from django.template.loader import render_to_string
from django.utils import timezone

from devices.models import AuditEntry

from .models import Invitation, digest, new_token

USED = Count(
    "challenges",
    filter=Q(challenges__identity__isnull=False, challenges__ota=None),
    distinct=True,
) + Count(
    "challenges__ota",
    filter=Q(challenges__identity__isnull=False),
    distinct=True,
)
"""As Invitation.used, for a whole list at once."""


class NotSent(Exception):
    """The letter could not be handed over; the message says what the server said."""


def listed() -> QuerySet[Invitation]:
    """Return all invitations with how many devices used each."""
    rows = Invitation.objects.select_related("way", "user", "created_by")
    return rows.annotate(devices=USED)


def make(invitation: Invitation, by: Any) -> str:
    """Save a new invitation, return its token."""
    token = new_token()
    invitation.digest, invitation.created_by = digest(token), by
    invitation.save()
    _write(by, "invited", invitation)
    return token


def renew(invitation: Invitation, by: Any) -> str:
    """Return a new token; a letter or code that was given out before is void."""
    token = invitation.renew_token()
    _write(by, "renewed an invitation", invitation)
    return token


def revoke(invitation: Invitation, by: Any) -> None:
    """Let no one in by it any more. Devices that enrolled by it stay."""
    if invitation.revoked_at:
        return
    invitation.revoked_at = timezone.now()
    invitation.save(update_fields=["revoked_at"])
    _write(by, "withdrew an invitation", invitation)


def send(invitation: Invitation, token: str) -> None:
    """Send the letter; NotSent if the mail server does not take it.

    To be called outside of a transaction: the server may take its time.
    """
    context = {
        "invitation": invitation,
        "url": invitation.url(token),
        "organization": settings.ORGANIZATION,
    }
    letter = EmailMessage(
        subject=f"Set up your device for {settings.ORGANIZATION}",
        body=render_to_string("enrollment/invitation.txt", context),
        to=[invitation.email],
    )
    try:
        letter.send()
    except OSError as problem:  # what SMTP and sockets raise
        raise NotSent(str(problem)) from problem
    invitation.sent_at = timezone.now()
    invitation.save(update_fields=["sent_at"])


def _write(by: Any, action: str, invitation: Invitation) -> None:
    AuditEntry.write(
        by,
        action,
        invitation,
        way=invitation.way.name,
        devices=invitation.limit,
        expires=invitation.expires_at.isoformat(timespec="minutes"),
    )


def state(invitation: Invitation, used: int) -> tuple[str, str]:
    """Return its state in a word, and the badge's tone."""
    if invitation.revoked_at:
        return "withdrawn", "mute"
    if used >= invitation.limit:
        return "used", "ok"
    if invitation.expires_at <= timezone.now():
        return "expired", "mute"
    return "open", "info"


def default_end() -> dt.datetime:
    """Two weeks: over a holiday, and not for ever."""
    return timezone.now() + dt.timedelta(days=14)
