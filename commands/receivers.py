"""What the queue does when something happens to an enrollment."""

from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver

from devices.models import Enrollment, InventorySchedule, Secret
from devices.signals import enrollment_ended, secret_revealed, signed_in

from . import queue, schedule
from .escrow import received, rotation
from .models import Delivery
from .results.said import Said
from .signals import answered


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


@receiver(secret_revealed)
def replace_what_was_seen(secret: Secret, **_: Any) -> None:
    rotation.schedule(secret)


@receiver(answered)
def keep_what_is_secret(said: Said, **_: Any) -> None:
    received.take(said)


@receiver(post_save, sender=InventorySchedule)
def ask_sooner(instance: InventorySchedule, **_: Any) -> None:
    schedule.hasten(instance)
