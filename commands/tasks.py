"""Tasks of the queue. Each finds its work in the database and may run twice."""

from celery import shared_task

from . import forgetting, ordering, queue, results, schedule
from .escrow import pending, rotation


@shared_task
def read_results() -> int:
    return results.read_waiting()


@shared_task
def settle_secrets() -> int:
    return pending.settle()


@shared_task
def rotate_secrets() -> int:
    return rotation.rotate_due()


@shared_task
def expire() -> int:
    return queue.expire()


@shared_task
def ask_inventory() -> int:
    return schedule.ask_due()


@shared_task
def forget_changes() -> int:
    return forgetting.changes()


@shared_task
def forget_applications() -> int:
    return forgetting.applications()


@shared_task
def forget_locations() -> int:
    return forgetting.locations()


@shared_task
def forget_scheduled() -> int:
    return forgetting.scheduled()


@shared_task
def write_orders() -> int:
    return ordering.run_due()


@shared_task
def order_recurring() -> int:
    return ordering.run_recurring()


@shared_task
def forget_drafts() -> int:
    return forgetting.drafts()
