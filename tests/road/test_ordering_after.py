"""After an order: cancelled truthfully, repeated for those that did not do it."""

import pytest

from commands import ordering, queue
from commands.checking import Invalid
from commands.models import Delivery, Order, State
from commands.ordering import cancelling, writing
from devices.models import AuditEntry, Device, Enrollment, Secret
from mdmportal.simulator.device import SimulatedDevice

from .answering import enrolled
from .conftest import Enroll, channel
from .ordered import (
    RIGHTS,
    Clock,
    clock,
    everybody,
    fleet,
    fresh,
    ids,
    order,
    settle,
    told,
    who,
)

__all__ = ["clock"]

pytestmark = pytest.mark.django_db

S = Order.State


# --- Cancelled


def test_what_is_not_written_yet_is_never_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writing, "INLINE", 0)
    fleet(3)
    large = order()
    assert ordering.cancel(large, None) == ordering.Cancelled(3, 0, 0)
    assert ordering.run_due() == 0
    assert not Delivery.objects.exists()
    assert (fresh(large).state, fresh(large).next_at) == (S.CANCELLED, None)
    assert {one.state for one in large.recipients.all()} == {"cancelled"}


def test_what_was_sent_is_too_late_and_still_answered(iphone: SimulatedDevice) -> None:
    others = [enrolled(number) for number in range(1, 3)]
    lock = order("DeviceLock")
    sent = iphone.connect()
    assert sent is not None
    assert ordering.cancel(lock, None) == ordering.Cancelled(0, 2, 1)
    rows = Delivery.objects.filter(command__order=lock)
    states = {one.channel_id: one.state for one in rows}
    assert states[channel(iphone).pk] == State.SENT
    assert {states[other.pk] for other in others} == {State.CANCELLED}
    iphone.connect("Acknowledged", to=sent)
    assert rows.get(channel=channel(iphone)).state == State.ACKNOWLEDGED


def test_a_lock_that_was_cancelled_is_not_sent_any_more(
    iphone: SimulatedDevice,
) -> None:
    lock = order("DeviceLock")
    iphone.connect("NotNow", to=iphone.connect())
    assert ordering.cancel(lock, None) == ordering.Cancelled(0, 1, 0)
    assert iphone.connect() is None


def test_who_dies_while_cancelling_leaves_the_rest_to_the_task(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cancelling, "BATCH", 2)
    fleet(5)
    large = order()
    batch, calls = cancelling._cancel_batch, []

    def die(order: Order) -> int:
        calls.append(order)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return batch(order)

    monkeypatch.setattr(cancelling, "_cancel_batch", die)
    with pytest.raises(KeyboardInterrupt):
        ordering.cancel(large, None)
    assert Delivery.objects.filter(state=State.CANCELLED).count() == 2
    ordering.run_due()
    assert Delivery.objects.filter(state=State.CANCELLED).count() == 5
    assert fresh(large).next_at is None


def test_who_ordered_it_or_may_cancel_deliveries_cancels_it() -> None:
    enrolled()
    ada = who("ada", *RIGHTS)
    mine = order("ProfileList", by=ada)
    with pytest.raises(ordering.NotAllowed):
        ordering.cancel(mine, who("eve", *RIGHTS))
    ordering.cancel(mine, ada)
    other = order("ProfileList", by=ada)
    ordering.cancel(other, who("bob", "change_delivery"))
    assert fresh(other).state == S.CANCELLED
    said = AuditEntry.objects.filter(action="cancelled ProfileList").order_by("pk")
    assert [one.actor_name for one in said] == ["ada", "bob"]


def test_what_is_all_done_is_not_called_cancelled() -> None:
    enrolled()
    done = order()
    settle(done, State.ACKNOWLEDGED)
    assert ordering.cancel(done, None) == ordering.Cancelled(0, 0, 1)
    assert fresh(done).state == S.DONE


# --- Repeated


def test_it_is_repeated_for_those_that_did_not_do_it() -> None:
    done, failed, late, open_ = fleet(4)
    Device.objects.create(udid="gone")
    first = order(priority=3, note="again and again", targets=everybody("All"))
    settle(first, State.ACKNOWLEDGED, done)
    settle(first, State.FAILED, failed)
    settle(first, State.EXPIRED, late)
    again = ordering.repeat(first, None)
    assert (again.state, again.repeats, again.total) == (S.DRAFT, first, 3)
    assert (again.audience, again.note) == ("Again: All", "again and again")
    ordering.confirm(again, None)
    assert told(again) == ids([failed, late])
    assert again.keys == first.keys
    assert {one.priority for one in Delivery.objects.all()} == {3}
    assert open_.pk not in told(again)


def test_only_those_that_are_chosen() -> None:
    failed, late = fleet(2)
    first = order()
    settle(first, State.FAILED, failed)
    settle(first, State.EXPIRED, late)
    again = ordering.repeat(first, None, [State.EXPIRED])
    assert [one.channel_id for one in again.recipients.all()] == [late.pk]


def test_where_all_went_well_there_is_nothing_to_repeat() -> None:
    enrolled()
    first = order()
    settle(first, State.ACKNOWLEDGED)
    with pytest.raises(Invalid, match="no device"):
        ordering.repeat(first, None)
    assert Order.objects.count() == 1


def test_repeating_asks_for_the_same_right() -> None:
    enrolled()
    erase = order("EraseDevice")
    settle(erase, State.FAILED)
    with pytest.raises(ordering.NotAllowed):
        ordering.repeat(erase, who("help", *RIGHTS))


def test_a_device_that_enrolled_anew_is_asked_in_its_present_stay(
    enroll: Enroll,
) -> None:
    enroll()
    first = order("ProfileList")
    again = enroll()
    repeated = ordering.repeat(first, None)
    assert [one.channel_id for one in repeated.recipients.all()] == [channel(again).pk]


def test_a_password_is_the_same_again() -> None:
    enrolled(platform="macOS", os_version="15.1", mode="automated")
    Enrollment.objects.update(awaiting_configuration=True)
    account = {"shortName": "admin", "passwordHash": "open sesame"}
    keys = {"AutoSetupAdminAccounts": [account]}
    first = order("AccountConfiguration", keys=keys)
    settle(first, State.FAILED)
    Secret.objects.all().delete()
    again = ordering.confirm(ordering.repeat(first, None), None)
    assert again.queued == 1
    secret = Secret.objects.get(kind=Secret.Kind.ADMIN_PASSWORD)
    assert bytes(secret.value) == b"open sesame"


def test_it_has_as_long_as_before(clock: Clock) -> None:
    enrolled()
    expires_at = clock.now.replace(hour=20)
    first = order(expires_at=expires_at)
    settle(first, State.FAILED)
    clock.forward(days=3)
    again = ordering.repeat(first, None)
    assert again.expires_at is not None
    assert again.expires_at - clock.now == expires_at - first.ordered_at
    assert queue.expire() == 0


def test_what_was_for_a_window_waits_for_one_again(clock: Clock) -> None:
    enrolled()
    night = {"days": [*range(7)], "from": "22:00", "until": "05:00"}
    first = order(window=night)
    clock.forward(hours=11)
    ordering.run_due()
    settle(first, State.FAILED)
    clock.forward(days=1, hours=-11)
    again = ordering.confirm(ordering.repeat(first, None), None)
    assert (again.window, again.queued) == (first.window, 0)
    clock.forward(hours=11)
    ordering.run_due()
    assert fresh(again).queued == 1
