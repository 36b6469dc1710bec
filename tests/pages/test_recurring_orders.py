"""Recurring orders and approval rules in the dashboard."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from commands import ordering
from commands.models import ApprovalRule, Order, RecurringOrder
from devices.models import DeviceGroup

from .conftest import Fleet, SignIn

ADD = "admin:commands_recurringorder_add"
SUNDAY = 6
SAID = {
    "name": "Sunday night",
    "days": [SUNDAY],
    "at": "03:00",
    "time_zone": "Europe/Berlin",
    "is_enabled": "on",
}
RIGHTS = (
    "commands.add_command",
    "devices.view_device",
    "commands.add_recurringorder",
    "commands.change_recurringorder",
    "commands.view_recurringorder",
)


def add(request_type: str) -> str:
    return f"{reverse(ADD)}?command={request_type}"


def made(client: Client, request_type: str = "SecurityInfo") -> RecurringOrder:
    client.post(add(request_type), SAID)
    return RecurringOrder.objects.get()


def test_first_it_is_asked_what(admin: Client) -> None:
    shown = admin.get(reverse(ADD))
    entries = [each for group in shown.context["groups"].values() for each in group]
    refused = {each.request_type for each in entries if each.refused}
    assert refused == {"EraseDevice", "DeleteUser"}
    assert admin.get(add("MakeCoffee")).status_code == 404


def test_it_tells_the_next_times_before_it_is_saved(admin: Client) -> None:
    shown = admin.post(add("SecurityInfo"), {**SAID, "name": "", "_preview": "1"})
    times = shown.context["times"]
    assert len(times) == 3
    assert all(time.weekday() in (5, SUNDAY) for time in times)  # in UTC
    assert times[1] - times[0] > dt.timedelta(days=6, hours=22)
    assert not RecurringOrder.objects.exists()


def test_what_is_saved_is_ordered_when_it_is_due(admin: Client, fleet: Fleet) -> None:
    inside, _ = fleet(2)
    group = DeviceGroup.objects.create(name="Kiosks")
    group.devices.add(inside.enrollment.device)
    admin.post(add("SecurityInfo"), {**SAID, "group": group.pk})
    recurring = RecurringOrder.objects.get()
    assert recurring.next_at is not None
    assert recurring.next_at > timezone.now()
    RecurringOrder.objects.update(next_at=timezone.now())
    assert ordering.run_recurring() == 1
    order = Order.objects.get()
    assert [each.device for each in order.recipients.all()] == [
        inside.enrollment.device
    ]
    url = reverse("admin:commands_recurringorder_change", args=[recurring.pk])
    assert order.get_absolute_url() in admin.get(url).content.decode()


def test_it_is_changed_with_its_keys(admin: Client) -> None:
    admin.post(add("RemoveProfile"), SAID | {"key.Identifier": "a", "confirm": "x"})
    assert not RecurringOrder.objects.exists()
    said = SAID | {"key.Identifier": "org.example", "confirm": "Remove a profile"}
    admin.post(add("RemoveProfile"), said)
    recurring = RecurringOrder.objects.get()
    url = reverse("admin:commands_recurringorder_change", args=[recurring.pk])
    assert "org.example" in admin.get(url).content.decode()
    admin.post(url, said | {"key.Identifier": "org.example.other", "is_enabled": ""})
    recurring.refresh_from_db()
    assert recurring.keys == {"Identifier": "org.example.other"}
    assert not recurring.is_enabled
    assert recurring.next_at is None


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"days": []}, "Choose days, or a day of the month"),
        ({"day": "31"}, "Either days of the week or a day of the month"),
        ({"at": "25:00"}, "Enter a valid time"),
        ({"time_zone": "Mars/Base"}, "Select a valid choice"),
    ],
)
def test_what_is_no_calendar_is_not_kept(
    admin: Client, said: dict[str, object], problem: str
) -> None:
    text = admin.post(add("SecurityInfo"), {**SAID, **said}).content.decode()
    assert problem in text
    assert not RecurringOrder.objects.exists()


def test_erasing_is_never_ordered_by_the_calendar(admin: Client) -> None:
    assert admin.get(add("EraseDevice")).status_code == 403
    said = {**SAID, "confirm": "Erase"}
    assert admin.post(add("EraseDevice"), said).status_code == 403
    assert not RecurringOrder.objects.exists()


def test_it_takes_the_right_to_order_the_same(sign_in: SignIn, admin: Client) -> None:
    client = sign_in(*RIGHTS)
    assert client.get(add("SecurityInfo")).status_code == 200
    assert client.get(add("RestartDevice")).status_code == 403
    said = {**SAID, "confirm": "Restart"}
    assert client.post(add("RestartDevice"), said).status_code == 403
    recurring = made(admin, "SecurityInfo")
    RecurringOrder.objects.update(request_type="RestartDevice")
    url = reverse("admin:commands_recurringorder_change", args=[recurring.pk])
    assert client.get(url).context["form"] is None
    assert client.post(url, said).status_code == 403


def test_who_changes_it_orders_it_from_then_on(sign_in: SignIn, admin: Client) -> None:
    recurring = made(admin)
    first = recurring.ordered_by
    client = sign_in(*RIGHTS)
    url = reverse("admin:commands_recurringorder_change", args=[recurring.pk])
    client.post(url, SAID)
    recurring.refresh_from_db()
    assert recurring.ordered_by != first


def test_rules_of_approval_are_said_in_words(admin: Client) -> None:
    url = reverse("admin:commands_approvalrule_add")
    admin.post(url, {"request_type": "", "over": "20"})
    admin.post(url, {"request_type": "EraseDevice", "over": "0"})
    assert ApprovalRule.objects.count() == 2
    listed = admin.get(reverse("admin:commands_approvalrule_changelist"))
    text = listed.content.decode()
    assert "Everything that locks, erases, interrupts or removes" in text
    assert "to more than 20 devices" in text
    assert "always, also to a single device" in text


def test_nobody_is_shown_what_another_typed_secretly(
    sign_in: SignIn, admin: Client
) -> None:
    said = {**SAID, "key.Password": "918273", "confirm": "Check the recovery lock"}
    admin.post(add("VerifyRecoveryLock"), said)
    recurring = RecurringOrder.objects.get()
    url = reverse("admin:commands_recurringorder_change", args=[recurring.pk])
    assert "918273" in admin.get(url).content.decode()
    other = sign_in(*RIGHTS, "commands.order_destructive")
    assert "918273" not in other.get(url).content.decode()
