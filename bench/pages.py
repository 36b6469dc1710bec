"""The pages under load: what each asks of the database, and how long it takes.

Held are the numbers of statements: they do not depend on the machine, nor on how large
the fleet is.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.http import urlencode

from compliance.models import Policy
from devices.csv_export import CHUNK
from devices.models import Device, DeviceGroup, User

from .inventory import device

TIMES = 5


@dataclass(frozen=True)
class Page:
    """A page: its address, how many statements it may take at most."""

    name: str
    url: Callable[[], str]
    most: int
    times: int = TIMES
    each_chunk: int = 0
    """Of a file: for each chunk of its rows, so many more."""

    @property
    def limit(self) -> int:
        chunks = -(-Device.objects.count() // CHUNK) if self.each_chunk else 0
        return self.most + chunks * self.each_chunk


def _list(query: str = "", name: str = "devices_device") -> Callable[[], str]:
    return lambda: f"{reverse(f'admin:{name}_changelist')}?{query}"


def _last() -> str:
    return _list(f"p={-(-Device.objects.count() // 50)}")()


def _known(name: str) -> Callable[[], str]:
    """Return the search for a fact of the fleet's device 15."""
    return lambda: _list(f"q={device(15)[name]}")()


def _first(model: type[Model], **which: str) -> Callable[[], str]:
    """Return the page of the first such row."""

    def url() -> str:
        row = model._default_manager.filter(**which).order_by("pk")[0]
        app, name = row._meta.app_label, row._meta.model_name
        return reverse(f"admin:{app}_{name}_change", args=[row.pk])

    return url


def _of_smart_group() -> str:
    group = DeviceGroup.objects.get(name="Could update")
    return _list(f"group={group.pk}")()


def _counted(*conditions: tuple[str, str, str]) -> Callable[[], str]:
    """Return what the form of a group asks while it is edited."""
    names = ("condition_field", "condition_operator", "condition_value")
    said = [pair for row in conditions for pair in zip(names, row, strict=True)]
    query = urlencode([("match", "all"), *said])
    return lambda: f"{reverse('admin:devices_devicegroup_count')}?{query}"


EVERY_COLUMN = (
    "columns=title,serial_number,owner,state,last_seen,mode,way,users,groups,tags,"
    "identity_expires,imei,wifi_mac,battery_level,update_available"
)

PAGES = (
    Page("overview", lambda: reverse("admin:index"), 30),
    Page("devices", _list(), 12),
    Page("devices, every column", _list(EVERY_COLUMN), 12),
    Page("devices, the last page", _last, 12),
    Page("search: serial number", _known("serial_number"), 12),
    Page("search: IMEI", _list("q=350000000000012"), 12),
    Page("search: MAC without colons", _list("q=00000000000f"), 12),
    Page("search: telephone", _list("q=%2B491700000012"), 12),
    Page("search: asset tag", _list("q=A-000015"), 12),
    Page("search: part of a name", _list("q=macbook"), 12),
    Page("search: owner", _list("q=okafor"), 12),
    Page("search: owner's e-mail", _list("q=person77@example.org"), 12),
    Page("search: managed user", _list("q=local17"), 12),
    Page("search: nothing found", _list("q=nowhere+at+all"), 12),
    Page("filter: enrolled", _list("state=active"), 12),
    Page("filter: left", _list("state=left"), 12),
    Page(
        "filter: platform and OS version", _list("platform=macOS&os_version=15.1"), 12
    ),
    Page("filter: not encrypted", _list("encrypted=no"), 12),
    Page("filter: no passcode", _list("passcode=no"), 12),
    Page("filter: firewall off", _list("firewall=no"), 12),
    Page("filter: lost mode", _list("lost_mode=yes"), 12),
    Page("filter: activation lock", _list("activation_lock=yes"), 12),
    Page("filter: update available", _list("update=available"), 12),
    Page("filter: enrolled as", _list("mode=user"), 12),
    Page("filter: way in", _list("way=Everybody"), 12),
    Page("filter: seen within the last hour", _list("seen=hour"), 12),
    Page("filter: not seen for 30 days", _list("seen=missing"), 12),
    Page("filter: certificate expires in 30 days", _list("certificate=30"), 12),
    Page("filter: has an application (all do)", _list("app=org.example.app1"), 12),
    Page("filter: has an application (few do)", _list("app=org.example.app99"), 12),
    Page("filter: has a profile", _list("profile=org.example.profile.3"), 12),
    Page("sorted by OS version", _list("o=-3"), 12),
    Page("sorted by owner", _list("o=4"), 12),
    Page("sorted by state", _list("o=5"), 12),
    Page("sorted by last seen", _list("o=-7"), 12),
    Page("sorted by groups", _list("o=2&columns=title,groups"), 12),
    Page("a device", _first(Device), 30),
    Page("groups", _list("", "devices_devicegroup"), 10),
    Page("a smart group", _first(DeviceGroup, name="Could update"), 12),
    Page("the devices of a smart group", _of_smart_group, 12),
    Page(
        "conditions counted while edited",
        _counted(("platform", "is", "macOS"), ("os_version", "below", "15.0")),
        10,
    ),
    Page(
        "conditions counted: has an application",
        _counted(("application", "installed", "org.example.app99")),
        10,
    ),
    Page("policies", _list("", "compliance_policy"), 12),
    Page("a policy", _first(Policy), 30),
    Page("verdicts: violated", _list("state=violates", "compliance_standing"), 12),
    Page("applications", _list("", "devices_application"), 12),
    Page("search: application", _list("q=app99", "devices_application"), 12),
    Page("profiles", _list("", "devices_installedprofile"), 12),
    Page("search: profile", _list("q=profile.3", "devices_installedprofile"), 12),
    Page("certificates", _list("", "devices_installedcertificate"), 12),
    Page(
        "certificates: expired",
        _list("expires=expired", "devices_installedcertificate"),
        12,
    ),
    Page("queue", _list("state=open", "commands_delivery"), 12),
    Page(
        "queue: waiting for a day",
        _list("state=open&queued=earlier", "commands_delivery"),
        12,
    ),
    Page(
        "devices as CSV",
        lambda: reverse("admin:devices_device_csv"),
        15,
        times=1,
        each_chunk=2,
    ),
)


@dataclass(frozen=True)
class Seen:
    """What a page took."""

    page: Page
    statements: int
    seconds: float
    in_database: float
    """Seconds of it that its statements took, measured once."""
    slowest: str
    """The statement that took longest, for who wants to know why."""


def visit(client: Client, page: Page, *, times: int) -> Seen:
    """Open the page once to count its statements, then ``times`` times more."""
    url = page.url()
    with CaptureQueriesContext(connection) as captured:
        _open(client, url)
        asked = list(captured)
    durations = []
    for _ in range(min(times, page.times)):
        start = time.perf_counter()
        _open(client, url)
        durations.append(time.perf_counter() - start)
    return Seen(
        page,
        len(asked),
        sorted(durations)[len(durations) // 2] if durations else 0,
        sum(float(one["time"]) for one in asked),
        max((f"{one['time']} {one['sql']}" for one in asked), default=""),
    )


def _open(client: Client, url: str) -> None:
    answer = client.get(url)
    if answer.status_code != 200:
        raise RuntimeError(f"{url} answered {answer.status_code}")
    if answer.streaming:
        for _ in answer.streaming_content:  # type: ignore[attr-defined]
            pass


def administrator() -> Client:
    person, _ = User.objects.get_or_create(
        username="bench", defaults={"is_staff": True, "is_superuser": True}
    )
    client = Client()
    client.force_login(person)
    return client
