"""Tasks of the ways in."""

import datetime as dt

from celery import shared_task
from django.utils import timezone

from . import authority, logins, renewal
from .account import policy
from .models import Challenge
from .signon import metadata

KEPT_FOR = dt.timedelta(days=7)
"""How long an unused challenge is kept past its end, to tell why it was refused."""


@shared_task
def forget_challenges() -> int:
    """Delete challenges that no one used in time; return how many."""
    past = timezone.now() - KEPT_FOR
    unused = Challenge.objects.filter(identity=None, expires_at__lt=past)
    return unused.delete()[0]


@shared_task
def forget_logins() -> int:
    """Delete what logins of network users left behind; return how many rows."""
    return logins.forget()


@shared_task
def enforce_sign_in() -> int:
    """Have what nobody signs in for any more lose its profiles; return how many."""
    return policy.enforce()


@shared_task
def forget_sign_ins() -> int:
    """Delete what ended long ago; return how many."""
    return policy.forget()


@shared_task
def renew_identities() -> int:
    """Order the renewals that are due; return how many."""
    return renewal.renew(renewal.due()).ordered


@shared_task
def roll_over() -> bool:
    """Make the next certificate authority when it is time; return whether it was."""
    return authority.roll_over()


@shared_task
def read_metadata() -> int:
    """Read again what SAML providers publish, before they change certificates; return
    of how many it was read."""
    return metadata.refresh_all()
