"""Follow-ups: what was done changes a list, which is asked for anew."""

from collections import Counter

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commands import queue, results
from commands.models import Delivery, Result, State
from commands.results import followups
from commands.results.said import Said
from devices.models import Channel
from mdmportal.protocol import plist

from .answering import enrolled, said, say

pytestmark = pytest.mark.django_db


def asked(channel: Channel) -> list[str]:
    rows = channel.deliveries.filter(state=State.QUEUED).order_by("pk")
    return list(rows.values_list("command__request_type", flat=True))


@pytest.mark.parametrize(
    ("platform", "done", "expected"),
    [
        ("iOS", "InstallProfile", ["ProfileList", "CertificateList"]),
        ("iOS", "RemoveApplication", ["ManagedApplicationList"]),
        ("iOS", "InstallMedia", ["ManagedMediaList"]),
        ("iOS", "Settings", ["DeviceInformation"]),
        ("iOS", "ClearPasscode", ["SecurityInfo"]),
        ("macOS", "RotateFileVaultKey", ["SecurityInfo"]),
        ("macOS", "EnableRemoteDesktop", ["SecurityInfo"]),
        ("macOS", "DeleteUser", ["UserList"]),
        ("macOS", "ScheduleOSUpdate", ["OSUpdateStatus"]),
        ("iOS", "RestartDevice", []),
        ("iOS", "ProfileList", []),
    ],
)
def test_what_was_done_is_followed_by_what_it_changed(
    platform: str, done: str, expected: list[str]
) -> None:
    channel = enrolled(platform=platform, os_version="15.1", is_supervised=True)
    answer: dict[str, object] = {"ProfileList": []} if done == "ProfileList" else {}
    say(channel, done, answer)
    assert asked(channel) == expected


def test_it_waits_behind_all_that_somebody_ordered() -> None:
    channel = enrolled()
    say(channel, "InstallProfile", {})
    waiting = channel.deliveries.filter(state=State.QUEUED)
    assert set(waiting.values_list("priority", flat=True)) == {queue.SCHEDULED}


def test_what_waits_already_is_not_asked_twice() -> None:
    channel = enrolled()
    for _ in range(3):
        say(channel, "InstallProfile", {})
    assert asked(channel) == ["ProfileList", "CertificateList"]


def test_what_was_sent_may_have_been_answered_before_so_it_is_asked_again() -> None:
    channel = enrolled()
    say(channel, "InstallProfile", {})
    channel.deliveries.filter(state=State.QUEUED).update(state=State.SENT)
    say(channel, "InstallProfile", {})
    assert asked(channel) == ["ProfileList", "CertificateList"]


def test_a_failure_is_followed_by_nothing() -> None:
    channel = enrolled()
    result = said(channel, "InstallProfile", {}, state=State.FAILED)
    body = {"Status": "Error", "CommandUUID": result.delivery.uuid}
    result.body = plist.dumps(body)
    result.save()
    results.read_waiting()
    assert asked(channel) == []


def test_a_device_is_asked_only_what_it_can_be_asked() -> None:
    unsupervised = enrolled(0, is_supervised=False)
    say(unsupervised, "ScheduleOSUpdate", {})
    assert asked(unsupervised) == []


def test_a_device_that_has_left_is_asked_nothing() -> None:
    channel = enrolled()
    said(channel, "InstallProfile", {})
    channel.enrollment.end("left")
    results.read_waiting()
    assert asked(channel) == []


def test_a_process_that_dies_before_ordering_them_loses_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def die(*_: object) -> None:
        raise SystemExit

    channel = enrolled()
    result = said(channel, "InstallProfile", {})
    with monkeypatch.context() as patch:
        patch.setattr(followups.FollowUps, "order", die)
        with pytest.raises(SystemExit):
            results.read_waiting()
    assert asked(channel) == []
    results.read_waiting()
    assert asked(channel) == ["ProfileList", "CertificateList"]
    result.refresh_from_db()
    assert (result.problem, result.read_at is None) == ("", False)


def _ordering(channels: list[Channel]) -> int:
    """Return how many statements it takes to order what follows their answers."""
    gathered = followups.FollowUps()
    for channel in channels:
        result = said(channel, "InstallProfile", {})
        answer = plist.loads(bytes(result.body))
        delivery = Delivery.objects.select_related(
            "command", "channel__enrollment__device"
        ).get(pk=result.delivery_id)
        gathered.add(result.pk, Said(delivery, answer, result.received_at))
    with CaptureQueriesContext(connection) as captured:
        gathered.order()
    assert not Result.objects.filter(read_at=None).exists()
    return len(captured)


def test_ordering_them_for_many_takes_as_many_statements_as_for_one() -> None:
    few = _ordering([enrolled(0)])
    many = [enrolled(number) for number in range(1, 21)]
    assert _ordering(many) == few
    counts = Counter(name for channel in many for name in asked(channel))
    assert counts == {"ProfileList": 20, "CertificateList": 20}
