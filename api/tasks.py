"""Tasks of the API."""

from celery import shared_task

from .models import KeyedOrder


@shared_task
def forget_keys() -> int:
    """Delete the keys of orders that nobody repeats any more; return how many."""
    return KeyedOrder.forget()
