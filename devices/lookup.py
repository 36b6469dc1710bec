"""Lookup: devices and channels by what people call a device and its user."""

from django.db.models import Q, QuerySet

from .models import Channel, Device, Enrollment

ALL = "all"
LONGEST_ID = 16


def devices(name: str) -> QuerySet[Device]:
    """Return the devices with this id, serial number, UDID or EnrollmentID."""
    if not name:  # many devices have no serial number: '' names no one
        return Device.objects.none()
    named = Q(serial_number=name) | Q(udid=name) | Q(enrollment_id=name)
    if name.isdecimal() and len(name) < LONGEST_ID:
        named |= Q(pk=name)
    return Device.objects.filter(named)


def channels(device: str, user: str = "") -> QuerySet[Channel]:
    """Return the enrolled channels that ``device`` and ``user`` name.

    ``device`` is what devices() takes, or ALL; ``user`` a UserID or a short name, ''
    for the device channel.
    """
    found = Channel.objects.filter(enrollment__state=Enrollment.State.ACTIVE)
    if device != ALL:
        found = found.filter(enrollment__device__in=devices(device))
    if user:
        found = found.filter(Q(user_id=user) | Q(user_short_name=user))
    else:
        found = found.filter(user_id="")
    return found.select_related("enrollment__device")
