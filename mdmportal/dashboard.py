"""Overview: what needs attention, counted; every number leads to what it counts."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from unfold.dataclasses import SearchResult

from apns.models import PushCertificate
from commands.models import OPEN, Delivery, State
from devices.admin.filters import BANDS, SOON, UNTOLD, expiring, missing
from devices.models import AuditEntry, Device, Enrollment, Identity
from enrollment.models import CertificateAuthority

from . import first_run

DAY = dt.timedelta(days=1)
SYSTEMS = 8
"""How many OS versions the overview shows."""
LATEST = 10
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
    context |= {
        "title": "Overview",
        "numbers": _numbers(enrolled.total()),
        "platforms": _platforms(enrolled),
        "modes": _modes(),
        "systems": _systems(),
        "expiries": _expiries(),
        "latest": AuditEntry.objects.select_related("actor")[:LATEST],
        "checks": [] if all(c.done or c.is_optional for c in checks) else checks,
        "done": sum(check.done for check in checks),
    }
    return context


def _list(name: str, **query: str) -> str:
    path = reverse(f"admin:{name}_changelist")
    return f"{path}?{urlencode(query)}" if query else path


# --- Devices


def _enrolled() -> Any:
    return Enrollment.objects.filter(state=Enrollment.State.ACTIVE).order_by()


def _by_platform() -> Counter[str]:
    rows = _enrolled().values_list("device__platform").annotate(Count("pk"))
    return Counter(dict(rows))


def _numbers(enrolled: int) -> list[Number]:
    counts = _delivery_counts()
    return [
        Number(enrolled, "devices enrolled", _list("devices_device", state="active")),
        _warn(
            Device.objects.filter(missing()).count(),
            "not seen for 30 days",
            _list("devices_device", seen="missing"),
        ),
        Number(
            Enrollment.objects.filter(state=Enrollment.State.PENDING).count(),
            "enrolling now",
            _list("devices_device", state="pending"),
        ),
        *_held(),
        Number(
            counts["open"],
            "commands waiting",
            _list("commands_delivery", state="open"),
        ),
        _bad(
            counts["failed"],
            "failed in the last day",
            _list("commands_delivery", state="failed", settled="day"),
        ),
    ]


def _held() -> list[Number]:
    """What waits for somebody to look at it; seldom anything."""
    held = Enrollment.objects.filter(state=Enrollment.State.HELD).count()
    link = _list("devices_enrollment", state__exact="held")
    return [_warn(held, "held for review", link)] if held else []


def _delivery_counts() -> dict[str, int]:
    since = timezone.now() - DAY
    # Two statements, each on an index of its own: one would read the whole history.
    failed = Delivery.objects.filter(state=State.FAILED, settled_at__gte=since)
    waiting = Delivery.objects.filter(state__in=OPEN)
    return {"open": waiting.count(), "failed": failed.count()}


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
    """Return devices with ``term`` in their name, model or serial number."""
    if not request.user.has_perm("devices.view_device"):
        return []
    found = Q()
    for column in ("name", "model_name", "serial_number"):
        found |= Q(**{f"{column}__icontains": term})
    return [
        SearchResult(
            title=str(device),
            description=f"{device.model_name} {device.serial_number}".strip(),
            link=device.get_absolute_url(),
            icon="devices",
        )
        for device in Device.objects.filter(found).order_by("name", "pk")[:FOUND]
    ]
