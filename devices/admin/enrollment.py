"""Enrollment: every stay of every device. What is done about one: enrollment.admin."""

from django.contrib import admin
from django.utils.safestring import SafeString

from ..models import Enrollment
from .base import LongPaginator, ReadOnlyAdmin, badge, moment
from .filters import ChoiceFilter, WayFilter

TONES = {
    Enrollment.State.ACTIVE: "ok",
    Enrollment.State.PENDING: "info",
    Enrollment.State.HELD: "warn",
}


def state_badge(stay: Enrollment | None) -> SafeString:
    """Return the state of a stay; a device without any has left."""
    if stay is None:
        return badge("left")
    state = Enrollment.State(stay.state)
    return badge(state.label, TONES.get(state, "mute"))


class EnrollmentList(ReadOnlyAdmin):
    list_display = (
        "device",
        "state_label",
        "mode",
        "way",
        "owner",
        moment("opened_at", "began"),
        moment("ended_at", "ended"),
        "end_reason",
    )
    list_filter = (
        ("state", ChoiceFilter),
        ("mode", ChoiceFilter),
        ("identities__challenge__way", WayFilter),
    )
    list_select_related = ("device", "owner")
    search_fields = ("device__name", "device__serial_number", "device__udid")
    search_help_text = "Search device"
    fields = (
        "device",
        "state",
        "mode",
        "way",
        "owner",
        "managed_apple_account",
        moment("signed_out_at"),
        "topic",
        "access_rights",
        "awaiting_configuration",
        moment("opened_at"),
        moment("enrolled_at"),
        moment("ended_at"),
        "end_reason",
    )
    readonly_fields = fields
    paginator = LongPaginator
    empty = (
        "history",
        "No device has enrolled yet",
        "Each stay of a device under management is listed here, also after it ended.",
    )
    empty_button = ("admin:enrollment_enrollmentprofile_changelist", "See the ways in")

    @admin.display(description="state", ordering="state")
    def state_label(self, enrollment: Enrollment) -> SafeString:
        return state_badge(enrollment)
