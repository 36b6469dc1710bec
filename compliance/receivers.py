"""What policies do when something happens to devices."""

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError
from django.db.models.signals import pre_delete
from django.dispatch import receiver

from devices.models import AuditEntry, DeviceGroup
from devices.signals import devices_regrouped

from . import sweeps
from .actions import tags
from .evaluation import BATCH, evaluate
from .models import Policy


@receiver(devices_regrouped)
def judge(device_ids: Sequence[int], **_: Any) -> None:
    """Judge devices anew that changed, by all policies."""
    for first in range(0, len(device_ids), BATCH):
        batch = device_ids[first : first + BATCH]
        try:
            evaluate(batch)
        except IntegrityError:  # one of them was deleted meanwhile
            evaluate(batch)


@receiver(pre_delete, sender=DeviceGroup)
def switch_off(instance: DeviceGroup, **_: Any) -> None:
    """A policy must not be for all devices because its last group is deleted."""
    rows = Policy.groups.through.objects.exclude(devicegroup=instance)
    policies = Policy.objects.filter(groups=instance, is_enabled=True)
    for policy in policies.exclude(pk__in=rows.values("policy")):
        Policy.objects.filter(pk=policy.pk).update(is_enabled=False)
        sweeps.begin(Policy.objects.filter(pk=policy.pk))
        AuditEntry.write(None, "policy switched off", policy, group=str(instance))


@receiver(pre_delete, sender=Policy)
def take_tag_along(instance: Policy, **_: Any) -> None:
    """A policy that is deleted leaves no tag behind."""
    before, instance.tag_id = instance.tag_id, None
    tags.change(instance, before)
