"""Lookup: channels by what people call a device and its user."""

from django.db.models import Q, QuerySet

from .models import Channel, Enrollment

ALL = "all"


def channels(device: str, user: str = "") -> QuerySet[Channel]:
    """Return the enrolled channels that ``device`` and ``user`` name.

    ``device`` is a serial number, a UDID, an EnrollmentID or ALL; ``user`` a UserID or
    a short name, '' for the device channel.
    """
    if not device:  # many devices have no serial number: '' names no one
        return Channel.objects.none()
    found = Channel.objects.filter(enrollment__state=Enrollment.State.ACTIVE)
    if device != ALL:
        found = found.filter(
            Q(enrollment__device__serial_number=device)
            | Q(enrollment__device__udid=device)
            | Q(enrollment__device__enrollment_id=device)
        )
    if user:
        found = found.filter(Q(user_id=user) | Q(user_short_name=user))
    else:
        found = found.filter(user_id="")
    return found.select_related("enrollment__device")
