"""The overview counts what its links list."""

import datetime as dt
import re

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from commands import queue
from commands.models import Delivery, State
from devices.models import Channel, User

from .conftest import Fleet, SignIn

TILE = re.compile(r'<a class="mp-tile[^"]*" href="([^"]+)"><b>([\d,]+)</b>')


def tiles(client: Client) -> dict[str, int]:
    page = client.get(reverse("admin:index")).content.decode()
    found = TILE.findall(page)
    return {url.replace("&amp;", "&"): int(count) for url, count in found}


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
    shown = tiles(admin)
    assert sorted(shown.values()) == [0, 1, 1, 3, 4]
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
