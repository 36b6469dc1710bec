"""The four roles: what each may do, on every road by which something is ordered."""

import io

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from commands import ordering, queue
from commands.models import ApprovalRule, Command, Delivery, Order, State
from commands.targets import Targets
from devices.models import Device, Secret, User
from mdmportal import roles

from .conftest import Fleet

PASSWORD = "of this test"


def member(role: str) -> Client:
    user = User.objects.create_user(f"in {role}", password=PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def help_desk(db: None) -> Client:
    return member("Help desk")


@pytest.fixture
def auditor(db: None) -> Client:
    return member("Auditor")


@pytest.fixture
def owner(db: None) -> User:
    return User.objects.create_superuser("owner", password=PASSWORD)


def form(request_type: str, who: str) -> str:
    path = reverse("admin:commands_command_order_form", args=[request_type])
    return f"{path}?{who}"


def erasure(by: User) -> Order:
    """Return a draft of an order that erases all devices."""
    return ordering.draft(Targets(Device.objects.all()), "EraseDevice", None, by=by)


# --- Help desk wipes nothing


@pytest.mark.parametrize("request_type", ["EraseDevice", "DeleteUser"])
def test_help_desk_cannot_erase_by_the_form(
    help_desk: Client, fleet: Fleet, request_type: str
) -> None:
    [channel] = fleet()
    for who in (
        f"ids={channel.enrollment.device_id}",
        "list=",
        f"channel={channel.pk}",
    ):
        url = form(request_type, who)
        assert help_desk.get(url).status_code == 403
        assert help_desk.post(url, {"confirm": "Device 0"}).status_code == 403
    assert not Order.objects.exists()


def test_help_desk_is_told_that_it_may_not_erase(
    help_desk: Client, fleet: Fleet
) -> None:
    [channel] = fleet()
    chooser = reverse("admin:commands_command_order")
    shown = help_desk.get(f"{chooser}?ids={channel.enrollment.device_id}")
    entries = [each for group in shown.context["groups"].values() for each in group]
    [erase] = [each for each in entries if each.request_type == "EraseDevice"]
    assert erase.refused == "your account may not order this"
    shown = help_desk.get(channel.enrollment.device.get_absolute_url())
    assert "Erase" not in [button.title for button in shown.context["possible"]]


def test_help_desk_cannot_send_an_erasure_that_somebody_drafted(
    help_desk: Client, fleet: Fleet, owner: User
) -> None:
    fleet(2)
    draft = erasure(owner)
    url = reverse("admin:commands_order_review", args=[draft.pk])
    assert help_desk.get(url).status_code == 404
    assert help_desk.post(url, {"confirm": "2"}).status_code == 404
    assert not Delivery.objects.exists()


def test_a_right_that_is_lost_in_the_meantime_is_lost_for_a_draft(
    fleet: Fleet, owner: User
) -> None:
    fleet(2)
    draft = erasure(owner)
    owner.is_superuser, owner.is_staff = False, True
    owner.save()
    owner.groups.add(Group.objects.get(name="Help desk"))
    client = Client()
    client.force_login(owner)
    url = reverse("admin:commands_order_review", args=[draft.pk])
    assert client.get(url).status_code == 403
    assert client.post(url, {"confirm": "2"}).status_code == 403
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("name", ["repeat", "approve", "go_on"])
def test_help_desk_cannot_repeat_approve_or_go_on_with_an_erasure(
    help_desk: Client, fleet: Fleet, owner: User, name: str
) -> None:
    fleet(2)
    if name == "approve":
        ApprovalRule.objects.create(request_type="EraseDevice")
    order = ordering.confirm(erasure(owner), owner)
    Delivery.objects.update(state=State.FAILED)
    if name == "go_on":
        Order.objects.update(state=Order.State.PAUSED)
    url = reverse("admin:commands_order_act", args=[order.pk])
    before = Delivery.objects.count()
    assert help_desk.post(url, {name: "1"}).status_code == 403
    assert Order.objects.count() == 1
    assert Delivery.objects.count() == before


def test_help_desk_cannot_send_a_failed_erasure_again_from_the_queue(
    help_desk: Client, fleet: Fleet
) -> None:
    [channel] = fleet()
    command = queue.enqueue([channel.pk], "EraseDevice")
    [failed] = command.deliveries.all()
    Delivery.objects.update(state=State.FAILED)
    help_desk.post(
        reverse("admin:commands_delivery_changelist"),
        {"action": "repeat", "_selected_action": [failed.pk]},
    )
    act = reverse("admin:commands_delivery_act", args=[failed.pk])
    help_desk.post(act, {"repeat": "1"})
    assert Delivery.objects.count() == 1


def test_help_desk_has_nothing_ordered_by_the_calendar(
    help_desk: Client, fleet: Fleet
) -> None:
    url = reverse("admin:commands_recurringorder_add") + "?command=RestartDevice"
    assert help_desk.get(url).status_code == 403
    assert help_desk.post(url).status_code == 403


# --- What help desk is for


@pytest.mark.parametrize(
    "request_type", ["DeviceLock", "ClearPasscode", "RestartDevice"]
)
def test_help_desk_locks_clears_passcodes_and_restarts(
    help_desk: Client, fleet: Fleet, request_type: str
) -> None:
    [channel] = fleet()
    url = form(request_type, f"ids={channel.enrollment.device_id}")
    assert help_desk.get(url).status_code == 200
    help_desk.post(url, {"confirm": "Device 0", "key.Message": "Bring it back"})
    assert Command.objects.get().request_type == request_type


def test_help_desk_sees_no_secrets(help_desk: Client, fleet: Fleet) -> None:
    fleet()
    secret = Secret.objects.get()
    for name in ("devices_secret_change", "devices_secret_reveal"):
        url = reverse(f"admin:{name}", args=[secret.pk])
        assert help_desk.get(url).status_code == 403
    assert help_desk.get(reverse("admin:devices_secret_changelist")).status_code == 403


# --- Auditors change nothing


def test_an_auditor_sees_orders_and_devices_and_changes_none(
    auditor: Client, fleet: Fleet, owner: User
) -> None:
    [channel] = fleet()
    order = ordering.order(
        Targets(Device.objects.all()), "SecurityInfo", None, by=owner
    )
    for url in (
        order.get_absolute_url(),
        channel.enrollment.device.get_absolute_url(),
        reverse("admin:commands_delivery_changelist") + "?state=",
        reverse("admin:devices_auditentry_changelist"),
    ):
        assert auditor.get(url).status_code == 200
    ids = f"ids={channel.enrollment.device_id}"
    assert auditor.get(form("SecurityInfo", ids)).status_code == 403
    assert auditor.post(form("SecurityInfo", ids)).status_code == 403
    act = reverse("admin:commands_order_act", args=[order.pk])
    assert auditor.post(act, {"cancel": "1"}).status_code == 403
    [delivery] = Delivery.objects.all()
    one = reverse("admin:commands_delivery_act", args=[delivery.pk])
    auditor.post(one, {"cancel": "1"})
    delivery.refresh_from_db()
    assert delivery.state == State.QUEUED


def test_an_auditor_has_rights_to_look_and_no_others() -> None:
    held = [each for each in _all_permissions() if roles.ROLES["Auditor"].has(each)]
    assert held
    assert all(".view_" in each for each in held)
    assert "devices.view_location" not in held


# --- How they come to be


def _all_permissions() -> set[str]:
    from django.apps import apps
    from django.contrib.auth import get_permission_codename

    return {
        f"{model._meta.app_label}.{code}"
        for model in apps.get_models()
        for code in (
            *(
                get_permission_codename(verb, model._meta)
                for verb in model._meta.default_permissions
            ),
            *(name for name, _ in model._meta.permissions),
        )
    }


def test_the_first_migration_makes_them(db: None) -> None:
    assert set(Group.objects.values_list("name", flat=True)) == set(roles.ROLES)


def test_only_a_portal_without_groups_gets_them(db: None) -> None:
    Group.objects.exclude(name="Owner").delete()
    roles.make_first()
    assert list(Group.objects.values_list("name", flat=True)) == ["Owner"]


def test_the_command_makes_missing_ones_and_tells_what_each_may(db: None) -> None:
    Group.objects.filter(name="Auditor").delete()
    owner = Group.objects.get(name="Owner")
    owner.permissions.clear()
    out = io.StringIO()
    call_command("roles", stdout=out)
    text = out.getvalue()
    assert "Auditor (made now)" in text
    assert "commands.erase_device: Can erase devices" in text
    assert not owner.permissions.exists()
    assert Group.objects.get(name="Auditor").permissions.exists()


# --- Who gives roles


def test_an_owner_gives_roles_and_makes_no_superuser(db: None) -> None:
    page = member("Owner").get(reverse("admin:devices_user_add")).content.decode()
    assert 'name="groups"' in page
    assert 'name="is_superuser"' not in page
