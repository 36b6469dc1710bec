"""Running: what waits is done, each kind in its way."""

import logging
from collections.abc import Callable, Mapping

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from ..models import Action, Policy
from . import emails, orders, webhooks

logger = logging.getLogger(__name__)

RUNNERS: Mapping[Action.Kind, Callable[[], int]] = {
    Action.Kind.COMMAND: orders.place_due,
    Action.Kind.EMAIL: emails.send_due,
    Action.Kind.WEBHOOK: webhooks.send_due,
}


def run() -> int:
    """Do what is due; return how much was done. What fails is tried again later.

    One kind that cannot be done at all does not keep the others waiting.
    """
    return sum(_run(kind) for kind in RUNNERS)


def _run(kind: Action.Kind) -> int:
    try:
        return RUNNERS[kind]()
    except (InterfaceError, OperationalError):
        raise  # the database is away, for all of them
    except Exception:
        logger.exception("what policies want done cannot be done: %s", kind.label)
        return 0


def again(policy: Policy) -> int:
    """Have all that failed, or waits after a failure, tried now; return how much."""
    rows = policy.actions.filter(state=Action.State.FAILED)
    count = rows.update(state=Action.State.WAITING, tries=0, settled_at=None)
    waiting = policy.actions.filter(state=Action.State.WAITING)
    waiting.update(next_at=timezone.now())
    return count
