"""The overview counts what its links list."""

import datetime as dt
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from commands import queue
from commands.models import Delivery, State
from devices.models import Channel, Device, InstalledCertificate, User
from mdmportal import dashboard

from .conftest import Fleet, SignIn

TILE = re.compile(r'<a class="mp-tile[^"]*" href="([^"]+)"><b>([\d,]+)</b>')


def tiles(client: Client) -> dict[str, int]:
    page = client.get(reverse("admin:index")).content.decode()
    found = TILE.findall(page)
    return {url.replace("&amp;", "&"): int(count) for url, count in found}


def query_of(url: str) -> str:
    return url.partition("?")[2]


def listed(client: Client, url: str) -> int:
    return int(client.get(url).context["cl"].result_count)


def test_every_number_is_that_of_the_list_it_leads_to(
    admin: Client, fleet: Fleet
) -> None:
    channels = fleet(5)
    Channel.objects.filter(pk=channels[0].pk).update(
        last_seen_at=timezone.now() - dt.timedelta(days=40)
    )
    channels[1].enrollment.end("checked out")
    command = queue.enqueue([each.pk for each in channels], "SecurityInfo")
    Delivery.objects.filter(pk=command.deliveries.all()[0].pk).update(
        state=State.FAILED, settled_at=timezone.now()
    )
    late, device = command.deliveries.all()[1], channels[2].enrollment.device
    Delivery.objects.filter(pk=late.pk).update(
        queued_at=timezone.now() - dt.timedelta(days=2)
    )
    Device.objects.filter(pk=device.pk).update(update_available="18.1")
    for days in (10, 20, 40):
        expires = timezone.now() + dt.timedelta(days=days)
        InstalledCertificate.objects.create(device=device, not_after=expires)
    shown = tiles(admin)
    assert {query_of(url): count for url, count in shown.items()} == {
        "state=active": 4,
        "seen=hour": 3,
        "seen=day": 3,
        "seen=missing": 1,
        "state=pending": 0,
        "update=available": 1,
        "certificate=30": 1,
        "state=open": 3,
        "state=open&queued=earlier": 1,
        "state=failed&settled=day": 1,
    }
    for url, count in shown.items():
        assert listed(admin, url) == count, url


def test_what_is_held_for_review_is_counted_and_listed(
    admin: Client, fleet: Fleet
) -> None:
    [channel] = fleet(1)
    words = "held for review"
    assert words not in admin.get(reverse("admin:index")).content.decode()
    stay = channel.enrollment
    stay.state = stay.State.HELD
    stay.save(update_fields=["state"])
    assert words in admin.get(reverse("admin:index")).content.decode()
    [url] = [url for url in tiles(admin) if "held" in url]
    assert listed(admin, url) == 1


def test_the_bars_lead_to_lists_of_the_same_size(admin: Client, fleet: Fleet) -> None:
    fleet(2)
    fleet(3, platform="macOS", os_version="15.1")
    fleet(1, platform="", os_version="")
    page = admin.get(reverse("admin:index"))
    for name, count in {"platforms": 3, "modes": 1, "systems": 2}.items():
        bars = page.context[name]
        assert len(bars) == count
        assert sum(bar.count for bar in bars) == (5 if name == "systems" else 6)
        for bar in bars:
            assert listed(admin, bar.url) == bar.count, bar


def test_the_first_steps_vanish_once_all_are_done(
    admin: Client, sign_in: SignIn, fleet: Fleet
) -> None:
    steps = _steps(admin)
    assert not steps["First device enrolled"]
    assert not steps["A second administrator"]
    fleet()
    sign_in()
    steps = _steps(admin)
    assert steps["First device enrolled"]
    assert steps["A second administrator"]
    assert not steps["Push certificate"]


def _steps(client: Client) -> dict[str, bool]:
    """Return the first steps, and which of them are done."""
    context = client.get(reverse("admin:index")).context
    return {check.title: check.done for check in context["checks"]}


def test_an_account_that_is_closed_is_no_second_administrator(
    admin: Client, db: None
) -> None:
    User.objects.create_user("gone", is_staff=True, is_active=False)
    assert not _steps(admin)["A second administrator"]


def test_the_palette_finds_devices_by_how_their_names_begin(
    admin: Client, fleet: Fleet
) -> None:
    fleet(3)
    found = admin.get(reverse("admin:search"), {"s": "SERIAL0001", "extended": "1"})
    assert b"Device 1" in found.content
    assert b"Device 2" not in found.content


def test_a_large_fleet_is_counted_once_a_minute(
    admin: Client, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashboard, "MANY", 3)
    fleet(2)
    page = reverse("admin:index")
    assert _statements(admin, page) == _statements(admin, page)
    fleet(1)
    counted = _statements(admin, page)
    assert _statements(admin, page) < counted <= 30
    assert tiles(admin)[f"{reverse('admin:devices_device_changelist')}?seen=hour"] == 3


def _statements(client: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        client.get(url)
    return len(captured)
