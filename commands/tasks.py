"""Tasks of the queue. Each finds its work in the database and may run twice."""

from celery import shared_task

from . import queue, results


@shared_task
def read_results() -> int:
    return results.read_waiting()


@shared_task
def expire() -> int:
    return queue.expire()
