"""Calendar: the form that says when something is ordered again and again, to whom."""

from typing import Any

from django import forms
from django.utils import timezone

from devices.models import DeviceGroup
from mdmportal import zone

from .. import terms
from ..forms.confirm import ConfirmField
from ..forms.when import SPREADS
from ..models import RecurringOrder

HOUR = 3600
LIVES = (
    ("", "until it is ordered again"),
    (HOUR, "1 hour"),
    (8 * HOUR, "8 hours"),
    (24 * HOUR, "1 day"),
    (7 * 24 * HOUR, "7 days"),
)
LAST_DAY = 31


def zones() -> list[tuple[str, str]]:
    """Return the time zones by name, UTC first."""
    return [(name, name.replace("_", " ")) for name in ("UTC", *zone.places())]


class CalendarForm(forms.ModelForm):  # type: ignore[type-arg]
    """All but the command and its keys. ``confirm`` must be typed, '' for nothing."""

    group = forms.ModelChoiceField(
        DeviceGroup.objects.all(),
        required=False,
        empty_label="All enrolled devices",
        help_text="Whoever is in the group then gets it.",
    )
    days = forms.TypedMultipleChoiceField(
        choices=list(enumerate(terms.DAYS)),
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="On these days of the week",
    )
    day = forms.IntegerField(
        min_value=1,
        max_value=LAST_DAY,
        required=False,
        label="or on this day of each month",
        help_text="31 is the last day of a shorter month.",
    )
    at = forms.TimeField(
        label="At", widget=forms.TimeInput({"type": "time"}, format="%H:%M")
    )
    time_zone = forms.ChoiceField(choices=zones, label="Time zone")
    expires_after = forms.TypedChoiceField(
        choices=LIVES,
        coerce=int,
        empty_value=None,
        required=False,
        label="A device may come within",
        help_text="One that has not come by then is not sent it any more.",
    )
    spread = forms.TypedChoiceField(
        choices=SPREADS,
        coerce=int,
        empty_value=0,  # type: ignore[arg-type]
        required=False,
        label="Wake the devices",
    )
    note = forms.CharField(
        max_length=255,
        required=False,
        help_text="Why, for whoever reads the history. Not sent to the device.",
    )

    class Meta:
        model = RecurringOrder
        fields = (
            "name",
            "group",
            "days",
            "day",
            "at",
            "time_zone",
            "expires_after",
            "spread",
            "note",
            "is_enabled",
        )
        labels = {"is_enabled": "Enabled"}

    def __init__(self, data: Any, *, confirm: str, **options: Any) -> None:
        instance = options["instance"]
        if instance.pk is None:
            initial = {"time_zone": timezone.get_current_timezone_name()}
            options["initial"] = {**initial, **options.get("initial", {})}
        super().__init__(data, **options)
        if confirm:
            self.fields["confirm"] = ConfirmField(confirm)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        days, day = cleaned.get("days"), cleaned.get("day")
        if days and day:
            self.add_error("day", "Either days of the week or a day of the month.")
        elif not days and not day and "day" not in self.errors:
            self.add_error("days", "Choose days, or a day of the month below.")
        return cleaned
