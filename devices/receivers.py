"""What happens elsewhere and marks devices: tags, groups, the roles of their owner."""

from typing import Any

from django.db.models.signals import m2m_changed, pre_delete
from django.dispatch import receiver

from .models import Device, DeviceGroup, Tag, User
from .putting import mark

PUT = ("post_add", "post_remove")


@receiver(m2m_changed, sender=DeviceGroup.devices.through)
@receiver(m2m_changed, sender=Device.tags.through)
def put_or_taken(
    instance: Any, action: str, reverse: bool, pk_set: set[int] | None, **_: Any
) -> None:
    """Mark the devices that were put into a group or got a tag, or lost them."""
    if action == "pre_clear" and not isinstance(instance, Device):
        mark(instance.devices.all())
    elif action == "pre_clear" or (action in PUT and isinstance(instance, Device)):
        Device.regroup([instance.pk])
    elif action in PUT and pk_set:
        Device.regroup(pk_set)


@receiver(m2m_changed, sender=User.groups.through)
def roles_given_or_taken(instance: Any, action: str, **_: Any) -> None:
    """Mark what somebody owns whose roles changed."""
    if action in (*PUT, "post_clear") and isinstance(instance, User):
        mark(instance.devices.all())


@receiver(pre_delete, sender=Tag)
@receiver(pre_delete, sender=DeviceGroup)
def is_no_more(instance: Any, **_: Any) -> None:
    """Mark the devices that lose a tag or a group by its end."""
    mark(instance.devices.all())
