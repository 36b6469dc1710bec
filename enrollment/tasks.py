"""Tasks of the ways in."""

import datetime as dt

from celery import shared_task
from django.utils import timezone

from .models import Challenge

KEPT_FOR = dt.timedelta(days=7)
"""How long an unused challenge is kept past its end, to tell why it was refused."""


@shared_task
def forget_challenges() -> int:
    """Delete challenges that no one used in time; return how many."""
    past = timezone.now() - KEPT_FOR
    unused = Challenge.objects.filter(identity=None, expires_at__lt=past)
    return unused.delete()[0]
