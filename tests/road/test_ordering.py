"""Orders: drafted, confirmed, approved and written, to one or to many."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commands import forgetting, ordering, progress, queue
from commands.checking import Invalid
from commands.models import ApprovalRule, Command, Delivery, Order, Recipient, State
from commands.ordering import recipients, writing
from commands.targets import Targets
from devices.models import AuditEntry, Channel, Device, Enrollment, Secret
from mdmportal.protocol import plist
from mdmportal.simulator.device import SimulatedDevice

from .answering import enrolled, user_of
from .conftest import Enroll, channel, row
from .ordered import (
    DESTROYS,
    RIGHTS,
    Clock,
    clock,
    everybody,
    fleet,
    fresh,
    ids,
    order,
    told,
    who,
)

__all__ = ["clock"]

pytestmark = pytest.mark.django_db

QUERY = {"Queries": ["OSVersion"]}
S = Order.State


def leave(channel: Channel) -> None:
    channel.enrollment.end("removed")


def many(monkeypatch: pytest.MonkeyPatch, batch: int = 2) -> None:
    """Have every order be a large one, and write it in batches of two."""
    monkeypatch.setattr(writing, "INLINE", 0)
    monkeypatch.setattr(queue, "BATCH", batch)


# --- Drafts


def test_a_draft_is_looked_at_and_nothing_is_sent() -> None:
    fleet(3)
    draft = ordering.draft(everybody("All"), "DeviceInformation", QUERY, by=None)
    assert (draft.state, draft.total, draft.audience) == (S.DRAFT, 3, "All")
    assert ordering.run_due() == 0
    assert not Delivery.objects.exists()
    assert ordering.confirm(draft, None).state == S.DONE
    assert Delivery.objects.count() == 3


def test_who_gets_it_is_fixed_when_it_is_drafted() -> None:
    first = fleet(2)
    draft = ordering.draft(everybody(), "EraseDevice", {}, by=None)
    enrolled(9)
    ordering.confirm(draft, None)
    assert told(draft) == ids(first)


def test_devices_that_are_not_enrolled_are_written_down_as_such() -> None:
    enrolled(0)
    Device.objects.create(udid="gone")
    leave(enrolled(1))
    done = order()
    assert (done.total, done.queued, done.refused, done.state) == (3, 1, 2, S.DONE)
    refused = done.recipients.filter(state="refused")
    assert {one.reason for one in refused} == {"not enrolled"}
    assert {one.channel_id for one in refused} == {None}


def test_users_of_macs_get_it_on_their_own_channels() -> None:
    mac = enrolled(platform="macOS", os_version="15.1")
    users = [user_of(mac, "ADA"), user_of(mac, "BOB")]
    chosen = Channel.objects.filter(pk__in=ids(users))
    done = order("ProfileList", keys={}, targets=Targets.of_channels(chosen, "Users"))
    assert told(done) == ids(users)
    assert done.total == 2


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"keys": {"Queries": "OSVersion"}}, "Queries"),
        ({"priority": queue.REMOVAL}, "priority"),
        ({"window": {"days": [], "from": "22:00", "until": "05:00"}}, "day"),
        ({"window": {"days": [1], "from": "22:00", "until": "22:00"}}, "ends when"),
        ({"window": {"days": [1], "from": "late", "until": "22:00"}}, "window"),
        ({"targets": Targets(Device.objects.none())}, "no device"),
    ],
)
def test_what_makes_no_sense_is_no_order(wanted: dict[str, Any], words: str) -> None:
    enrolled()
    with pytest.raises(Invalid, match=words):
        order(**wanted)


def test_drafts_are_forgotten_after_a_day(clock: Clock) -> None:
    fleet(2)
    old = ordering.draft(everybody(), "DeviceInformation", QUERY, by=None)
    kept = order()
    Order.objects.update(ordered_at=clock.now)
    clock.forward(hours=25)
    new = ordering.draft(everybody(), "DeviceInformation", QUERY, by=None)
    Order.objects.filter(pk=new.pk).update(ordered_at=clock.now)
    assert forgetting.drafts() == 1
    assert {one.pk for one in Order.objects.all()} == {kept.pk, new.pk}
    assert not Recipient.objects.filter(order=old.pk).exists()


# --- Rights


def test_who_may_not_order_it_cannot_even_draft_it() -> None:
    enrolled()
    nobody, help_desk = who("nobody"), who("help", *RIGHTS)
    for user, request_type in ((nobody, "ProfileList"), (help_desk, "EraseDevice")):
        with pytest.raises(ordering.NotAllowed):
            ordering.draft(everybody(), request_type, {}, by=user)
    assert order("ProfileList", by=help_desk).state == S.DONE


def test_a_right_that_was_lost_meanwhile_confirms_nothing() -> None:
    enrolled()
    admin = who("admin", *DESTROYS)
    draft = ordering.draft(everybody(), "EraseDevice", {}, by=admin)
    admin.user_permissions.clear()
    admin = type(admin).objects.get(pk=admin.pk)
    with pytest.raises(ordering.NotAllowed):
        ordering.confirm(draft, admin)
    assert fresh(draft).state == S.DRAFT


def test_a_draft_is_confirmed_by_who_made_it_and_once() -> None:
    enrolled()
    ada, bob = who("ada", *RIGHTS), who("bob", *RIGHTS)
    draft = ordering.draft(everybody(), "ProfileList", {}, by=ada)
    with pytest.raises(ordering.NotAllowed):
        ordering.confirm(draft, bob)
    for _ in range(2):
        assert ordering.confirm(draft, ada).state == S.DONE
    assert Delivery.objects.count() == 1


def test_a_custom_command_needs_its_own_right_and_is_sent_as_written() -> None:
    enrolled()
    admin = who("admin", *DESTROYS)
    with pytest.raises(ordering.NotAllowed):
        order("NewCommand", keys={"Any": 1}, by=admin, is_custom=True)
    known = who("known", *DESTROYS, "order_custom")
    done = order("NewCommand", keys={"Any": 1}, by=known, is_custom=True)
    assert done.state == S.DONE
    assert Command.objects.get().keys == {"Any": 1}


# --- Approval


@pytest.fixture
def erase() -> Order:
    """Three devices to be erased, which needs a second person from the third on."""
    ApprovalRule.objects.create(over=2)
    fleet(3)
    return order("EraseDevice", by=who("ada", *DESTROYS))


def test_a_rule_holds_an_order_until_a_second_person_approves(erase: Order) -> None:
    assert erase.state == S.AWAITING
    assert "approval" in erase.why
    assert ordering.run_due() == 0
    assert not Delivery.objects.exists()
    bob = who("bob", *DESTROYS, "approve_order")
    assert ordering.approve(erase, bob).state == S.DONE
    assert Delivery.objects.count() == 3
    assert fresh(erase).decided_by == bob
    said = AuditEntry.objects.order_by("pk").values_list("actor_name", "action")
    assert list(said) == [
        ("ada", "ordered EraseDevice"),
        ("bob", "approved EraseDevice"),
    ]


def test_nobody_approves_who_ordered_or_may_not_do_it_alone(erase: Order) -> None:
    ada = erase.ordered_by
    assert ada is not None
    ada.user_permissions.add(*_right("approve_order"))
    approver, eraser = who("bob", *RIGHTS, "approve_order"), who("eve", *DESTROYS)
    for user in (type(ada).objects.get(pk=ada.pk), approver, eraser):
        with pytest.raises(ordering.NotAllowed):
            ordering.approve(erase, user)
    assert fresh(erase).state == S.AWAITING


def _right(name: str) -> Any:
    from django.contrib.auth.models import Permission

    return Permission.objects.filter(codename=name)


def test_a_rejected_order_is_over(erase: Order) -> None:
    bob = who("bob", *DESTROYS, "approve_order")
    ordering.reject(erase, bob, "Not these.")
    assert (fresh(erase).state, fresh(erase).why) == (S.REJECTED, "Not these.")
    assert {one.state for one in erase.recipients.all()} == {"cancelled"}
    with pytest.raises(ordering.TooLate):
        ordering.approve(erase, bob)


def test_what_nobody_approves_lapses_after_a_week(clock: Clock) -> None:
    ApprovalRule.objects.create()
    enrolled()
    erase = order("EraseDevice", by=who("ada", *DESTROYS))
    clock.forward(days=6)
    ordering.run_due()
    assert fresh(erase).state == S.AWAITING
    clock.forward(days=2)
    ordering.run_due()
    assert fresh(erase).state == S.REJECTED
    assert "Nobody approved" in fresh(erase).why
    assert not Delivery.objects.exists()


def test_rules_are_about_their_command_and_more_devices_than_they_say() -> None:
    ApprovalRule.objects.create(request_type="ProfileList", over=1)
    enrolled(0)
    ada = who("ada", *DESTROYS)
    assert order("ProfileList", by=ada).state == S.DONE
    enrolled(1)
    assert order("CertificateList", by=ada).state == S.DONE
    assert order("EraseDevice", by=ada).state == S.DONE
    assert order("ProfileList", by=ada).state == S.AWAITING
    assert order("ProfileList").state == S.DONE, "the portal asks nobody"


# --- Writing


def test_a_large_order_is_written_by_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    many(monkeypatch)
    channels = fleet(5)
    large = order()
    assert (large.state, Delivery.objects.count()) == (S.RUNNING, 0)
    assert ordering.run_due() == 5
    assert told(large) == ids(channels)
    done = fresh(large)
    assert (done.state, done.queued, done.next_at) == (S.DONE, 5, None)
    assert Command.objects.count() == 1, "all are told the same"
    assert ordering.run_due() == 0


def test_who_dies_in_the_middle_is_gone_on_for(monkeypatch: pytest.MonkeyPatch) -> None:
    many(monkeypatch)
    channels = fleet(6)
    large = order()
    settle, calls = recipients.settle, []

    def die(outcomes: Any) -> None:
        calls.append(outcomes)
        if len(calls) == 2:
            raise KeyboardInterrupt  # after the deliveries, before the recipients
        settle(outcomes)

    monkeypatch.setattr(recipients, "settle", die)
    with pytest.raises(KeyboardInterrupt):
        ordering.run_due()
    assert told(large) == ids(channels[:2])
    assert fresh(large).queued == 2
    assert ordering.run_due() == 4
    assert told(large) == ids(channels)


def test_an_order_that_cannot_be_written_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    many(monkeypatch)
    fleet(2)
    broken, fine = order("ProfileList"), order()
    write = writing._write

    def stumble(order: Order, *rest: Any) -> None:
        if order.pk == broken.pk:
            raise RuntimeError("broken")
        write(order, *rest)

    monkeypatch.setattr(writing, "_write", stumble)
    ordering.run_due()
    assert (fresh(broken).state, fresh(fine).state) == (S.RUNNING, S.DONE)
    monkeypatch.setattr(writing, "_write", write)
    clock.forward(minutes=2)
    ordering.run_due()
    assert fresh(broken).state == S.DONE


def test_statements_do_not_grow_with_the_devices() -> None:
    def count(devices: int) -> list[int]:
        chosen = Device.objects.order_by("pk")[:devices].values("pk")
        targets = Targets(Device.objects.filter(pk__in=chosen))
        counts = []
        with CaptureQueriesContext(connection) as captured:
            draft = ordering.draft(targets, "DeviceInformation", QUERY, by=None)
        counts.append(len(captured))
        with CaptureQueriesContext(connection) as captured:
            ordering.confirm(draft, None)
        counts.append(len(captured))
        with CaptureQueriesContext(connection) as captured:
            shown = progress.of_orders([draft])[draft.pk]
        counts.append(len(captured))
        assert shown.written == devices
        return counts

    fleet(300)
    few, many = count(3), count(300)
    # SQLite takes 999 values in one INSERT, and so splits the deliveries.
    allowance = 5 if connection.vendor == "sqlite" else 0
    assert many[0] == few[0] <= 8
    assert many[1] <= few[1] + allowance
    assert few[1] <= 25
    assert many[2] == few[2] == 1


def test_each_device_is_asked_again_whether_it_can_take_it(clock: Clock) -> None:
    able, old, gone = (enrolled(number, is_supervised=True) for number in range(3))
    later = order("RestartDevice", starts_at=clock.now.replace(hour=18))
    Device.objects.filter(pk=old.enrollment.device_id).update(is_supervised=False)
    leave(gone)
    clock.forward(hours=7)
    ordering.run_due()
    assert told(later) == ids([able])
    reasons = {
        one.channel_id: one.reason for one in later.recipients.filter(state="refused")
    }
    assert "supervised" in reasons[old.pk]
    assert reasons[gone.pk] == "left management since"


def test_what_destroys_reaches_nobody_beside_those_counted_when_confirmed(
    clock: Clock,
) -> None:
    able, unable = (enrolled(number, is_supervised=number == 0) for number in range(2))
    later = order("RestartDevice", starts_at=clock.now.replace(hour=18))
    assert (later.total, later.refused) == (2, 1)
    Device.objects.update(is_supervised=True)
    clock.forward(hours=7)
    ordering.run_due()
    assert told(later) == ids([able])
    left = later.recipients.get(state="refused")
    assert (left.channel_id, left.reason) == (unable.pk, "needs a supervised device")


def test_a_custom_command_is_not_sent_to_whom_cannot_take_it() -> None:
    able, unable = (enrolled(number, is_supervised=number == 0) for number in range(2))
    known = who("known", *DESTROYS, "order_custom")
    done = order("RestartDevice", keys={"Any": 1}, by=known, is_custom=True)
    assert told(done) == ids([able])
    assert done.recipients.get(channel=unable).state == "refused"


def test_a_wipe_never_follows_a_device_into_its_next_stay(
    enroll: Enroll, clock: Clock
) -> None:
    before = channel(enroll())
    wipe = order("EraseDevice", starts_at=clock.now.replace(hour=18))
    again = enroll()
    assert row(again).pk == before.enrollment.device_id
    assert channel(again).pk != before.pk
    clock.forward(hours=7)
    ordering.run_due()
    assert told(wipe) == []
    assert wipe.recipients.get().reason == "left management since"
    assert again.connect() is None


def test_each_device_gets_its_own_keys_and_they_are_kept() -> None:
    macs = [
        enrolled(number, platform="macOS", os_version="15.1") for number in range(3)
    ]
    lock = order("DeviceLock", keys={"Message": "Found?"}, note="lost", priority=7)
    commands = Command.objects.filter(order=lock)
    assert len({command.keys["PIN"] for command in commands}) == 3
    assert {command.keys["Message"] for command in commands} == {"Found?"}
    assert {(one.note, one.priority) for one in commands} == {("lost", 7)}
    assert {one.priority for one in Delivery.objects.all()} == {7}
    pins = Secret.objects.filter(kind=Secret.Kind.LOCK_PIN)
    assert sorted(bytes(pin.value).decode() for pin in pins) == sorted(
        command.keys["PIN"] for command in commands
    )
    assert len(pins) == len(macs)


def test_a_password_lasts_from_the_draft_until_it_is_written(clock: Clock) -> None:
    mac = enrolled(platform="macOS", os_version="15.1", mode="automated")
    Enrollment.objects.update(awaiting_configuration=True)
    account = {"shortName": "admin", "passwordHash": "open sesame"}
    later = order(
        "AccountConfiguration",
        keys={"AutoSetupAdminAccounts": [account]},
        starts_at=clock.now.replace(hour=18),
    )
    kept = fresh(later)
    assert b"open sesame" not in plist.dumps(kept.keys)
    clock.forward(hours=7)
    ordering.run_due()
    assert told(later) == [mac.pk]
    secret = Secret.objects.get(kind=Secret.Kind.ADMIN_PASSWORD)
    assert bytes(secret.value) == b"open sesame"
    with connection.cursor() as cursor:
        cursor.execute("SELECT keys_plist, passwords_plist FROM commands_order")
        assert all(b"sesame" not in bytes(each) for each in cursor.fetchone())


# --- Watching


def test_progress_tells_what_became_of_each(iphone: SimulatedDevice) -> None:
    enrolled(1)
    Device.objects.create(udid="gone")
    done = order("ProfileList")
    sent = iphone.connect()
    shown = progress.of_order(done)
    assert shown.counts == {State.SENT: 1, State.QUEUED: 1}
    iphone.connect("Acknowledged", to=sent, ProfileList=[])
    shown = progress.of_order(done)
    assert shown.counts == {State.ACKNOWLEDGED: 1, State.QUEUED: 1}
    assert (shown.total, shown.written, shown.refused, shown.unsent) == (3, 2, 1, 1)
    assert shown.is_open
    assert shown.words == "1 acknowledged, 1 queued, 1 could not take it"
