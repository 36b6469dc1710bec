"""Tags that policies put on devices, and take off again."""

from collections.abc import Collection

from django.db.models import QuerySet

from devices.models import Device

from ..models import Policy, Standing

Tagged = Device.tags.through
BATCH = 500


def put(tag: int | None, devices: Collection[int]) -> list[int]:
    """Put the tag on these devices; return on which it was not."""
    if tag is None or not devices:
        return []
    there = Tagged.objects.filter(tag=tag, device__in=devices)
    without = sorted(set(devices) - set(there.values_list("device", flat=True)))
    rows = [Tagged(tag_id=tag, device_id=pk) for pk in without]
    Tagged.objects.bulk_create(rows, ignore_conflicts=True)
    Device.regroup(without)
    return without


def take_off(
    policy: Policy, devices: Collection[int], tag: int | None = None
) -> list[int]:
    """Take off the policy's tag, or the one it had; return from which devices.

    It stays where another policy has put it, too.
    """
    tag = tag or policy.tag_id
    if tag is None or not devices:
        return []
    rows = Tagged.objects.filter(tag=tag, device__in=devices)
    rows = rows.exclude(device__in=_of_others(policy, tag).values("device"))
    gone = list(rows.values_list("device", flat=True))
    Tagged.objects.filter(tag=tag, device__in=gone).delete()
    Device.regroup(gone)
    return gone


def _of_others(policy: Policy, tag: int) -> QuerySet[Standing]:
    acted = Standing.objects.filter(policy__tag=tag, acted_at__isnull=False)
    return acted.exclude(policy=policy).order_by()


def change(policy: Policy, before: int | None) -> None:
    """Put the policy's tag in place of the one it had; None for none."""
    if before == policy.tag_id:
        return
    acted = policy.standings.filter(acted_at__isnull=False)
    devices = list(acted.order_by("device").values_list("device", flat=True))
    for first in range(0, len(devices), BATCH):
        batch = devices[first : first + BATCH]
        if before:
            take_off(policy, batch, before)
        put(policy.tag_id, batch)
