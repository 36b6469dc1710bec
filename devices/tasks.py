"""Tasks of the devices. Each finds its work in the database and may run twice."""

from celery import shared_task
from django.db import OperationalError

from . import groups


@shared_task
def regroup() -> int:
    """Settle the groups of the devices that changed; return how many."""
    return groups.regroup()


@shared_task
def sweep() -> int:
    """Find whom the time alone brings into smart groups; return how many changed."""
    return groups.sweep()


@shared_task(autoretry_for=(OperationalError,), retry_backoff=True, max_retries=5)
def sweep_group(pk: int) -> int:
    """Settle a smart group whose conditions are new; return how many changed."""
    return groups.sweep_one(pk)
