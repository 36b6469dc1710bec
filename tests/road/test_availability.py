"""Availability: who cannot take a command is told why, offered, ordered, delivered."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commands import (
    availability,
    orders,
    queue,
    reports,
    requirements,
    results,
    targets,
)
from commands.escrow import pending
from commands.models import Delivery, Order, Recipient, State
from commands.targets import Targets
from devices.models import Channel, Device, Enrollment, Secret
from enrollment import profiles
from enrollment.models import EnrollmentProfile
from mdmportal import catalogue
from mdmportal.simulator.device import SimulatedDevice

from .answering import enrolled
from .conftest import IPAD, Enroll, channel, row

pytestmark = pytest.mark.django_db

PNG = b"\x89PNG"
MAC = {"platform": "macOS", "os_version": "15.1", "is_supervised": True}


@dataclass(frozen=True)
class Case:
    """A device that cannot take a command, and why; the keys decide only if they do."""

    request_type: str
    why: str
    keys: Mapping[str, Any] = field(default_factory=dict)
    device: Mapping[str, Any] = field(default_factory=dict)
    stay: Mapping[str, Any] = field(default_factory=dict)
    by_keys: bool = False
    device_decides: bool = False
    """Once ordered, it is sent: what we know may be a few seconds old."""

    def __str__(self) -> str:
        return self.why.replace(" ", "-")

    def come_true(self) -> None:
        Device.objects.update(**self.device)
        Enrollment.objects.update(**self.stay)


CASES = [
    Case("EnableRemoteDesktop", "not on iOS"),
    Case(
        "RefreshCellularPlans",
        "needs iOS 13.0",
        {"eSIMServerURL": "https://carrier.example"},
        {"os_version": "12.4"},
    ),
    Case(
        "AvailableOSUpdates",
        "removed in iOS 27.0",
        device={"os_version": "27.0", "is_supervised": True},
    ),
    Case(
        "ShutDownDevice", "needs a supervised device", device={"is_supervised": False}
    ),
    Case("DeviceLock", "needs the right to", stay={"access_rights": 1}),
    Case("ClearRestrictionsPassword", "not on Shared iPad", stay={"mode": "shared"}),
    Case("LogOutUser", "only on Shared iPad"),
    Case("ActiveNSExtensions", "not on the device channel", device=MAC),
    Case(
        "AccountConfiguration",
        "needs Automated Device Enrollment",
        device=MAC,
        stay={"awaiting_configuration": True},
    ),
    # By their keys.
    Case(
        "EraseDevice",
        "ReturnToService needs iOS 17.0",
        {"ReturnToService": {"Enabled": True, "MDMProfileData": b"<plist/>"}},
        {"os_version": "16.7.2"},
        by_keys=True,
    ),
    Case(
        "Settings",
        "Wallpaper needs a supervised device",
        {"Settings": [{"Item": "Wallpaper", "Image": PNG, "Where": 3}]},
        {"is_supervised": False},
        by_keys=True,
    ),
    Case(
        "DeviceInformation",
        "IMEI removed in iOS 26.0; MEID removed in iOS 26.0",
        {"Queries": ["IMEI", "MEID"]},
        {"os_version": "26.0"},
        by_keys=True,
    ),
    # By what the schema does not know.
    Case(
        "DeviceLocation",
        "it is not in Lost Mode: turn Lost Mode on first",
        device={"is_supervised": True, "in_lost_mode": False},
        device_decides=True,
    ),
    Case(
        "EnableLostMode",
        "it is in Lost Mode already",
        {"Message": "Found me?"},
        {"is_supervised": True, "in_lost_mode": True},
        device_decides=True,
    ),
    Case(
        "ClearPasscode",
        "it is in Lost Mode, and whoever has it could get in",
        device={"in_lost_mode": True},
    ),
    Case(
        "DeviceConfigured",
        "its Setup Assistant is done",
        device={"is_supervised": True},
        stay={"mode": "automated", "awaiting_configuration": False},
    ),
    Case(
        "SetFirmwarePassword",
        "use a recovery lock",
        {"NewPassword": "secret"},
        {**MAC, "is_apple_silicon": True},
    ),
    Case(
        "SetRecoveryLock",
        "use a firmware password",
        {"NewPassword": "secret"},
        {**MAC, "is_apple_silicon": False},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_why_a_device_cannot_take_a_command_is_told_each_time(
    iphone: SimulatedDevice, case: Case
) -> None:
    before = queue.enqueue([channel(iphone).pk], case.request_type, case.keys)
    after = queue.enqueue([channel(iphone).pk], "ProfileList")
    case.come_true()
    one = channel(iphone)
    # Offered.
    offered = availability.refusal(one, case.request_type)
    assert case.by_keys != (case.why in offered)
    everybody = Targets(Device.objects.all())
    preview = everybody.preview(case.request_type, case.keys)
    assert (preview.able, preview.refused[0].names) == (0, (str(row(iphone)),))
    assert case.why in preview.refused[0].reason
    # Ordered.
    placed = orders.place([one], case.request_type, case.keys)
    assert placed.queued == 0
    assert case.why in placed.refused[0][1]
    # Delivered: what was ordered before it came true is not sent, and the next one is.
    sent = iphone.connect()
    assert sent is not None
    if case.device_decides:
        assert sent["CommandUUID"] == before.deliveries.get().uuid
        return
    assert sent["CommandUUID"] == after.deliveries.get().uuid
    delivery = before.deliveries.get()
    assert (delivery.state, delivery.attempts) == (State.REFUSED, 0)
    assert case.why in delivery.error
    assert delivery.settled_at


def test_a_persons_own_device_is_not_erased(iphone: SimulatedDevice) -> None:
    Enrollment.objects.update(mode="user")
    one = channel(iphone)
    assert availability.refusal(one, "EraseDevice") == "not under User Enrollment"
    placed = orders.place([one], "EraseDevice")
    assert placed.refused == [(str(row(iphone)), "not under User Enrollment")]


def test_a_device_that_is_not_enrolled_can_take_nothing(
    iphone: SimulatedDevice,
) -> None:
    one = channel(iphone)
    iphone.check_out()
    one.enrollment.refresh_from_db()
    assert availability.refusal(one, "DeviceLock") == "not enrolled"
    assert availability.refusals([one], "DeviceLock") == {one.pk: "not enrolled"}
    assert Targets(Device.objects.all()).refusals("DeviceLock") == {"not enrolled": 1}


# --- When it is delivered


def test_an_answer_brings_what_can_be_taken_and_the_rest_is_settled(
    iphone: SimulatedDevice,
) -> None:
    """Also between two commands of one session, which takes another road."""
    one = channel(iphone).pk
    queue.enqueue([one], "ProfileList")
    refused = [queue.enqueue([one], "RestartDevice") for _ in range(3)]
    last = queue.enqueue([one], "SecurityInfo")
    Device.objects.update(is_supervised=False)
    first = iphone.connect()
    following = iphone.connect("Acknowledged", to=first, ProfileList=[])
    assert following is not None
    assert following["CommandUUID"] == last.deliveries.get().uuid
    assert {each.deliveries.get().state for each in refused} == {State.REFUSED}


def test_where_nothing_is_left_the_session_ends_and_no_push_follows(
    iphone: SimulatedDevice,
) -> None:
    queue.enqueue([channel(iphone).pk], "RestartDevice")
    Device.objects.update(is_supervised=False)
    assert iphone.connect() is None
    after = channel(iphone)
    assert after.push_at is None
    assert after.ordered == after.drained


def test_one_session_does_not_refuse_without_end(
    iphone: SimulatedDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "MOST_REFUSED", 2)
    one = channel(iphone).pk
    for _ in range(5):
        queue.enqueue([one], "RestartDevice")
    lock = queue.enqueue([one], "ProfileList").deliveries.get()
    Device.objects.update(is_supervised=False)
    came = [iphone.connect()]
    left = Delivery.objects.filter(command__request_type="RestartDevice")
    left = left.exclude(state=State.REFUSED)
    assert {(one.state, one.attempts) for one in left} == {(State.QUEUED, 0)}
    came += [iphone.connect() for _ in range(2)]
    assert came[0] is None
    assert channel(iphone).push_at is not None, "the rest is still to be fetched"
    assert came[2] is not None
    assert came[2]["CommandUUID"] == lock.uuid


def test_what_was_sent_before_stays_open_to_its_answer(
    iphone: SimulatedDevice,
) -> None:
    """The device may have done it, and its answer been lost."""
    restart = queue.enqueue([channel(iphone).pk], "RestartDevice")
    Device.objects.update(is_supervised=True)
    sent = iphone.connect()
    Device.objects.update(is_supervised=False)
    assert iphone.connect() is None
    delivery = restart.deliveries.get()
    assert (delivery.state, delivery.attempts) == (State.REFUSED, 1)
    iphone.connect("Acknowledged", to=sent)
    assert b"Acknowledged" in restart.deliveries.get().result.body


def test_a_secret_that_was_not_sent_never_comes_in_force(mac: SimulatedDevice) -> None:
    placed = orders.place([channel(mac)], "SetRecoveryLock", {"NewPassword": "next"})
    assert placed.queued == 1
    Device.objects.update(is_apple_silicon=False)
    assert list(mac.session()) == []
    assert Delivery.objects.get(command=placed.commands[0]).state == State.REFUSED
    pending.settle()
    secret = Secret.objects.get(kind=Secret.Kind.RECOVERY_LOCK)
    assert secret.outcome == Secret.Outcome.WITHDRAWN
    assert not secret.is_in_force


def test_a_mac_that_asks_for_a_pin_is_not_locked_without_one(
    mac: SimulatedDevice,
) -> None:
    Device.objects.update(needs_pin_to_lock=True)
    lock = queue.enqueue([channel(mac).pk], "DeviceLock")
    assert mac.connect() is None
    assert "asks for a PIN" in lock.deliveries.get().error
    placed = orders.place([channel(mac)], "DeviceLock")
    assert placed.queued == 1, "the portal makes one up"
    sent = mac.connect()
    assert sent is not None
    assert sent["Command"]["RequestType"] == "DeviceLock"


def test_a_device_that_waits_is_released_whatever_we_believe_of_it(
    iphone: SimulatedDevice,
) -> None:
    """Else its Setup Assistant would wait for ever."""
    Device.objects.update(is_supervised=False)
    Enrollment.objects.update(mode="device", awaiting_configuration=True)
    assert availability.refusal(channel(iphone), "DeviceConfigured") == ""
    queue.enqueue([channel(iphone).pk], "DeviceConfigured")
    sent = iphone.connect()
    assert sent is not None
    assert sent["Command"]["RequestType"] == "DeviceConfigured"


def test_an_expired_identity_is_renewed_whatever_the_device_is(
    iphone: SimulatedDevice,
) -> None:
    queue.enqueue(
        [channel(iphone).pk],
        "InstallProfile",
        {"Payload": b"<plist/>"},
        priority=queue.RENEWAL,
    )
    Enrollment.objects.update(access_rights=1)
    past = timezone.now() - dt.timedelta(days=1)
    Enrollment.objects.get().identities.update(not_after=past)
    assert iphone.connect() is not None


def test_refusing_costs_a_few_statements_and_sending_none(
    iphone: SimulatedDevice,
) -> None:
    queue.enqueue([channel(iphone).pk], "RestartDevice")
    queue.enqueue([channel(iphone).pk], "ProfileList")
    Device.objects.update(is_supervised=False)
    with CaptureQueriesContext(
        connection,
    ) as refusing:
        assert iphone.connect() is not None
    with CaptureQueriesContext(connection) as sending:
        assert iphone.connect() is not None
    assert len(refusing) - len(sending) <= 5


# --- Keys that do no harm


@pytest.mark.parametrize(
    ("request_type", "keys"),
    [
        ("DeviceLock", {"PIN": "123456", "Message": "Found me?"}),
        ("EraseDevice", {"PIN": "123456", "ObliterationBehavior": "Always"}),
        ("InstallApplication", {"iTunesStoreID": 1, "InstallAsManaged": True}),
        ("DeviceInformation", {"Queries": ["UDID", "HostName"]}),
    ],
)
def test_what_a_system_passes_over_refuses_nothing(
    iphone: SimulatedDevice, request_type: str, keys: dict[str, Any]
) -> None:
    assert availability.refusal(channel(iphone), request_type, keys) == ""


def test_what_is_not_in_the_catalogue_is_refused_by_nothing(
    iphone: SimulatedDevice,
) -> None:
    assert availability.refusal(channel(iphone), "LaterThanWeKnow", {"A": 1}) == ""


# --- Many at once


def test_a_preview_of_many_takes_few_statements_and_names_the_first() -> None:
    for number in range(30):
        enrolled(number, is_supervised=number % 3 == 0, in_lost_mode=number == 0)
    with CaptureQueriesContext(connection) as asked:
        preview = Targets(Device.objects.all()).preview("PlayLostModeSound")
    assert len(asked) <= 4
    assert preview.able == 1
    counts = {each.reason: each.count for each in preview.refused}
    assert counts == {
        "needs a supervised device": 20,
        "it is not in Lost Mode: turn Lost Mode on first": 9,
    }
    assert len(preview.refused[0].names) == 10
    assert preview.refused[0].more == 10


def test_users_of_macs_are_targets_of_their_own(mac: SimulatedDevice) -> None:
    mac.log_in("ada", "Ada L.")
    users = Targets.of_channels(Channel.objects.exclude(user_id=""), "Users of Macs")
    assert (users.count, users.label) == (1, "Users of Macs")
    assert users.preview("ActiveNSExtensions").able == 1
    refused = users.preview("DeviceLock").refused[0]
    assert refused.reason == "not on the user channel"
    assert refused.names == (f"{row(mac)}, Ada L.",)


def test_the_recipients_of_an_order_are_what_was_written_down(
    iphone: SimulatedDevice, enroll: Enroll
) -> None:
    order = Order.objects.create(
        request_type="DeviceLock", keys_plist=b"", audience="Group Sales"
    )
    one = channel(iphone)
    away = Device.objects.create(name="Away")
    Recipient.objects.create(order=order, device=row(iphone), channel=one)
    Recipient.objects.create(order=order, device=away)
    enroll(IPAD)
    found = targets.of_order(order)
    assert (found.count, found.label) == (2, "Group Sales")
    assert list(found.channels) == [one]
    (refused,) = found.preview("DeviceLock").refused
    assert (refused.reason, refused.names) == ("not enrolled", ("Away",))


# --- As experience with other servers asks


def test_a_device_that_says_notnow_for_a_week_gets_it_at_last(
    iphone: SimulatedDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked for ever less often, and other orders do not wait for it."""
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    lock = queue.enqueue([channel(iphone).pk], "DeviceLock")
    until, times = now + dt.timedelta(days=7), 0
    while now < until:
        assert iphone.connect("NotNow", to=iphone.connect()) is None
        due = channel(iphone).push_at
        assert due is not None
        now, times = due, times + 1
    assert times < 30
    listed = queue.enqueue([channel(iphone).pk], "ProfileList")
    sent = iphone.connect()
    other = iphone.connect("NotNow", to=sent)
    assert other is not None
    assert other["CommandUUID"] == listed.deliveries.get().uuid
    iphone.connect("Acknowledged", to=other, ProfileList=[])
    again = iphone.connect()
    assert again == sent
    iphone.connect("Acknowledged", to=again)
    delivery = lock.deliveries.get()
    assert (delivery.state, delivery.postponements) == (State.ACKNOWLEDGED, times + 1)


def test_a_device_that_enrolls_again_gets_none_of_its_old_orders(
    iphone: SimulatedDevice, way: EnrollmentProfile
) -> None:
    one = channel(iphone).pk
    old = [
        queue.enqueue([one], "EraseDevice"),
        queue.enqueue([one], "RemoveProfile", {"Identifier": "com.example"}),
        queue.enqueue([one], "DeviceLock"),
    ]
    iphone.connect()  # the first of them is on its way
    iphone.wipe()
    iphone.install(profiles.make(way))
    told = [each.request_type for each in iphone.session()]
    assert told, "the new stay is asked what it is"
    assert not {"EraseDevice", "RemoveProfile", "DeviceLock"} & set(told)
    assert {each.deliveries.get().state for each in old} == {State.CANCELLED}
    assert iphone.enrolled


def test_a_lock_that_was_cancelled_and_answered_late_keeps_its_pin(
    mac: SimulatedDevice,
) -> None:
    """The Mac is locked all the same, and only this PIN opens it."""
    placed = orders.place([channel(mac)], "DeviceLock", {"PIN": "314159"})
    delivery = placed.commands[0].deliveries.get()
    sent = mac.connect()
    assert queue.cancel(Delivery.objects.filter(pk=delivery.pk)) == 0, "too late"
    Delivery.objects.filter(pk=delivery.pk).update(state=State.CANCELLED)
    pending.settle()
    secret = Secret.objects.get(kind=Secret.Kind.LOCK_PIN)
    assert secret.outcome == Secret.Outcome.UNANSWERED
    mac.connect("Acknowledged", to=sent, MessageResult="Success")
    results.read_waiting()
    secret.refresh_from_db()
    assert secret.is_in_force
    assert bytes(secret.value) == b"314159"
    delivery.refresh_from_db()
    assert delivery.state == State.CANCELLED


def test_every_command_of_the_catalogue_can_be_asked_about(
    iphone: SimulatedDevice, mac: SimulatedDevice
) -> None:
    reasons = {
        (request_type, availability.refusal(channel(each), request_type))
        for each in (iphone, mac)
        for request_type in catalogue.commands()
    }
    assert len(reasons) > len(catalogue.commands())


@pytest.mark.parametrize(
    ("request_type", "keys"),
    [
        ("DeviceInformation", {"Queries": [{}]}),
        ("DeviceInformation", {"Queries": [["OSVersion"]]}),
    ],
)
def test_what_is_written_by_hand_is_sent_however_odd(
    iphone: SimulatedDevice, request_type: str, keys: Mapping[str, Any]
) -> None:
    Enrollment.objects.update(awaiting_configuration=False)
    queue.enqueue([channel(iphone).pk], request_type, keys)
    queue.enqueue([channel(iphone).pk], "SecurityInfo")
    iphone.session()
    assert not Delivery.objects.filter(state__in=("queued", "sent")).exists()


def test_a_setting_of_no_kind_divides_no_disk() -> None:
    keys: Mapping[str, Any] = {"Settings": [{"Item": []}]}
    situation = requirements.Situation(awaiting_configuration=False)
    assert requirements.unmet("Settings", keys, situation) == ""


def test_what_cannot_be_looked_at_is_sent_as_it_is(
    iphone: SimulatedDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> str:
        raise TypeError("what nobody foresaw")

    monkeypatch.setattr(availability, "on_delivery", broken)
    queue.enqueue([channel(iphone).pk], "SecurityInfo")
    iphone.session()
    assert Delivery.objects.latest("pk").state == State.ACKNOWLEDGED
