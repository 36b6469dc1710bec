"""Metrics: counts for whoever watches the portal, as Prometheus reads them.

Every count is one statement on an index of what is open: what is settled grows without
end, and is not counted.
https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import datetime as dt
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from django.conf import settings
from django.db.models import Count, Model, QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from rest_framework.authentication import get_authorization_header
from rest_framework.request import Request

from apns.models import PushCertificate
from commands.models import OPEN, Delivery, Order, Result
from devices.models import Channel, Enrollment, RegroupMark

from .authentication import TokenAuthentication
from .permissions import HasRights
from .views.base import View

Counts = Iterable[tuple[str, float]]
"""Values by what the metric's label says; one with '' has no label."""


def _by_state(rows: QuerySet[Any]) -> Counts:
    counted = rows.order_by().values_list("state").annotate(n=Count("pk"))
    return [(str(state), n) for state, n in counted]


def _channels(**which: Any) -> int:
    active = Enrollment.State.ACTIVE
    return Channel.objects.filter(enrollment__state=active, **which).count()


def _seen() -> Counts:
    now = timezone.now()
    for name, hours in (("hour", 1), ("day", 24)):
        since = now - dt.timedelta(hours=hours)
        yield name, _channels(last_seen_at__gte=since)


def _certificates() -> Counts:
    rows = PushCertificate.objects.values_list("topic", "not_after")
    return [(topic, ends.timestamp()) for topic, ends in rows]


def _count(rows: "QuerySet[Model]") -> Counts:
    return [("", rows.count())]


METRICS: Mapping[str, tuple[str, str, Callable[[], Counts]]] = {
    "mdm_deliveries_open": (
        "Commands that devices have not answered yet.",
        "state",
        lambda: _by_state(Delivery.objects.filter(state__in=OPEN)),
    ),
    "mdm_orders": (
        "Orders, by how far they have come.",
        "state",
        lambda: _by_state(Order.objects.all()),
    ),
    "mdm_channels": (
        "Enrolled devices, and their managed users.",
        "",
        lambda: [("", _channels())],
    ),
    "mdm_channels_seen": ("Those seen within the last.", "within", _seen),
    "mdm_pushes_due": (
        "Channels that are to be pushed now, and are not yet.",
        "",
        lambda: _count(Channel.objects.filter(push_at__lte=timezone.now())),
    ),
    "mdm_push_tokens_dead": (
        "Channels whose push token Apple says is dead.",
        "",
        lambda: [("", _channels(push_dead=True))],
    ),
    "mdm_push_certificate_ends": (
        "When a push certificate expires, as seconds since 1970.",
        "topic",
        _certificates,
    ),
    "mdm_answers_unread": (
        "Answers of devices that are not read into the inventory yet.",
        "",
        lambda: _count(Result.objects.filter(read_at=None)),
    ),
    "mdm_devices_to_regroup": (
        "Devices whose groups and policies are to be looked at anew.",
        "",
        lambda: _count(RegroupMark.objects.all()),
    ),
}
"""Name -> what it is, what its label tells apart ('' for none), and the counts."""


class Counted(Collector):
    def collect(self) -> Iterator[GaugeMetricFamily]:
        for name, (words, label, counts) in METRICS.items():
            family = GaugeMetricFamily(name, words, labels=[label] if label else [])
            for value, count in counts():
                family.add_metric([value] if label else [], count)
            yield family


# --- Who may see them


def is_scraper(request: Request) -> bool:
    """Whether the request brings METRICS_TOKEN, which opens nothing else."""
    if not settings.METRICS_TOKEN:
        return False
    scheme, _, token = get_authorization_header(request).partition(b" ")
    wanted = str(settings.METRICS_TOKEN).encode()
    return scheme.lower() == b"bearer" and secrets.compare_digest(token, wanted)


class Scraper(TokenAuthentication):
    """Believes METRICS_TOKEN, too; it acts as nobody."""

    def authenticate(self, request: Request) -> Any:
        return None if is_scraper(request) else super().authenticate(request)


class MayScrape(HasRights):
    def has_permission(self, request: Request, view: Any) -> bool:
        return is_scraper(request) or super().has_permission(request, view)


@extend_schema(exclude=True)
class Metrics(View):
    rights = ("commands.view_delivery",)
    authentication_classes = (Scraper,)
    permission_classes = (MayScrape,)

    def get(self, request: Request) -> HttpResponse:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(Counted())
        text = generate_latest(registry)
        return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)
