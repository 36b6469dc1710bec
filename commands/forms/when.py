"""When and how an order goes out: a note, when, in which window, to how many first."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString

from .. import terms
from ..models import Order
from .confirm import ConfirmField

LIVES: Mapping[str, tuple[str, dt.timedelta | None]] = {
    "": ("does not expire", None),
    "hour": ("1 hour after it begins", dt.timedelta(hours=1)),
    "day": ("1 day after it begins", dt.timedelta(days=1)),
    "week": ("7 days after it begins", dt.timedelta(days=7)),
    "month": ("30 days after it begins", dt.timedelta(days=30)),
}
"""How long an order may wait, by the choice that says so."""
PRIORITIES = ((-10, "after everything else"), (0, "normal"), (10, "before all else"))
SPREADS = (
    (0, "all at once"),
    (600, "over 10 minutes"),
    (3600, "over 1 hour"),
    (4 * 3600, "over 4 hours"),
    (12 * 3600, "over 12 hours"),
)
DAYS = tuple(enumerate(terms.DAYS))
EASTERNMOST, WESTERNMOST = dt.timedelta(hours=14), dt.timedelta(hours=12)
"""How far clocks are before and behind UTC anywhere."""

SEVERAL = ("spread", "first", "most_failed")
"""Fields that make sense for more than one device alone."""


def _moment(**options: Any) -> forms.DateTimeField:
    widget = forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    return forms.DateTimeField(required=False, widget=widget, **options)


def _clock(**options: Any) -> forms.TimeField:
    widget = forms.TimeInput({"type": "time"}, format="%H:%M")
    return forms.TimeField(required=False, widget=widget, **options)


class WhenForm(forms.Form):
    """Asks for all but the keys; ``values`` is what ``ordering.draft`` takes.

    ``count`` is how many are chosen: one alone is not asked for spreading. ``confirm``
    is what must be typed, '' for nothing.
    """

    AT = "at"
    """The choice of when it expires of those that say a time themselves."""

    note = forms.CharField(
        max_length=255,
        required=False,
        label="Note",
        help_text="Why, for whoever reads the history. Not sent to the device.",
    )
    starts_at = _moment(
        label="Not before",
        help_text="By your clock. Empty: now.",
    )
    expires = forms.ChoiceField(
        choices=[
            *((value, title) for value, (title, _) in LIVES.items()),
            ("at", "at the time given"),
        ],
        required=False,
        label="Expires",
        help_text="A device that has not come by then is not sent it any more.",
    )
    expires_at = _moment(label="Expires at", help_text="By your clock.")
    priority = forms.TypedChoiceField(
        choices=PRIORITIES,
        coerce=int,
        empty_value=0,  # type: ignore[arg-type]
        required=False,
        initial=0,
        label="Priority",
        help_text="Among all that waits for the same device.",
    )
    in_window = forms.BooleanField(
        required=False, label="Only in a maintenance window, by each device's own clock"
    )
    days = forms.TypedMultipleChoiceField(
        choices=DAYS,
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Days",
        help_text="On which it begins. None chosen: every day.",
    )
    opens = _clock(label="From")
    closes = _clock(label="Until", help_text="May be on the next day: 22:00 to 05:00.")
    spread = forms.TypedChoiceField(
        choices=SPREADS,
        coerce=int,
        empty_value=0,  # type: ignore[arg-type]
        required=False,
        label="Wake the devices",
        help_text="Slower is kinder to the network and to what they download from.",
    )
    first = forms.IntegerField(
        min_value=1,
        required=False,
        label="To so many first",
        help_text="The others wait until these have answered. Empty: to all at once.",
    )
    most_failed = forms.IntegerField(
        min_value=0,
        required=False,
        label="Go on unless more than so many fail",
        help_text="Empty: unless any fails.",
    )

    def __init__(
        self, data: Any = None, *, count: int = 1, confirm: str = "", **options: Any
    ) -> None:
        super().__init__(data, **options)
        self.count = count
        if count == 1:
            for name in SEVERAL:
                del self.fields[name]
        if confirm:
            self.fields["confirm"] = ConfirmField(confirm)

    @staticmethod
    def initial_of(order: Order) -> dict[str, Any]:
        """Return what to show for an order as it was drafted."""
        window = order.window or {}
        return {
            "note": order.note,
            "priority": order.priority,
            "starts_at": order.starts_at,
            "expires": WhenForm.AT if order.expires_at else "",
            "expires_at": order.expires_at,
            "in_window": bool(window),
            "days": window.get("days", []),
            "opens": window.get("from"),
            "closes": window.get("until"),
            "spread": order.spread,
            "first": order.first,
            "most_failed": order.most_failed or None,
        }

    # --- What was typed

    def clean_first(self) -> int | None:
        first: int | None = self.cleaned_data["first"]
        if first is not None and first >= self.count:
            raise ValidationError(
                f"There are {self.count} devices: say fewer, or leave it empty."
            )
        return first

    def clean(self) -> None:
        self._refuse_window()
        self._refuse_expiry()
        if self.cleaned_data.get("most_failed") and not self.cleaned_data.get("first"):
            self.add_error("first", "Say how many get it first.")

    def _refuse_window(self) -> None:
        said = self.cleaned_data
        if not said.get("in_window"):
            return
        for name, words in (("opens", "begins"), ("closes", "ends")):
            if name in said and said[name] is None:
                self.add_error(name, f"Say when the window {words}.")
        if said.get("opens") and said.get("opens") == said.get("closes"):
            text = "The window would be empty: let it end at another time."
            self.add_error("closes", text)

    def _refuse_expiry(self) -> None:
        said = self.cleaned_data
        if said.get("expires") == self.AT and "expires_at" in said:
            if said["expires_at"] is None:
                self.add_error("expires_at", "Say when it expires.")
            elif said["expires_at"] <= self._begins():
                text = "This is before it begins: let it expire later."
                self.add_error("expires_at", text)
        if self.errors:
            return
        expires_at, window = self._expiry(), self._in_window()
        if (
            window
            and expires_at
            and not opens_within(window, self._begins(), expires_at)
        ):
            text = "It would expire before the maintenance window opens anywhere."
            self.add_error("expires", text)

    def _begins(self) -> dt.datetime:
        now = timezone.now()
        return max(self.cleaned_data.get("starts_at") or now, now)

    def _expiry(self) -> dt.datetime | None:
        chosen = self.cleaned_data["expires"]
        if chosen == self.AT:
            at: dt.datetime | None = self.cleaned_data["expires_at"]
            return at
        _, life = LIVES[chosen]
        return self._begins() + life if life else None

    def _in_window(self) -> dict[str, Any] | None:
        said = self.cleaned_data
        if not said["in_window"]:
            return None
        return {
            "days": said["days"] or [day for day, _ in DAYS],
            "from": f"{said['opens']:%H:%M}",
            "until": f"{said['closes']:%H:%M}",
        }

    # --- What it comes to

    @property
    def values(self) -> dict[str, Any]:
        """What ``ordering.draft`` takes beside the targets and the keys."""
        said = self.cleaned_data
        return {
            "note": said["note"],
            "priority": said["priority"],
            "starts_at": said["starts_at"],
            "expires_at": self._expiry(),
            "window": self._in_window(),
            "spread": said.get("spread") or 0,
            "first": said.get("first"),
            "most_failed": said.get("most_failed") or 0,
        }

    # --- How it looks

    def __str__(self) -> SafeString:
        return render_to_string("commands/keys/when.html", {"form": self})

    __html__ = __str__

    def _bound(self, *names: str) -> list[forms.BoundField]:
        return [self[name] for name in names if name in self.fields]

    @property
    def always(self) -> list[forms.BoundField]:
        return self._bound("note")

    @property
    def timing(self) -> list[forms.BoundField]:
        return self._bound("starts_at", "priority", "expires", "expires_at")

    @property
    def window_chosen(self) -> list[forms.BoundField]:
        return self._bound("in_window")

    @property
    def window(self) -> list[forms.BoundField]:
        return self._bound("days", "opens", "closes")

    @property
    def staging(self) -> list[forms.BoundField]:
        return self._bound(*SEVERAL)

    @property
    def last(self) -> list[forms.BoundField]:
        """What confirms it stands beside the button."""
        return self._bound("confirm")

    @property
    def is_folded(self) -> bool:
        """One device is mostly told at once; of several it is asked openly."""
        return self.count == 1

    @property
    def is_open(self) -> bool:
        folded = self.fields.keys() - {"note", "confirm"}
        if not self.is_bound:
            return any(self.initial.get(name) for name in folded)
        return bool(folded & self.errors.keys() or folded & set(self.changed_data))


def opens_within(
    window: Mapping[str, Any], begins: dt.datetime, ends: dt.datetime
) -> bool:
    """Return whether the window is open between the two, by some clock on Earth."""
    opens = dt.time.fromisoformat(window["from"])
    closes = dt.time.fromisoformat(window["until"])
    day = begins.astimezone(dt.UTC).date() - dt.timedelta(days=2)
    while day <= ends.astimezone(dt.UTC).date() + dt.timedelta(days=2):
        start = dt.datetime.combine(day, opens, dt.UTC) - EASTERNMOST
        last = day if opens < closes else day + dt.timedelta(days=1)
        end = dt.datetime.combine(last, closes, dt.UTC) + WESTERNMOST
        if day.weekday() in window["days"] and start < ends and begins < end:
            return True
        day += dt.timedelta(days=1)
    return False
