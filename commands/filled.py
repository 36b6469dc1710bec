"""Filled: keys of commands that each device entrusted to us, one by one."""

from collections.abc import Collection, Mapping

from django.db.models import QuerySet

from devices.models import Channel, Secret

KEYS: Mapping[str, Mapping[str, str]] = {
    "ClearPasscode": {"UnlockToken": Secret.Kind.UNLOCK_TOKEN},
}
"""RequestType -> its keys that the portal fills -> the secret they are filled with."""


class Missing(LookupError):
    """The device has not entrusted us with a key; says with which, in words."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"the device handed over no {Secret.Kind(kind).label}")


def names(request_type: str) -> Collection[str]:
    """Return the keys of a command that nobody is asked for."""
    return KEYS.get(request_type, {}).keys()


def missing(channel: Channel, request_type: str) -> str:
    """Return what the device has not entrusted to us, in words; '' if nothing."""
    for kind in KEYS.get(request_type, {}).values():
        if not _in_force(channel, kind).exists():
            return str(Missing(kind))
    return ""


def values(
    channel: Channel, request_type: str, names: Collection[str]
) -> dict[str, bytes]:
    """Return these keys as the channel's device handed them over, else Missing."""
    kinds = KEYS.get(request_type, {})
    return {name: _value(channel, kinds[name]) for name in names}


def _value(channel: Channel, kind: str) -> bytes:
    secret = _in_force(channel, kind).order_by("-pk").first()
    if secret is None:
        raise Missing(kind)
    return bytes(secret.value)


def _in_force(channel: Channel, kind: str) -> QuerySet[Secret]:
    return Secret.objects.filter(
        enrollment_id=channel.enrollment_id, kind=kind, replaced_at__isnull=True
    )
