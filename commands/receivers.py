"""What the queue does when something happens to an enrollment."""

from typing import Any

from django.dispatch import receiver

from devices.models import Enrollment
from devices.signals import enrollment_ended

from . import queue


@receiver(enrollment_ended)
def cancel_what_waits(enrollment: Enrollment, **_: Any) -> None:
    queue.close(enrollment)
