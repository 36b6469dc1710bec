"""Orders to many: looked at before they are sent, watched, stopped, sent again."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from commands import ordering
from commands.models import ApprovalRule, Delivery, Order, Recipient, State
from commands.targets import Targets
from devices.models import AuditEntry, Device, DeviceGroup, User

from .conftest import Fleet, SignIn

LIST = "admin:commands_order_changelist"
ORDERS = ("commands.add_command", "devices.view_device", "commands.view_order")
DESTROYS = (*ORDERS, "commands.order_destructive")
APPROVES = (*DESTROYS, "commands.approve_order")
Ordered = Callable[..., Order]


@pytest.fixture
def person(db: None) -> User:
    """Somebody else, who ordered what others look at."""
    return User.objects.create_superuser("maria", password="of this test")


@pytest.fixture
def ordered(fleet: Fleet, person: User) -> Ordered:
    """Return the maker of orders to devices that are all there are."""

    def make(request_type: str = "SecurityInfo", *, count: int = 2) -> Order:
        fleet(count)
        targets = Targets(Device.objects.all(), label="All devices")
        return ordering.order(targets, request_type, None, by=person)

    return make


def form(request_type: str, **who: object) -> str:
    path = reverse("admin:commands_command_order_form", args=[request_type])
    return f"{path}?" + "&".join(f"{key}={value}" for key, value in who.items())


def review(order: Order) -> str:
    return reverse("admin:commands_order_review", args=[order.pk])


def act(client: Client, order: Order, name: str, **said: str) -> Any:
    url = reverse("admin:commands_order_act", args=[order.pk])
    return client.post(url, {name: "1", **said}, follow=True)


def page(client: Client, order: Order) -> str:
    return client.get(order.get_absolute_url()).content.decode()


def put(order: Order, *states: State) -> None:
    """Have the first deliveries of an order come to these states."""
    rows = Delivery.objects.filter(command__order=order).order_by("pk")
    for row, state in zip(rows, states, strict=False):
        Delivery.objects.filter(pk=row.pk).update(state=state)


def drafted(client: Client, request_type: str, **who: object) -> Order:
    client.post(form(request_type, **who))
    return Order.objects.get(state=Order.State.DRAFT)


# --- Looking at it first


def test_for_several_it_is_looked_at_before_anything_is_sent(
    admin: Client, fleet: Fleet
) -> None:
    fleet(2)
    fleet(1, is_supervised=False)
    fleet(1)[0].enrollment.end("checked out")
    draft = drafted(admin, "RestartDevice", list="")
    shown = admin.get(review(draft))
    assert shown.context["able"] == 2
    assert {(each.reason, each.names) for each in shown.context["refusals"]} == {
        ("needs a supervised device", ("Device 2",)),
        ("not enrolled", ("Device 3",)),
    }
    assert "The device restarts now" in shown.content.decode()
    assert not Delivery.objects.exists()


def test_what_destroys_wants_the_number_of_devices(admin: Client, fleet: Fleet) -> None:
    fleet(3)
    draft = drafted(admin, "RestartDevice", list="")
    for typed in ("", "2", "all"):
        text = admin.post(review(draft), {"confirm": typed}).content.decode()
        assert "Nothing was sent" in text
    assert not Delivery.objects.exists()
    text = admin.post(review(draft), {"confirm": "3"}, follow=True).content.decode()
    assert "Restart is ordered for 3 devices." in text
    assert Delivery.objects.count() == 3


def test_what_is_harmless_is_sent_by_a_click(admin: Client, fleet: Fleet) -> None:
    fleet(2)
    admin.post(review(drafted(admin, "SecurityInfo", list="")))
    assert Delivery.objects.count() == 2


def test_a_draft_is_changed_with_what_was_typed_and_replaced(
    admin: Client, fleet: Fleet
) -> None:
    fleet(2)
    admin.post(
        form("RemoveProfile", list=""), {"key.Identifier": "org.example", "note": "x"}
    )
    draft = Order.objects.get()
    url = admin.get(review(draft)).context["change_url"]
    text = admin.get(url).content.decode()
    assert "org.example" in text
    admin.post(url, {"key.Identifier": "org.example.other"})
    changed = Order.objects.get()
    assert changed.pk != draft.pk
    assert changed.keys == {"Identifier": "org.example.other"}
    assert changed.recipients.count() == 2


def test_a_draft_is_thrown_away(admin: Client, fleet: Fleet) -> None:
    fleet(2)
    admin.post(review(drafted(admin, "SecurityInfo", list="")), {"discard": "1"})
    assert not Order.objects.exists()


def test_a_draft_is_its_makers_alone(
    admin: Client, sign_in: SignIn, fleet: Fleet
) -> None:
    fleet(2)
    draft = drafted(admin, "SecurityInfo", list="")
    other = sign_in(superuser=True)
    assert other.get(review(draft)).status_code == 404
    assert other.post(review(draft)).status_code == 404
    assert other.get(form("SecurityInfo", draft=draft.pk)).status_code == 404
    assert not other.get(reverse(LIST)).context["cl"].result_list
    refused = reverse("admin:commands_order_refused", args=[draft.pk])
    assert other.get(refused).status_code == 403
    listed = reverse("admin:commands_recipient_changelist") + f"?order={draft.pk}"
    assert not other.get(listed).context["cl"].result_list


def test_who_joins_a_group_after_the_draft_gets_nothing(
    admin: Client, fleet: Fleet
) -> None:
    first, second, late = fleet(3)
    group = DeviceGroup.objects.create(name="Sales")
    group.devices.set([first.enrollment.device, second.enrollment.device])
    draft = drafted(admin, "RestartDevice", group=group.pk)
    group.devices.add(late.enrollment.device)
    admin.post(review(draft), {"confirm": "2"})
    told = Delivery.objects.values_list("channel", flat=True)
    assert set(told) == {first.pk, second.pk}
    assert Order.objects.get().audience == "Group Sales"


def test_the_devices_of_a_person_are_told(
    admin: Client, fleet: Fleet, person: User
) -> None:
    mine, _ = fleet(2)
    Device.objects.filter(pk=mine.enrollment.device_id).update(owner=person)
    admin.post(form("SecurityInfo", owner=person.pk))
    assert Delivery.objects.get().channel == mine


def test_users_of_macs_are_told_on_their_channels(admin: Client, fleet: Fleet) -> None:
    macs = fleet(2, platform="macOS", os_version="14.5")
    users = [
        mac.enrollment.channels.create(user_id=f"U{mac.pk}", user_short_name="maria")
        for mac in macs
    ]
    chosen = {"action": "send", "_selected_action": [each.pk for each in users]}
    url = reverse("admin:devices_channel_changelist")
    shown = admin.post(url, chosen, follow=True)
    assert shown.context["targets"].count == 2
    query = shown.request["QUERY_STRING"]
    path = reverse("admin:commands_command_order_form", args=["ProfileList"])
    admin.post(f"{path}?{query}")
    admin.post(review(Order.objects.get()))
    assert {each.channel for each in Delivery.objects.all()} == set(users)


def test_all_managed_users_of_a_list_can_be_chosen(admin: Client, fleet: Fleet) -> None:
    for mac in fleet(3, platform="macOS", os_version="14.5"):
        user = mac.enrollment.channels.create(user_id=f"U{mac.pk}", user_short_name="m")
    url = reverse("admin:devices_channel_changelist") + "?q=m"
    chosen = {"action": "send", "_selected_action": [user.pk], "select_across": "1"}
    shown = admin.post(url, chosen, follow=True)
    assert shown.context["targets"].count == 3


def test_those_who_do_not_get_it_are_a_file(admin: Client, fleet: Fleet) -> None:
    fleet(1)
    fleet(2, is_supervised=False)
    draft = drafted(admin, "RestartDevice", list="")
    answer = admin.get(reverse("admin:commands_order_refused", args=[draft.pk]))
    text = b"".join(answer).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {(row["device"], row["why"]) for row in rows} == {
        ("Device 1", "needs a supervised device"),
        ("Device 2", "needs a supervised device"),
    }


# --- Watching


def test_the_list_tells_how_far_orders_have_come(
    admin: Client, ordered: Ordered
) -> None:
    order = ordered(count=3)
    put(order, State.ACKNOWLEDGED, State.FAILED)
    text = admin.get(reverse(LIST)).content.decode()
    for words in ("Ask about security", "1 acknowledged", "1 failed", "1 queued"):
        assert words in text
    assert f'data-live="order:{order.pk}" data-open="1"' in text


def test_progress_is_drawn_until_all_have_answered(
    admin: Client, sign_in: SignIn, ordered: Ordered
) -> None:
    order = ordered()
    url, key = reverse("admin:commands_live"), f"order:{order.pk}"
    assert 'data-open="1"' in admin.get(url, {"of": key}).json()[key]
    put(order, State.ACKNOWLEDGED, State.ACKNOWLEDGED)
    assert 'data-open="0"' in admin.get(url, {"of": key}).json()[key]
    assert sign_in().get(url, {"of": key}).json() == {}


def test_the_page_names_who_could_not_take_it(
    admin: Client, fleet: Fleet, ordered: Ordered
) -> None:
    fleet(1, is_supervised=False, name="Reception")
    order = ordered("RestartDevice")
    text = page(admin, order)
    assert "1 cannot: needs a supervised device" in text
    assert "Reception" in text
    assert order.recipients.filter(state=Recipient.State.REFUSED).count() == 1


@pytest.mark.parametrize("where", ["list", "page"])
def test_it_costs_the_same_with_many_orders_and_devices(
    admin: Client, ordered: Ordered, where: str
) -> None:
    def statements(order: Order) -> int:
        url = reverse(LIST) if where == "list" else order.get_absolute_url()
        admin.get(url)
        with CaptureQueriesContext(connection) as captured:
            assert admin.get(url).status_code == 200
        return len(captured)

    few = statements(ordered())
    for _ in range(5):
        last = ordered(count=5)
    assert statements(last) <= few <= 20


# --- Stopping, going on, again


def test_cancelling_says_how_many_were_too_late(
    admin: Client, ordered: Ordered
) -> None:
    order = ordered(count=4)
    put(order, State.SENT, State.ACKNOWLEDGED)
    text = act(admin, order, "cancel").content.decode()
    assert "2 cancelled: they get nothing." in text
    assert "For 2 it was too late" in text
    states = Delivery.objects.order_by("pk").values_list("state", flat=True)
    assert list(states)[2:] == [State.CANCELLED] * 2


def test_it_is_sent_again_to_those_that_did_not_do_it(
    admin: Client, ordered: Ordered
) -> None:
    order = ordered(count=4)
    put(order, State.ACKNOWLEDGED, State.FAILED, State.EXPIRED, State.REFUSED)
    shown = act(admin, order, "repeat")
    again = Order.objects.get(state=Order.State.DRAFT)
    assert shown.context["able"] == 3
    admin.post(review(again))
    assert Delivery.objects.filter(command__order=again).count() == 3
    assert "Repeated by" in page(admin, order)
    assert "Repeats" in page(admin, Order.objects.get(pk=again.pk))


def test_a_paused_order_goes_on_when_somebody_says_so(
    admin: Client, fleet: Fleet, person: User
) -> None:
    fleet(4)
    order = ordering.order(
        Targets(Device.objects.all()), "SecurityInfo", None, by=person, first=2
    )
    put(order, State.FAILED, State.ACKNOWLEDGED)
    Order.objects.filter(pk=order.pk).update(state=Order.State.PAUSED, why="1 failed")
    assert "Paused." in page(admin, order)
    overview = admin.get(reverse("admin:index")).content.decode()
    assert "1 order paused: too many failed" in overview
    act(admin, order, "go_on")
    assert Delivery.objects.count() == 4


# --- A second person


@pytest.fixture
def awaiting(ordered: Ordered) -> Order:
    ApprovalRule.objects.create(over=1)
    return ordered("RestartDevice")


def test_what_needs_approval_waits_for_a_second_person(
    sign_in: SignIn, awaiting: Order
) -> None:
    assert awaiting.state == Order.State.AWAITING
    assert not Delivery.objects.exists()
    client = sign_in(*APPROVES)
    overview = client.get(reverse("admin:index")).content.decode()
    assert "1 order awaits your approval" in overview
    assert "The device restarts now" in page(client, awaiting)
    act(client, awaiting, "approve")
    assert Delivery.objects.count() == 2
    assert "Approved by" in page(client, awaiting)


def test_the_review_says_that_somebody_else_must_approve(
    admin: Client, fleet: Fleet
) -> None:
    ApprovalRule.objects.create(request_type="RestartDevice", over=1)
    fleet(2)
    draft = drafted(admin, "RestartDevice", list="")
    assert "Needs approval" in admin.get(review(draft)).content.decode()
    shown = admin.post(review(draft), {"confirm": "2"}, follow=True)
    assert "nothing is sent before somebody else approves it" in shown.content.decode()
    assert not Delivery.objects.exists()


def test_nobody_approves_what_they_ordered(awaiting: Order, person: User) -> None:
    client = Client()
    client.force_login(person)
    assert (
        "awaits your approval"
        not in client.get(reverse("admin:index")).content.decode()
    )
    assert 'name="approve"' not in page(client, awaiting)
    assert act(client, awaiting, "approve").status_code == 403
    assert not Delivery.objects.exists()


def test_who_rejects_says_why(sign_in: SignIn, awaiting: Order) -> None:
    client = sign_in(*APPROVES)
    assert "Say why" in act(client, awaiting, "reject").content.decode()
    text = act(client, awaiting, "reject", why="Not in term time").content.decode()
    assert "Not in term time" in text
    awaiting.refresh_from_db()
    assert awaiting.state == Order.State.REJECTED
    assert not Delivery.objects.exists()


# --- Rights


@pytest.mark.parametrize(
    ("name", "rights"),
    [
        ("approve", DESTROYS),
        ("approve", (*ORDERS, "commands.approve_order")),
        ("reject", DESTROYS),
        ("cancel", ("commands.view_order", "devices.view_device")),
        ("repeat", ORDERS),
        ("go_on", ORDERS),
    ],
)
def test_each_act_takes_its_right(
    sign_in: SignIn, awaiting: Order, name: str, rights: tuple[str, ...]
) -> None:
    client = sign_in(*rights)
    assert f'name="{name}"' not in page(client, awaiting)
    assert act(client, awaiting, name, why="no").status_code == 403
    awaiting.refresh_from_db()
    assert awaiting.state == Order.State.AWAITING


def test_an_act_that_is_too_late_says_so(admin: Client, ordered: Ordered) -> None:
    order = ordered()
    text = act(admin, order, "approve").content.decode()
    assert "Nothing was done" in text


def test_removing_the_profile_of_enrollment_takes_the_right_to_erase(
    sign_in: SignIn, fleet: Fleet
) -> None:
    [channel] = fleet()
    channel.enrollment.profile_identifier = "org.example.mdm"
    channel.enrollment.save()
    client = sign_in(*DESTROYS)
    url = form("RemoveProfile", ids=channel.enrollment.device_id)
    said = {"key.Identifier": "org.example.mdm", "confirm": "Device 0"}
    text = client.post(url, said).content.decode()
    assert "takes the right to erase devices" in text
    assert not Delivery.objects.exists()
    client.post(url, {**said, "key.Identifier": "org.example.wifi"})
    assert Delivery.objects.count() == 1


def test_what_was_done_is_in_the_audit(admin: Client, ordered: Ordered) -> None:
    act(admin, ordered(), "cancel")
    done = AuditEntry.objects.values_list("action", flat=True)
    assert {"ordered SecurityInfo", "cancelled SecurityInfo"} <= set(done)


# --- In between


def draft_of_two(fleet: Fleet, **terms: Any) -> Order:
    """A draft of who is signed in as admin."""
    fleet(2)
    by = User.objects.get()
    targets = Targets(Device.objects.all())
    return ordering.draft(targets, "SecurityInfo", None, by=by, **terms)


def test_a_draft_that_expired_while_it_was_looked_at_is_not_sent(
    admin: Client, fleet: Fleet
) -> None:
    draft = draft_of_two(fleet)
    Order.objects.update(expires_at=timezone.now())
    answer = admin.post(review(draft), follow=True)
    assert "Nothing was sent: the order has expired." in answer.content.decode()
    assert not Delivery.objects.exists()


def test_what_was_sent_meanwhile_is_not_thrown_away(
    admin: Client, fleet: Fleet
) -> None:
    draft = draft_of_two(fleet)
    ordering.confirm(Order.objects.get(), draft.ordered_by)
    with pytest.raises(ordering.TooLate):
        ordering.discard(draft)
    assert Order.objects.get().state == "done"


def test_an_order_to_one_goes_to_no_other_that_came_meanwhile(
    admin: Client, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = DeviceGroup.objects.create(name="Kiosk")
    first, second = (each.enrollment.device for each in fleet(2))
    group.devices.add(first)
    as_it_is = ordering.draft

    def late(*args: Any, **wanted: Any) -> Order:
        group.devices.add(second)
        return as_it_is(*args, **wanted)

    monkeypatch.setattr(ordering, "draft", late)
    answer = admin.post(form("SecurityInfo", group=group.pk))
    assert "has changed meanwhile" in answer.content.decode()
    assert not Order.objects.exists()


@pytest.mark.parametrize("is_custom", [False, True])
def test_who_repeats_what_others_ordered_is_not_shown_their_secrets(
    sign_in: SignIn, fleet: Fleet, person: User, is_custom: bool
) -> None:
    fleet(2, platform="macOS")
    targets = Targets(Device.objects.all())
    keys = {"PIN": "918273", "Message": "Call us"}
    order = ordering.order(targets, "DeviceLock", keys, by=person, is_custom=is_custom)
    Delivery.objects.update(state=State.FAILED)
    client = sign_in(*DESTROYS, "commands.order_custom")
    act(client, order, "repeat")
    draft = Order.objects.get(state="draft")
    shown = client.get(review(draft)).context["change_url"]
    text = client.get(shown).content.decode()
    assert "Call us" in text
    assert "918273" not in text
