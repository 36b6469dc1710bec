"""State: conditions on a device's stay, on when it was seen, on tags and groups."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.timesince import timesince

from ..models import Channel, Device, DeviceGroup, Enrollment, Tag
from .field import Field, Operator, among, not_among
from .values import Choice, Number, Row, Text

ENROLLMENT, GROUPS = "Enrollment", "Groups"
DAYS = Number(unit="days", high=36_500, whole=True)
LEFT = "left"


def days_ago(days: float) -> dt.datetime:
    return timezone.now() - dt.timedelta(days=days)


def ago(moment: dt.datetime | None) -> str:
    return f"{timesince(moment)} ago" if moment else ""


def stays(**columns: Any) -> QuerySet[Enrollment]:
    """Return stays that go on."""
    return Enrollment.objects.filter(state=Enrollment.State.ACTIVE, **columns)


def channels(**columns: Any) -> QuerySet[Channel]:
    """Return channels of stays that go on."""
    return Channel.objects.filter(enrollment__state=Enrollment.State.ACTIVE, **columns)


def _in_state(state: str) -> Q:
    """Return the devices in a state. One with no stay, or none that goes on, left."""
    here = Enrollment.objects.exclude(state=Enrollment.State.ENDED)
    if state == LEFT:
        return not_among(here)
    return among(here.filter(state=state))


def enrollment() -> Field:
    states = Choice(
        entries={
            Enrollment.State.ACTIVE.value: "enrolled",
            Enrollment.State.PENDING.value: "enrolling",
            Enrollment.State.HELD.value: "held for review",
            LEFT: "left",
        }
    )

    def say(device: Device, _: str) -> str:
        found = device.enrollments.exclude(state=Enrollment.State.ENDED)
        kinds = set(found.values_list("state", flat=True)) or {LEFT}
        return ", ".join(title for kind, title in states.choices() if kind in kinds)

    return Field(
        "enrollment",
        "Enrollment",
        ENROLLMENT,
        {
            "is": Operator("is", _in_state, states, phrase="it is {value}"),
            "is_not": Operator(
                "is not",
                lambda state: ~_in_state(state),
                states,
                phrase="it is not {value}",
            ),
        },
        say,
        is_row=False,
    )


def _of_stay(
    name: str,
    label: str,
    operators: dict[str, Operator],
    say: Callable[[Enrollment], str],
) -> Field:
    """Return a field of the stay that goes on; devices without one have not told."""

    def said(device: Device, _: str) -> str:
        stay = stays(device=device).first()
        return say(stay) if stay else ""

    return Field(
        name,
        label,
        ENROLLMENT,
        operators,
        said,
        told=lambda: among(stays()),
        untold=lambda: not_among(stays()),
        is_row=False,
        finds_untold=False,
    )


def mode() -> Field:
    modes = Choice(entries=dict(Enrollment.Mode.choices))
    return _of_stay(
        "mode",
        "Kind of enrollment",
        {
            "is": Operator("is", lambda mode: among(stays(mode=mode)), modes),
            "is_not": Operator(
                "is not", lambda mode: not_among(stays(mode=mode)), modes
            ),
        },
        lambda stay: stay.get_mode_display(),
    )


def way() -> Field:
    """By the name that the way in had when the device came."""
    name = Text(hint="its name")
    return _of_stay(
        "way",
        "Way in",
        {
            "is": Operator("is", lambda text: among(stays(way__iexact=text)), name),
            "is_not": Operator(
                "is not", lambda text: not_among(stays(way__iexact=text)), name
            ),
            "contains": Operator(
                "contains", lambda text: among(stays(way__icontains=text)), name
            ),
        },
        lambda stay: stay.way,
    )


def enrolled() -> Field:
    return _of_stay(
        "enrolled",
        "Enrolled",
        {
            "within": Operator(
                "within the last",
                lambda days: among(stays(enrolled_at__gte=days_ago(days))),
                DAYS,
            ),
            "before": Operator(
                "longer ago than",
                lambda days: among(stays(enrolled_at__lt=days_ago(days))),
                DAYS,
            ),
        },
        lambda stay: ago(stay.enrolled_at),
    )


def seen() -> Field:
    """Only what is enrolled can be missed. One that never spoke was not seen."""

    def not_within(days: int) -> Q:
        limit = days_ago(days)
        silent = Q(last_seen_at__lt=limit) | Q(last_seen_at__isnull=True)
        own = channels(user_id="").filter(silent)
        return among(own, "enrollment__device")

    def within(days: int) -> Q:
        own = channels(user_id="", last_seen_at__gte=days_ago(days))
        return among(own, "enrollment__device")

    def say(device: Device, _: str) -> str:
        own = channels(user_id="", enrollment__device=device).first()
        return (ago(own.last_seen_at) or "never") if own else ""

    return Field(
        "seen",
        "Seen",
        ENROLLMENT,
        {
            "within": Operator(
                "within the last", within, DAYS, "it was seen within the last {value}"
            ),
            "not_within": Operator(
                "not within the last",
                not_within,
                DAYS,
                "it was not seen within the last {value}",
            ),
        },
        say,
        told=lambda: among(stays()),
        untold=lambda: not_among(stays()),
        is_row=False,
        finds_untold=False,
    )


def inventory() -> Field:
    def older(days: int) -> Q:
        limit = days_ago(days)
        return Q(inventory_at__lt=limit) | Q(inventory_at__isnull=True)

    return Field(
        "inventory",
        "Inventory told",
        ENROLLMENT,
        {
            "within": Operator(
                "within the last",
                lambda days: Q(inventory_at__gte=days_ago(days)),
                DAYS,
            ),
            "not_within": Operator("not within the last", older, DAYS),
        },
        lambda device, _: ago(device.inventory_at) or "never",
    )


def _marks(
    name: str, label: str, rows: Callable[[int], QuerySet[Any]], choices: Row
) -> Field:
    """Return the field of what staff puts on devices; ``rows`` join one with them."""

    def say(device: Device, value: str) -> str:
        has = rows(choices.read(value)).filter(device=device).exists()
        return "yes" if has else "no"

    has, has_not = ("is", "is not") if name == "group" else ("has", "has not")
    phrases = {"group": "it {operator} in the group {value}"}
    phrase = phrases.get(name, "it {operator} the tag {value}")
    return Field(
        name,
        label,
        GROUPS,
        {
            "in" if name == "group" else "has": Operator(
                has, lambda pk: among(rows(pk)), choices, phrase
            ),
            "not_in" if name == "group" else "has_not": Operator(
                has_not, lambda pk: not_among(rows(pk)), choices, phrase
            ),
        },
        say,
        is_row=False,
    )


def tag() -> Field:
    joined = Tag.devices.through.objects
    return _marks(
        "tag",
        "Tag",
        lambda pk: joined.filter(tag=pk),
        Row(rows=Tag.objects.all, noun="tag"),
    )


def static_groups() -> QuerySet[DeviceGroup]:
    """Return the groups that conditions can name: none that is smart itself."""
    return DeviceGroup.static()


def group() -> Field:
    joined = DeviceGroup.devices.through.objects
    return _marks(
        "group",
        "Group",
        lambda pk: joined.filter(devicegroup=pk),
        Row(rows=static_groups, noun="group"),
    )


FIELDS = (
    enrollment(),
    mode(),
    way(),
    enrolled(),
    seen(),
    inventory(),
    tag(),
    group(),
)
