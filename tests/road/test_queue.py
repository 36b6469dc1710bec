"""The queue, as a device meets it: orders, answers, postponement, repetition."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from commands import queue, reports
from commands.models import Command, Delivery, State
from devices.authentication import ChannelRow
from devices.models import Channel
from mdmportal.protocol.connect import Report, Status
from mdmportal.simulator.device import SimulatedDevice

from .conftest import IPAD, Enroll, channel

pytestmark = pytest.mark.django_db

IDLE = Report(status=Status.IDLE)


def order(
    device: SimulatedDevice, request_type: str = "DeviceLock", **more: Any
) -> Command:
    return queue.enqueue([channel(device).pk], request_type, **more)


def state(command: Command) -> str:
    return command.deliveries.get().state


def test_a_command_is_fetched_and_answered(iphone: SimulatedDevice) -> None:
    lock = order(iphone, keys={"Message": "Found me?"})
    sent = iphone.connect()
    assert sent is not None
    assert sent["Command"] == {"RequestType": "DeviceLock", "Message": "Found me?"}
    assert state(lock) == State.SENT
    assert iphone.connect("Acknowledged", to=sent) is None
    assert state(lock) == State.ACKNOWLEDGED


def test_commands_come_in_the_order_they_were_given(iphone: SimulatedDevice) -> None:
    for request_type in ("DeviceLock", "ProfileList", "SecurityInfo"):
        order(iphone, request_type)
    done = [one.request_type for one in iphone.session()]
    assert done == ["DeviceLock", "ProfileList", "SecurityInfo"]


def test_what_is_urgent_comes_first(iphone: SimulatedDevice) -> None:
    order(iphone, "ProfileList")
    order(iphone, "DeviceLock", priority=10)
    assert next(one.request_type for one in iphone.session()) == "DeviceLock"


def test_what_was_not_answered_is_sent_again_as_the_same(
    iphone: SimulatedDevice,
) -> None:
    lock = order(iphone)
    first, again = iphone.connect(), iphone.connect()
    assert first is not None
    assert first == again
    delivery = lock.deliveries.get()
    assert (delivery.attempts, delivery.state) == (2, State.SENT)


def test_a_repeated_answer_changes_nothing(iphone: SimulatedDevice) -> None:
    lock, other = order(iphone), order(iphone, "ProfileList")
    sent = iphone.connect()
    following = iphone.connect("Acknowledged", to=sent)
    assert following is not None
    settled = lock.deliveries.get()
    assert iphone.connect("Error", to=sent) == following
    assert lock.deliveries.get() == settled
    assert lock.deliveries.get().state == State.ACKNOWLEDGED
    assert state(other) == State.SENT


def test_an_error_is_kept_in_the_devices_words(iphone: SimulatedDevice) -> None:
    lock = order(iphone)
    chain = [
        {
            "ErrorCode": 12021,
            "ErrorDomain": "MCMDMErrorDomain",
            "LocalizedDescription": "Unzulässig",
        }
    ]
    iphone.connect("Error", to=iphone.connect(), ErrorChain=chain)
    delivery = lock.deliveries.get()
    assert (delivery.state, delivery.error) == (State.FAILED, "Unzulässig")
    assert delivery.error_chain == chain


def test_a_malformed_command_fails_and_the_next_one_comes(
    iphone: SimulatedDevice,
) -> None:
    lock = order(iphone)
    order(iphone, "ProfileList")
    following = iphone.connect("CommandFormatError", to=iphone.connect())
    assert state(lock) == State.FAILED
    assert following is not None
    assert following["Command"]["RequestType"] == "ProfileList"


def test_a_postponed_command_waits_for_the_next_session(
    iphone: SimulatedDevice,
) -> None:
    lock = order(iphone)
    sent = iphone.connect()
    assert iphone.connect("NotNow", to=sent) is None
    assert state(lock) == State.POSTPONED
    assert iphone.connect() == sent


def test_after_notnow_the_others_are_still_offered(iphone: SimulatedDevice) -> None:
    order(iphone)
    order(iphone, "ProfileList")
    lock = iphone.connect()
    profiles = iphone.connect("NotNow", to=lock)
    assert profiles is not None
    assert profiles["Command"]["RequestType"] == "ProfileList"
    assert iphone.connect("Acknowledged", to=profiles, ProfileList=[]) is None


def test_after_notnow_the_device_is_pushed_again_ever_later(
    iphone: SimulatedDevice,
) -> None:
    order(iphone)
    waits = []
    for _ in range(7):
        iphone.connect("NotNow", to=iphone.connect())
        push_at = channel(iphone).push_at
        assert push_at is not None
        waits.append(round((push_at - timezone.now()).total_seconds()))
    assert waits == sorted(waits)
    assert waits[0] in range(290, 301)
    assert waits[-1] == waits[-2]


def test_postponed_then_answered_leaves_nothing_to_push_for(
    iphone: SimulatedDevice,
) -> None:
    order(iphone)
    iphone.connect("NotNow", to=iphone.connect())
    iphone.connect("Acknowledged", to=iphone.connect())
    assert channel(iphone).push_at is None


def test_an_order_makes_a_push_due_and_the_answer_ends_it(
    iphone: SimulatedDevice,
) -> None:
    order(iphone)
    due = channel(iphone).push_at
    assert due is not None
    assert due <= timezone.now()
    iphone.session()
    assert channel(iphone).push_at is None


def test_an_order_during_the_session_keeps_its_push(iphone: SimulatedDevice) -> None:
    """The device read its channel before the order came in, and ends its session."""
    seen = channel(iphone)
    line = _line(iphone)
    Channel.objects.filter(pk=seen.pk).update(push_at=timezone.now())
    assert reports.take(line, IDLE, b"") is None
    assert channel(iphone).push_at is not None


def test_an_order_that_finds_a_push_due_keeps_it(iphone: SimulatedDevice) -> None:
    """The row looks as it did when the device's request began, but for the count."""
    due = timezone.now() - dt.timedelta(minutes=1)
    Channel.objects.update(push_at=due)
    before = _line(iphone, connection.ops.adapt_datetimefield_value(due))
    order(iphone)
    reports._rest(before, reports._values(before, IDLE))
    after = channel(iphone)
    assert after.push_at == due
    assert after.ordered != after.drained


def _line(device: SimulatedDevice, push_at: object = None) -> ChannelRow:
    one = channel(device)
    return ChannelRow(
        id=one.pk,
        user_id="",
        push_token=one.push_token,
        push_magic=one.push_magic,
        push_at=push_at,
        push_dead=False,
        ordered=one.ordered,
        drained=one.drained,
        is_stale=True,
    )


def test_an_order_during_the_session_is_not_taken_for_done(
    iphone: SimulatedDevice,
) -> None:
    """Even where no push could be marked as due: the token is dead, say."""
    Channel.objects.update(push_dead=True)
    line = _line(iphone)
    order(iphone)
    reports._rest(line, reports._values(line, IDLE))
    assert iphone.connect() is not None


def test_an_answer_to_anothers_command_changes_nothing(
    iphone: SimulatedDevice, enroll: Enroll
) -> None:
    ipad = enroll(IPAD)
    lock = order(iphone)
    sent = iphone.connect()
    assert ipad.connect("Acknowledged", to=sent) is None
    assert state(lock) == State.SENT
    assert not hasattr(lock.deliveries.get(), "result")


@pytest.mark.parametrize("uuid", ["nonsense", "'; DROP TABLE x", "ä" * 200])
def test_an_answer_to_no_command_of_ours_is_taken_and_forgotten(
    iphone: SimulatedDevice, uuid: str
) -> None:
    order(iphone)
    following = iphone.connect("Acknowledged", to=uuid)
    assert following is not None
    assert following["Command"]["RequestType"] == "DeviceLock"


def test_a_cancelled_command_is_not_sent(iphone: SimulatedDevice) -> None:
    lock = order(iphone)
    assert queue.cancel(lock.deliveries.all()) == 1
    assert iphone.connect() is None
    assert state(lock) == State.CANCELLED


def test_what_was_sent_cannot_be_cancelled(iphone: SimulatedDevice) -> None:
    lock = order(iphone)
    iphone.connect()
    assert queue.cancel(lock.deliveries.all()) == 0
    assert state(lock) == State.SENT


def test_the_late_answer_to_a_cancelled_command_is_kept_and_settles_nothing(
    iphone: SimulatedDevice,
) -> None:
    lock = order(iphone)
    sent = iphone.connect()
    Delivery.objects.update(state=State.CANCELLED)
    iphone.connect("Acknowledged", to=sent, MessageResult="Success")
    delivery = lock.deliveries.get()
    assert delivery.state == State.CANCELLED
    assert b"MessageResult" in delivery.result.body


def test_an_expired_command_is_not_sent(iphone: SimulatedDevice) -> None:
    past = timezone.now() - dt.timedelta(minutes=1)
    lock = order(iphone, expires_at=past)
    assert iphone.connect() is None
    assert queue.expire() == 1
    assert state(lock) == State.EXPIRED


def test_what_was_sent_before_its_expiry_may_still_be_answered(
    iphone: SimulatedDevice,
) -> None:
    lock = order(iphone, expires_at=timezone.now() + dt.timedelta(minutes=1))
    sent = iphone.connect()
    Delivery.objects.update(expires_at=timezone.now() - dt.timedelta(minutes=1))
    assert queue.expire() == 0
    iphone.connect("Acknowledged", to=sent)
    assert state(lock) == State.ACKNOWLEDGED


def test_one_order_reaches_many_channels_once_each(
    iphone: SimulatedDevice, enroll: Enroll
) -> None:
    ids = [channel(device).pk for device in (iphone, enroll(IPAD), enroll(IPAD, 1))]
    command = queue.enqueue(ids + ids, "DeviceLock")
    assert command.deliveries.count() == 3
    assert len(set(command.deliveries.values_list("uuid", flat=True))) == 3


def test_a_device_that_left_gets_nothing_queued(iphone: SimulatedDevice) -> None:
    left = channel(iphone).pk
    iphone.check_out()
    assert queue.enqueue([left], "DeviceLock").deliveries.count() == 0


def test_keys_are_not_readable_in_the_database(iphone: SimulatedDevice) -> None:
    from django.db import connection

    order(iphone, keys={"PIN": "314159"})
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT keys_plist FROM commands_command ORDER BY id DESC LIMIT 1"
        )
        stored = bytes(cursor.fetchone()[0])
    assert b"314159" not in stored
    assert b"PIN" not in stored


def test_the_users_of_a_mac_have_queues_of_their_own(mac: SimulatedDevice) -> None:
    ada, bob = mac.log_in("ada", "Ada L."), mac.log_in("bob", "Bob B.")
    for user in ("ada", "bob", ""):
        queue.enqueue([channel(mac, user).pk], "ProfileList")
    deliveries = {
        one.channel.user_short_name: one
        for one in Delivery.objects.filter(state=State.QUEUED).select_related("channel")
    }
    sent = ada.connect()
    assert sent is not None
    assert sent["CommandUUID"] == deliveries["ada"].uuid
    assert bob.connect("Acknowledged", to=sent)["CommandUUID"] == deliveries["bob"].uuid  # type: ignore[index]
    ada.connect("Acknowledged", to=sent, ProfileList=[])
    assert Delivery.objects.get(pk=deliveries["ada"].pk).state == State.ACKNOWLEDGED
    assert Delivery.objects.get(pk=deliveries["bob"].pk).state == State.SENT
    assert Delivery.objects.get(pk=deliveries[""].pk).state == State.QUEUED
