"""Columns: what the list of devices can show, and how each is had, sorted and written.

A page costs the same whatever is shown: what a column needs beside the device's row is
fetched for all rows of the page at once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib.humanize.templatetags.humanize import naturaltime
from django.db import models
from django.db.models import (
    Aggregate,
    Count,
    FilteredRelation,
    Max,
    Min,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.functions import Coalesce
from django.utils.formats import date_format
from django.utils.timezone import localtime
from unfold.decorators import display

from ..models import Channel, Device, DeviceGroup, Enrollment, Identity, present_stay
from .enrollment import state_badge

Show = Callable[[Device], Any]
LIST = "devices.device"
"""The list's name among those that a person has chosen columns for."""
FIRST = "title"
"""The column that leads to the device: it is always shown."""
USUAL = (FIRST, "serial_number", "system", "owner", "state", "supervised", "last_seen")
HIDDEN = frozenset(
    (
        *("id", "name", "owner", "is_supervised", "os_version_key"),
        *("needs_pin_to_lock", "needs_pin_to_erase"),
    )
)
"""Columns of the table that are shown otherwise, or say nothing to people."""


@dataclass(frozen=True)
class Column:
    """A column: ``show`` for the page, ``plain`` for a file, ``needs`` to prefetch."""

    name: str
    title: str
    show: Show
    plain: Show
    ordering: Any
    needs: frozenset[str] = frozenset()

    @cached_property
    def as_display(self) -> Show:
        """What list_display takes; always the same, by which Django knows it again."""

        def cell(device: Device) -> Any:
            return self.show(device)

        cell.__name__ = self.name
        cell.plain = self.plain  # type: ignore[attr-defined]
        decorate = display(
            description=self.title, ordering=self.ordering, header=self.name == FIRST
        )
        return decorate(cell)  # type: ignore[no-any-return]


# --- What belongs to a device's newest stay


def newest(device: Device) -> Enrollment | None:
    """Return the device's present or last stay; of prefetched rows without a query."""
    return present_stay(device.enrollments.all())


def _of_stay(read: Callable[[Enrollment], Any]) -> Show:
    def value(device: Device) -> Any:
        stay = newest(device)
        return read(stay) if stay else None

    return value


# Only for sorting: a page's rows get theirs by one statement for all of them. Nearly
# every device is enrolled, and is sorted by joining its one active stay; only for the
# others the newest is looked up one by one.
def _present() -> FilteredRelation:
    active = Q(enrollments__state=Enrollment.State.ACTIVE)
    return FilteredRelation("enrollments", condition=active)  # good for one query


def _sorted_by_stay(column: str) -> Coalesce:
    stays = Enrollment.objects.filter(device=OuterRef("pk"))
    newest = stays.order_by("-opened_at", "-pk").values(column)[:1]
    return Coalesce(f"present__{column}", Subquery(newest))


LAST_SEEN = Coalesce(
    Subquery(
        Channel.objects.filter(enrollment=OuterRef("present__pk"), user_id="")
        .order_by()
        .values("last_seen_at")
    ),
    Subquery(
        Channel.objects.filter(enrollment__device=OuterRef("pk"), user_id="")
        .order_by("-enrollment__opened_at", "-enrollment_id")
        .values("last_seen_at")[:1]
    ),
)


def _each(rows: QuerySet[Any], path: str, what: Aggregate) -> Subquery:
    """Return one value for each device out of the rows that ``path`` leads from."""
    mine = rows.filter(**{path: OuterRef("pk")}).order_by().values(path)
    return Subquery(mine.annotate(found=what).values("found"))


EXPIRES = _each(
    Identity.objects.filter(revoked_at=None), "enrollment__device", Max("not_after")
)
USERS = _each(Channel.objects.exclude(user_id=""), "enrollment__device", Count("pk"))
GROUPS = _each(
    DeviceGroup.devices.through.objects.all(), "device", Min("devicegroup__name")
)
TAGS = _each(Device.tags.through.objects.all(), "device", Min("tag__name"))


def _last_seen(device: Device) -> Any:
    stay = newest(device)
    channels = stay.channels.all() if stay else ()
    own = next((each for each in channels if not each.user_id), None)
    return own.last_seen_at if own else None


def _users(device: Device) -> int:
    stay = newest(device)
    return sum(1 for each in stay.channels.all() if each.user_id) if stay else 0


def _expires(device: Device) -> Any:
    stay = newest(device)
    valid = [one for one in stay.identities.all() if not one.revoked_at] if stay else []
    return max(valid, key=lambda one: one.pk).not_after if valid else None


def _names(relation: str) -> Show:
    def value(device: Device) -> str:
        return "; ".join(str(each) for each in getattr(device, relation).all())

    return value


# --- The columns


def _when(show: Show) -> Show:
    def cell(device: Device) -> str:
        value = show(device)
        return date_format(localtime(value), "j M Y, H:i") if value else "-"

    return cell


def _or_dash(show: Show) -> Show:
    def cell(device: Device) -> Any:
        value = show(device)
        if isinstance(value, bool):
            return "yes" if value else "no"
        return "-" if value in (None, "") else value

    return cell


def _percent(device: Device) -> str:
    level = device.battery_level
    return f"{100 * level:.0f} %" if level is not None and level >= 0 else "-"


def _title(device: Device) -> tuple[str, str]:
    model = device.model_name or device.product_name or device.model
    return str(device), model or "model unknown"


def _system(device: Device) -> str:
    return f"{device.platform} {device.os_version}".strip()


def _ago(device: Device) -> str:
    seen = _last_seen(device)
    return str(naturaltime(seen)) if seen else "never"


def _made(
    name: str,
    title: str,
    value: Show,
    ordering: Any,
    *,
    show: Show | None = None,
    needs: Iterable[str] = (),
) -> Column:
    shown = show or _or_dash(value)
    return Column(name, title, shown, value, ordering, frozenset(needs))


STAY = ("stays",)
CHANNELS = ("stays", "channels")
OURS = (
    _made(FIRST, "device", lambda device: device.name, "name", show=_title),
    _made("system", "system", _system, "os_version_key"),
    _made(
        "owner",
        "owner",
        lambda device: device.owner.username if device.owner else "",
        "owner__username",
        show=lambda device: device.owner or "-",
        needs=("owner",),
    ),
    _made(
        "state",
        "state",
        _of_stay(lambda stay: Enrollment.State(stay.state).label),
        _sorted_by_stay("state"),
        show=lambda device: state_badge(newest(device)),
        needs=STAY,
    ),
    _made(
        "supervised", "supervised", lambda device: device.is_supervised, "is_supervised"
    ),
    _made("last_seen", "last seen", _last_seen, LAST_SEEN, show=_ago, needs=CHANNELS),
    _made(
        "mode",
        "enrolled as",
        _of_stay(lambda stay: Enrollment.Mode(stay.mode).label),
        _sorted_by_stay("mode"),
        needs=STAY,
    ),
    _made(
        "way",
        "way in",
        _of_stay(lambda stay: stay.way),
        _sorted_by_stay("way"),
        needs=STAY,
    ),
    _made(
        "enrolled_at",
        "enrolled",
        (enrolled := _of_stay(lambda stay: stay.enrolled_at)),
        _sorted_by_stay("enrolled_at"),
        show=_when(enrolled),
        needs=STAY,
    ),
    _made(
        "identity_expires",
        "identity expires",
        _expires,
        EXPIRES,
        show=_when(_expires),
        needs=("stays", "identities"),
    ),
    _made(
        "users",
        "managed users",
        _users,
        USERS,
        needs=CHANNELS,
    ),
    _made("groups", "groups", _names("groups"), GROUPS, needs=["groups"]),
    _made("tags", "tags", _names("tags"), TAGS, needs=["tags"]),
)


def _of_field(field: Any) -> Column:
    """Return the column of a fact that the device's own row holds."""

    def value(device: Device) -> Any:
        return getattr(device, field.name)

    ordering = "os_version_key" if field.name == "os_version" else field.name
    show = _when(value) if isinstance(field, models.DateTimeField) else None
    show = _percent if field.name == "battery_level" else show
    return _made(field.name, str(field.verbose_name), value, ordering, show=show)


def _facts() -> Iterable[Column]:
    for field in Device._meta.concrete_fields:
        if field.name not in HIDDEN and not isinstance(field, models.GeneratedField):
            yield _of_field(field)


COLUMNS: Mapping[str, Column] = {
    column.name: column for column in (*OURS[:1], *_facts(), *OURS[1:])
}


def chosen(asked: str | None, kept: object) -> tuple[str, ...]:
    """Return the columns to show: what the address asks for, else what the person
    keeps, else the usual ones. What is no column is passed over."""
    wanted = asked.split(",") if asked else kept
    names = wanted if isinstance(wanted, Sequence) else ()
    known = tuple(dict.fromkeys(name for name in names if name in COLUMNS))
    if not known:
        return USUAL
    return (FIRST, *(name for name in known if name != FIRST))


def fetched(rows: QuerySet[Device], names: Iterable[str]) -> QuerySet[Device]:
    """Return the rows with what these columns need."""
    needs = set().union(*(COLUMNS[name].needs for name in names))
    rows = rows.defer("search_text").alias(present=_present())
    if "owner" in needs:
        rows = rows.select_related("owner")
    if "stays" in needs:
        stays = Enrollment.objects.order_by("-opened_at", "-pk")
        if "channels" in needs:
            whose = Q() if "users" in names else Q(user_id="")
            stays = stays.prefetch_related(
                Prefetch("channels", Channel.objects.filter(whose))
            )
        if "identities" in needs:
            identities = Identity.objects.defer("certificate")
            stays = stays.prefetch_related(Prefetch("identities", identities))
        rows = rows.prefetch_related(Prefetch("enrollments", stays))
    return rows.prefetch_related(*(needs & {"groups", "tags"}))
