"""Tasks of the policies. Each finds its work in the database and may run twice."""

from celery import shared_task

from . import actions, counts, sweeps


@shared_task
def begin_sweeps() -> int:
    """Have all devices looked at anew: what is asked of time comes true by itself."""
    return sweeps.begin()


@shared_task
def sweep() -> None:
    """Go on with the sweeps that are under way."""
    if sweeps.go_on():
        sweep.delay()


@shared_task
def act() -> int:
    """Do what follows from verdicts; return how much was done."""
    actions.plan()
    return actions.run()


@shared_task
def count() -> int:
    """Keep today's counts; return of how many policies."""
    return counts.keep()


@shared_task
def forget_actions() -> int:
    """Delete what was settled long ago; return how many."""
    return actions.forget()
