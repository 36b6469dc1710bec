"""The timeline: what happened to a device, newest first, page by page."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commands import queue, timeline
from commands.models import Command, Delivery, State
from commands.timeline import Cursor, Event
from devices.models import AuditEntry, Change, Channel, Device, User

from .conftest import Fleet, SignIn

NOW = dt.datetime(2026, 5, 20, 12, tzinfo=dt.UTC)


def events(device: Device, user: Channel | None = None, **how: Any) -> list[Event]:
    """Return what is shown on all pages, the newest first."""
    return list(_all(device, user, {"audited": True, **how}))


def _all(device: Device, user: Channel | None, how: dict[str, Any]) -> Iterator[Event]:
    before = None
    while True:
        page = timeline.page(device, user, before=before, **how)
        for day in page.days:
            for group in day.groups:
                yield from group.events
        before = page.older
        if before is None:
            return


def texts(device: Device, user: Channel | None = None, **how: Any) -> list[str]:
    return [event.text for event in events(device, user, **how)]


def order(
    channel: Channel,
    request_type: str,
    at: dt.datetime,
    *,
    state: str = State.ACKNOWLEDGED,
    took: int = 5,
    **command: Any,
) -> Delivery:
    """Keep what was ordered then, and answered some seconds later."""
    ordered = Command.objects.create(
        request_type=request_type, keys_plist=b"", ordered_at=at, **command
    )
    settled = None if state in ("queued", "sent", "postponed") else at
    return Delivery.objects.create(
        command=ordered,
        channel=channel,
        state=state,
        queued_at=at,
        settled_at=settled + dt.timedelta(seconds=took) if settled else None,
    )


def change(device: Device, at: dt.datetime, **facts: Any) -> Change:
    values = {"kind": "changed", "name": "OSVersion", "request_type": "X", **facts}
    return Change.objects.create(device=device, at=at, **values)


def only(channel: Channel) -> Device:
    """Leave a device's own stay out of what is looked at: it has times of its own."""
    return channel.enrollment.device


def test_each_source_tells_its_part_newest_first(fleet: Fleet) -> None:
    [channel] = fleet()
    device = only(channel)
    maria = User.objects.create_user("maria")
    start = timezone.now() - dt.timedelta(days=2)
    hour = dt.timedelta(hours=1)
    device.enrollments.update(opened_at=start, enrolled_at=start + hour, way="Staff")
    order(channel, "RestartDevice", start + 2 * hour, ordered_by=maria, note="stuck")
    change(device, start + 3 * hour, before="17.6", after="18.1")
    app = {"request_type": "InstalledApplicationList", "name": "Slack"}
    change(device, start + 4 * hour, kind="added", after="4.1", **app)
    entry = AuditEntry.write(maria, "secret revealed", device, kind="LockPIN")
    AuditEntry.objects.filter(pk=entry.pk).update(at=start + 5 * hour)
    channel.enrollment.refresh_from_db()
    channel.enrollment.end("checked out")
    assert texts(device) == [
        "Left management: checked out",
        "Last seen",
        "Secret revealed",
        "Slack 4.1 installed",
        "OSVersion: 17.6 → 18.1",
        "Done: Restart",
        "Ordered: Restart",
        "Enrolled, mode: device",
        "Began to enroll by “Staff”",
    ]
    [ordered] = [each for each in events(device) if each.kind == "asked"]
    assert (ordered.who, ordered.details) == ("maria", ["stuck"])


@pytest.mark.parametrize(
    ("state", "text", "tone"),
    [
        (State.FAILED, "Failed: Lock", "bad"),
        (State.CANCELLED, "Cancelled: Lock", "mute"),
        (State.EXPIRED, "Expired before the device came: Lock", "warn"),
    ],
)
def test_an_order_that_came_to_nothing_says_how(
    fleet: Fleet, state: str, text: str, tone: str
) -> None:
    [channel] = fleet()
    delivery = order(channel, "DeviceLock", NOW, state=state)
    chain = [{"LocalizedDescription": "Busy", "ErrorCode": 1, "ErrorDomain": "X"}]
    Delivery.objects.filter(pk=delivery.pk).update(error_chain=chain)
    [event] = events(only(channel), kind="answered")
    assert (event.text, event.tone) == (text, tone)
    assert "Busy" in event.details[0]


def test_what_the_portal_asks_by_itself_is_one_line_each_time(fleet: Fleet) -> None:
    [channel] = fleet()
    for day in range(2):
        for number, name in enumerate(("DeviceInformation", "ProfileList")):
            at = NOW + dt.timedelta(days=day, seconds=number)
            state = State.QUEUED if day and number else State.ACKNOWLEDGED
            order(channel, name, at, state=state)
    order(channel, "ProfileList", NOW, ordered_by=User.objects.create_user("maria"))
    device = only(channel)
    assert texts(device, kind="inventory") == [
        "Asked for its inventory: 1 of 2 answered, 1 waiting",
        "Asked for its inventory: 2 of 2 answered",
    ]
    assert texts(device, kind="asked") == ["Ordered: Ask for profiles"]
    assert texts(device, kind="answered") == ["Done: Ask for profiles"]


def test_a_question_of_the_portal_that_failed_is_told(fleet: Fleet) -> None:
    [channel] = fleet()
    order(channel, "ProfileList", NOW, state=State.FAILED)
    assert texts(only(channel), kind="answered") == ["Failed: Ask for profiles"]


def test_pages_lose_nothing_and_repeat_nothing(fleet: Fleet) -> None:
    [channel] = fleet()
    device = only(channel)
    moments = [NOW - dt.timedelta(minutes=n // 3) for n in range(60)]
    for number, at in enumerate(moments):
        change(device, at, name=f"C{number}")
        order(channel, "RestartDevice", at, took=number % 9 * 30, note=f"O{number}")
    found = events(device)
    places = [event.place for event in found]
    assert places == sorted(places, reverse=True)
    assert len(set(places)) == len(places)
    # began and enrolled, last seen; each order was asked for and done
    assert len(found) == 3 + 60 + 2 * 60


def test_a_page_ends_among_questions_without_repeating_them(fleet: Fleet) -> None:
    [channel] = fleet()
    device = only(channel)
    for day in range(60):
        at = NOW - dt.timedelta(days=day)
        for second in range(3):
            order(channel, "SecurityInfo", at + dt.timedelta(seconds=second))
        change(device, at + dt.timedelta(seconds=1))
    found = [each for each in events(device) if each.kind == "inventory"]
    assert len(found) == 60


def test_more_questions_than_are_looked_at_for_a_page_are_told_on_the_next(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commands.timeline.orders.RUN_ROWS", 10)
    [channel] = fleet()
    device = only(channel)
    for day in range(9):
        for second in range(4):
            at = NOW - dt.timedelta(days=day, seconds=second)
            order(channel, "SecurityInfo", at)
        change(device, NOW - dt.timedelta(days=day, hours=1))
    found = events(device)
    places = [event.place for event in found]
    assert places == sorted(places, reverse=True)
    assert sum(event.kind == "changed" for event in found) == 9
    days = {event.at.date() for event in found if event.kind == "inventory"}
    assert len(days) == 9


@pytest.mark.parametrize(
    "text", ["", "x", "20260520T120000.0-1", "1-2-3", "99999999T000000.0-1-1", "-" * 9]
)
def test_a_cursor_that_is_none_leads_to_the_newest(
    admin: Client, fleet: Fleet, text: str
) -> None:
    device = only(fleet()[0])
    query = {"tab": "timeline", "before": text}
    answer = admin.get(device.get_absolute_url(), query)
    assert answer.context["is_first"]


@pytest.mark.parametrize("place", [Cursor(NOW, 9, 1), Cursor(NOW, 1, 2**63 - 1)])
def test_a_cursor_is_read_back_as_it_was_written(place: Cursor) -> None:
    assert Cursor.read(str(place)) == place


def test_a_managed_user_has_a_timeline_of_its_own(fleet: Fleet) -> None:
    [channel] = fleet(platform="macOS")
    device = only(channel)
    ada = channel.enrollment.channels.create(user_id="ADA", user_long_name="Ada L.")
    order(channel, "RestartDevice", NOW)
    order(ada, "InstallProfile", NOW)
    app = {"request_type": "InstalledApplicationList", "name": "Writer"}
    change(device, NOW, user_id="ADA", kind="added", **app)
    change(device, NOW)
    assert set(texts(device, ada)) == {
        "Writer installed",
        "Done: Install a profile",
        "Ordered: Install a profile",
    }
    whose = {event.text: event.user for event in events(device)}
    assert whose["Ordered: Install a profile"] == "Ada L."
    assert whose["Writer installed"] == "Ada L."
    assert whose["Ordered: Restart"] == ""


# --- The page


def test_what_waits_stands_on_top_of_the_first_page(
    admin: Client, fleet: Fleet
) -> None:
    [channel] = fleet()
    queue.enqueue([channel.pk], "DeviceLock")
    url = only(channel).get_absolute_url()
    first = admin.get(url, {"tab": "timeline"})
    assert [row.command.request_type for row, _ in first.context["open"]] == [
        "DeviceLock"
    ]
    earlier = {"tab": "timeline", "before": str(Cursor(NOW, 1, 1))}
    assert admin.get(url, earlier).context["open"] == []


def test_many_changes_of_one_answer_are_shown_as_one(
    admin: Client, fleet: Fleet
) -> None:
    device = only(fleet()[0])
    for number in range(8):
        change(device, NOW, kind="added", name=f"App {number}")
    page = admin.get(device.get_absolute_url(), {"tab": "timeline", "kind": "changed"})
    assert "8 changes" in page.content.decode()


def test_days_and_times_are_those_of_who_looks(admin: Client, fleet: Fleet) -> None:
    device = only(fleet()[0])
    change(device, dt.datetime(2026, 5, 20, 23, 30, tzinfo=dt.UTC))
    url = f"{device.get_absolute_url()}?tab=timeline&kind=changed"
    assert "Wednesday, 20 May 2026" in admin.get(url).content.decode()
    admin.cookies["zone"] = "Asia/Tokyo"
    page = admin.get(url).content.decode()
    assert "Thursday, 21 May 2026" in page
    assert ">08:30<" in page
    admin.cookies["zone"] = "../../etc/passwd"
    assert "Wednesday, 20 May 2026" in admin.get(url).content.decode()


def test_what_staff_did_is_shown_to_who_may_read_the_audit(
    sign_in: SignIn, admin: Client, fleet: Fleet
) -> None:
    device = only(fleet()[0])
    AuditEntry.write(None, "owner assigned", device)
    url = f"{device.get_absolute_url()}?tab=timeline"
    assert "Owner assigned" in admin.get(url).content.decode()
    page = sign_in("devices.view_device").get(url).content.decode()
    assert "Owner assigned" not in page


@pytest.mark.parametrize("kind", timeline.KINDS)
def test_a_kind_is_chosen_by_the_address(
    admin: Client, fleet: Fleet, kind: str
) -> None:
    device = only(fleet()[0])
    answer = admin.get(device.get_absolute_url(), {"tab": "timeline", "kind": kind})
    shown = {
        event.kind
        for day in answer.context["days"]
        for group in day.groups
        for event in group.events
    }
    assert shown <= {kind}
    assert "Show everything" in answer.content.decode() or shown == {kind}


def test_a_page_far_back_costs_as_many_statements_as_the_first(fleet: Fleet) -> None:
    [channel] = fleet()
    device = only(channel)
    command = queue.enqueue([channel.pk], "RestartDevice")
    moments = [NOW - dt.timedelta(minutes=n) for n in range(2000)]
    Change.objects.bulk_create(
        Change(device=device, at=at, kind="changed", name="X") for at in moments
    )
    Delivery.objects.bulk_create(
        Delivery(command=command, channel=channel, queued_at=at, settled_at=at)
        for at in moments
    )
    far = Cursor(moments[1900], 9, 1)
    for before in (None, far):
        with CaptureQueriesContext(connection) as captured:
            timeline.page(device, before=before, audited=True)
        assert len(captured) <= 7
