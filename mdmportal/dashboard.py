"""Overview: what needs attention, counted; every number leads to what it counts."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from unfold.dataclasses import SearchResult

from apns.models import PushCertificate
from commands.models import OPEN, Delivery, Order, State
from compliance.admin.device import standing
from compliance.models import Policy
from compliance.models import State as Verdict
from devices.admin.filters import (
    BANDS,
    CLOSE,
    NOW,
    SOON,
    UNTOLD,
    expiring,
    missing,
    seen_within,
    with_certificate,
)
from devices.admin.search import search
from devices.models import AuditEntry, Device, Enrollment, Identity
from enrollment.models import CertificateAuthority

from . import first_run

DAY = dt.timedelta(days=1)
SYSTEMS = 8
"""How many OS versions the overview shows."""
LATEST = 10
MANY, REMEMBERED = 10_000, 60
"""In a fleet of so many devices, for how many seconds its counts are remembered."""
COUNTED = "overview"
FOUND = 10
"""Devices that the palette (Ctrl-K) offers."""


@dataclass(frozen=True)
class Number:
    """A count, of what, and where that is listed; ``tone`` is bad, warn or ''."""

    count: int
    words: str
    url: str
    tone: str = ""


@dataclass(frozen=True)
class Bar:
    """A share of a whole; ``share`` as CSS wants it."""

    words: str
    count: int
    share: str
    url: str


@dataclass(frozen=True)
class Expiry:
    """Something that expires: the badge says when."""

    words: str
    when: str
    tone: str
    url: str


def show(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the overview to the context of the dashboard's first page."""
    enrolled = _by_platform()
    checks = first_run.checks(enrolled.total())
    counted = cache.get(COUNTED) if enrolled.total() >= MANY else None
    if counted is None:
        counted = _counted(enrolled)
        if enrolled.total() >= MANY:
            cache.set(COUNTED, counted, REMEMBERED)
    context |= {
        "title": "Overview",
        **counted,
        "notes": _notes(request),
        "latest": _latest(request),
        "checks": [] if all(c.done or c.is_optional for c in checks) else checks,
        "done": sum(check.done for check in checks),
    }
    return context


@dataclass(frozen=True)
class Note:
    """Something that waits for somebody, and where."""

    words: str
    tone: str
    url: str


def _notes(request: HttpRequest) -> list[Note]:
    """Return what waits for who looks: orders to approve, and those that paused."""
    user = request.user
    found = []
    if user.has_perm("commands.approve_order"):
        awaiting = Order.objects.filter(state=Order.State.AWAITING)
        count = awaiting.exclude(ordered_by=user.pk).count()
        found.append((count, "{} await{} your approval", "info", Order.State.AWAITING))
    if user.has_perm("commands.view_order"):
        count = Order.objects.filter(state=Order.State.PAUSED).count()
        found.append((count, "{} paused: too many failed", "bad", Order.State.PAUSED))
    return [
        Note(
            text.format(_orders(count), "s" if count == 1 else ""),
            tone,
            _list("commands_order", state=state),
        )
        for count, text, tone, state in found
        if count
    ]


def _orders(count: int) -> str:
    return "1 order" if count == 1 else f"{count} orders"


def _latest(request: HttpRequest) -> Iterable[AuditEntry]:
    """Return what was done last, for who may see that: it names devices and people."""
    if not request.user.has_perm("devices.view_auditentry"):
        return ()
    return AuditEntry.objects.select_related("actor")[:LATEST]


def _counted(enrolled: Counter[str]) -> dict[str, Any]:
    """Return what takes a while to count in a large fleet."""
    policies = _most_violated()
    return {
        "numbers": _numbers(enrolled.total(), policies),
        "platforms": _platforms(enrolled),
        "modes": _modes(),
        "systems": _systems(),
        "policies": _policies(policies),
        "expiries": _expiries(),
    }


def _list(name: str, **query: str) -> str:
    path = reverse(f"admin:{name}_changelist")
    return f"{path}?{urlencode(query)}" if query else path


# --- Devices


def _enrolled() -> Any:
    return Enrollment.objects.filter(state=Enrollment.State.ACTIVE).order_by()


def _by_platform() -> Counter[str]:
    rows = _enrolled().values_list("device__platform").annotate(Count("pk"))
    return Counter(dict(rows))


def _numbers(enrolled: int, policies: Sequence[tuple[int, str, int]]) -> list[Number]:
    counts = _delivery_counts()
    return [
        Number(enrolled, "devices enrolled", _list("devices_device", state="active")),
        _devices(seen_within(hours=1), "seen in the last hour", seen="hour"),
        _devices(seen_within(days=1), "seen in the last day", seen="day"),
        _warned(missing(), "not seen for 30 days", seen="missing"),
        Number(
            Enrollment.objects.filter(state=Enrollment.State.PENDING).count(),
            "enrolling now",
            _list("devices_device", state="pending"),
        ),
        *_held(),
        *_violating(policies),
        _devices(~Q(update_available=""), "could update", update="available"),
        _warned(
            with_certificate(after=NOW, until=CLOSE),
            "with a certificate that expires within 30 days",
            certificate="30",
        ),
        Number(
            counts["open"],
            "commands waiting",
            _list("commands_delivery", state="open"),
        ),
        _warn(
            counts["late"],
            "waiting for more than a day",
            _list("commands_delivery", state="open", queued="earlier"),
        ),
        _bad(
            counts["failed"],
            "failed in the last day",
            _list("commands_delivery", state="failed", settled="day"),
        ),
    ]


def _devices(which: Q, words: str, **query: str) -> Number:
    count = Device.objects.filter(which).count()
    return Number(count, words, _list("devices_device", **query))


def _warned(which: Q, words: str, **query: str) -> Number:
    number = _devices(which, words, **query)
    return _warn(number.count, words, number.url)


def _held() -> list[Number]:
    """What waits for somebody to look at it; seldom anything."""
    held = Enrollment.objects.filter(state=Enrollment.State.HELD).count()
    link = _list("devices_enrollment", state__exact="held")
    return [_warn(held, "held for review", link)] if held else []


def _violating(policies: Sequence[tuple[int, str, int]]) -> list[Number]:
    """Where there is no policy, there is nothing to say."""
    if not policies:
        return []
    is_known = any(violating for _, _, violating in policies)
    count = Device.objects.filter(standing(Verdict.VIOLATES)).count() if is_known else 0
    link = _list("devices_device", compliance="violates")
    words = "violates a policy" if count == 1 else "violate a policy"
    return [_bad(count, words, link)]


def _most_violated() -> list[tuple[int, str, int]]:
    """Return the policies that most devices violate, with how many these are."""
    count = Count("standings", filter=Q(standings__state=Verdict.VIOLATES))
    rows = Policy.objects.annotate(violating=count).order_by("-violating", "name")
    return list(rows.values_list("pk", "name", "violating")[:SYSTEMS])


def _policies(rows: Sequence[tuple[int, str, int]]) -> list[Bar]:
    state = Verdict.VIOLATES.value
    return _bars(
        (
            name,
            count,
            _list("compliance_standing", policy__id__exact=str(pk), state=state),
        )
        for pk, name, count in rows
    )


def _delivery_counts() -> dict[str, int]:
    since = timezone.now() - DAY
    # Two statements, each on an index of its own: one would read the whole history.
    failed = Delivery.objects.filter(state=State.FAILED, settled_at__gte=since)
    waiting = Delivery.objects.filter(state__in=OPEN)
    late = Count("pk", filter=Q(queued_at__lt=since))
    counts = waiting.aggregate(open=Count("pk"), late=late)
    return {**counts, "failed": failed.count()}


def _warn(count: int, words: str, url: str) -> Number:
    return Number(count, words, url, "warn" if count else "")


def _bad(count: int, words: str, url: str) -> Number:
    return Number(count, words, url, "bad" if count else "")


def _bars(rows: Iterable[tuple[str, int, str]]) -> list[Bar]:
    rows = [row for row in rows if row[1]]
    most = max((count for _, count, _ in rows), default=1)
    return [
        Bar(words, count, f"{100 * count / most:.1f}%", url)
        for words, count, url in rows
    ]


def _platforms(enrolled: Counter[str]) -> list[Bar]:
    return _bars(
        (
            platform or "not told yet",
            count,
            _list("devices_device", state="active", platform=platform or UNTOLD),
        )
        for platform, count in enrolled.most_common()
    )


def _modes() -> list[Bar]:
    rows = _enrolled().values_list("mode").annotate(n=Count("pk")).order_by("-n")
    return _bars(
        (
            Enrollment.Mode(mode).label.capitalize(),
            count,
            _list("devices_enrollment", state__exact="active", mode__exact=mode),
        )
        for mode, count in rows
    )


def _systems() -> list[Bar]:
    rows = (
        _enrolled()
        .exclude(device__os_version="")
        .values_list("device__platform", "device__os_version")
        .annotate(n=Count("pk"))
        .order_by("-n", "device__platform", "device__os_version")[:SYSTEMS]
    )
    return _bars(
        (
            f"{platform} {version}",
            count,
            _list(
                "devices_device",
                state="active",
                platform=platform or UNTOLD,
                os_version=version,
            ),
        )
        for platform, version, count in rows
    )


# --- What expires

TONES: Mapping[str, str] = {"expired": "bad", "30": "warn", "90": "info"}


def _expiries() -> list[Expiry]:
    return [*_certificates(), *_identities()]


def _certificates() -> list[Expiry]:
    push = PushCertificate.objects.values_list("pk", "not_after")
    authorities = CertificateAuthority.objects.values_list("pk", "not_after")[:1]
    rows = [
        *(("Push certificate", "apns_pushcertificate", *row) for row in push),
        *(
            ("Certificate authority", "enrollment_certificateauthority", *row)
            for row in authorities
        ),
    ]
    return [
        Expiry(
            words,
            f"{moment:%d %B %Y}",
            TONES[band] if (band := _band(moment)) else "ok",
            reverse(f"admin:{name}_change", args=[pk]),
        )
        for words, name, pk, moment in rows
    ]


def _band(moment: dt.datetime) -> str:
    """Return the band of expiry that ``moment`` falls into, '' for none."""
    left = moment - timezone.now()
    return next((name for name, (_, _, until) in BANDS.items() if left <= until), "")


def _identities() -> list[Expiry]:
    soon = Identity.in_use().filter(not_after__lte=timezone.now() + SOON)
    counts = soon.aggregate(
        **{
            f"in_{name}": Count("pk", filter=expiring(after=after, until=until))
            for name, (_, after, until) in BANDS.items()
        }
    )
    return [
        Expiry(
            _identities_in_words(counts[f"in_{name}"]),
            title,
            TONES[name] if counts[f"in_{name}"] else "mute",
            _list("devices_identity", expires=name),
        )
        for name, (title, _, _) in BANDS.items()
    ]


def _identities_in_words(count: int) -> str:
    return f"{count} device {'identity' if count == 1 else 'identities'}"


# --- Palette


def find(request: HttpRequest, term: str) -> list[SearchResult]:
    """Return devices that ``term`` describes."""
    if not request.user.has_perm("devices.view_device"):
        return []
    found = search(Device.objects.defer("search_text"), term)
    return [
        SearchResult(
            title=str(device),
            description=f"{device.model_name} {device.serial_number}".strip(),
            link=device.get_absolute_url(),
            icon="devices",
        )
        for device in found.order_by("name", "pk")[:FOUND]
    ]
