"""What the queue does when something happens to an enrollment."""

from typing import Any

from django.dispatch import receiver

from devices.models import Enrollment
from devices.signals import enrollment_ended, signed_in

from . import queue
from .models import Delivery


@receiver(enrollment_ended)
def cancel_what_waits(enrollment: Enrollment, **_: Any) -> None:
    queue.close(enrollment)


@receiver(signed_in)
def spare(enrollment_id: int, **_: Any) -> None:
    """Take back what was to be removed from who signed in after all."""
    removals = Delivery.objects.filter(
        channel__enrollment=enrollment_id, priority=queue.REMOVAL
    )
    queue.cancel(removals)
