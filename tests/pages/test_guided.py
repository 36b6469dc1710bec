"""When something happened to a device: the steps, what they do, who may do them."""

import datetime as dt
import html
from collections.abc import Callable

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from commands import queue
from commands.guided import facts, plan
from commands.guided.plan import Stand
from commands.guided.workflows import WORKFLOWS
from commands.models import ApprovalRule, Case, Command, Delivery, Order, State
from devices.models import (
    AuditEntry,
    Channel,
    Device,
    Enrollment,
    Inventory,
    Location,
    Secret,
    User,
)

from .conftest import Fleet, SignIn
from .test_statements import statements

HELP_DESK = ("devices.view_device", "commands.add_command")
LOCKS = (*HELP_DESK, "commands.order_destructive")
PERSONAL = "com.example.enroll"

Make = Callable[..., Device]


@pytest.fixture
def make(fleet: Fleet) -> Make:
    """Return the maker of an enrolled device of a kind."""

    def make(kind: str = "iphone", **more: object) -> Device:
        values, mode = KINDS[kind]
        [channel] = fleet(**{**values, **more})
        stay = channel.enrollment
        stay.mode, stay.profile_identifier = mode, PERSONAL
        stay.access_rights = 0 if mode == M.USER else stay.access_rights
        stay.save(update_fields=["mode", "profile_identifier", "access_rights"])
        return stay.device

    return make


M = Enrollment.Mode
KINDS: dict[str, tuple[dict[str, object], str]] = {
    "iphone": ({"os_version": "18.1"}, M.DEVICE),
    "unsupervised": ({"os_version": "18.1", "is_supervised": False}, M.DEVICE),
    "own": ({"os_version": "18.1", "is_supervised": False}, M.USER),
    "shared": ({"os_version": "18.1", "platform": "iPadOS"}, M.SHARED_IPAD),
    "silicon": (
        {"platform": "macOS", "os_version": "15.1", "is_apple_silicon": True},
        M.DEVICE,
    ),
    "intel": (
        {"platform": "macOS", "os_version": "14.7", "is_apple_silicon": False},
        M.DEVICE,
    ),
    "tv": ({"platform": "tvOS", "os_version": "18.1"}, M.DEVICE),
    "vision": ({"platform": "visionOS", "os_version": "2.1"}, M.DEVICE),
}


def page(device: Device, kind: str) -> str:
    return reverse("admin:devices_device_guided", args=[device.pk, kind])


def post(client: Client, device: Device, kind: str, **data: object) -> str:
    """Press a button of the page; return what is said, or the page that comes back."""
    url = reverse("admin:devices_device_guided_act", args=[device.pk, kind])
    answer = client.post(url, data)
    if answer.status_code == 200:
        return html.unescape(answer.content.decode())
    return "\n".join(map(str, get_messages(answer.wsgi_request)))


def begin(client: Client, device: Device, kind: str) -> Case:
    post(client, device, kind, begin="1", note="Left in a taxi")
    return Case.objects.get(device=device, closed_at=None)


def found(case: Case) -> plan.Plan:
    """Return the plan as somebody sees it who may do everything."""
    its = facts.of(Device.objects.get(pk=case.device_id), case)
    boss = User(is_superuser=True, is_active=True)
    return plan.make(WORKFLOWS[case.kind], its, boss)


def stands(case: Case) -> dict[str, Stand]:
    return {one.step.name: one.stand for one in found(case).standings}


def do(client: Client, case: Case, step: str, **keys: object) -> str:
    """Do a step as its form is sent, with the device's name where that is asked."""
    case.refresh_from_db()
    standing = found(case).find(step)
    assert standing
    data = {f"{step}-{name}": value for name, value in keys.items()}
    if standing.asks_name:
        data.setdefault(f"{step}-confirm", str(case.device))
    data = {"do": step, "seen": standing.seen, **data}
    return post(client, case.device, case.kind, **data)


def answered(case: Case, state: str = State.ACKNOWLEDGED) -> Delivery:
    """Have the newest delivery of the device answered."""
    rows = Delivery.objects.filter(channel__enrollment__device=case.device_id)
    delivery = rows.order_by("-pk").first()
    assert delivery
    delivery.state, delivery.settled_at = state, timezone.now()
    delivery.save(update_fields=["state", "settled_at"])
    return delivery


def tells_where(device: Device) -> None:
    Location.objects.create(
        device=device,
        latitude=52.5,
        longitude=13.4,
        taken_at=timezone.now(),
        received_at=timezone.now(),
        delivery_uuid="A",
    )


def orders_of(device: Device) -> list[str]:
    rows = Command.objects.filter(deliveries__channel__enrollment__device=device)
    return list(rows.order_by("pk").values_list("request_type", flat=True))


# --- Beginning and closing


def test_a_device_page_leads_to_what_can_have_happened(
    admin: Client, make: Make
) -> None:
    device = make()
    assert (
        "Something happened…" in admin.get(device.get_absolute_url()).content.decode()
    )
    url = reverse("admin:devices_device_happened", args=[device.pk])
    shown = html.unescape(admin.get(url).content.decode())
    for workflow in WORKFLOWS.values():
        assert page(device, workflow.name) in shown
        assert workflow.when in shown


def test_a_persons_own_device_does_not_change_hands(admin: Client, make: Make) -> None:
    device = make("own")
    url = reverse("admin:devices_device_happened", args=[device.pk])
    shown = admin.get(url).content.decode()
    assert page(device, "handover") not in shown
    assert "Not for a device that is its person" in shown
    assert "not for such a device" in post(admin, device, "handover", begin="1")
    assert not Case.objects.exists()


def test_nothing_is_sent_by_beginning(admin: Client, make: Make) -> None:
    device = make()
    before = admin.get(page(device, "lost")).content.decode()
    assert "Nothing is sent yet" in before
    assert "Turn Lost Mode on" not in before
    case = begin(admin, device, "lost")
    assert orders_of(device) == []
    assert case.opened_by
    assert AuditEntry.objects.filter(action="case opened", device=device).count() == 1


def test_beginning_twice_opens_one_case(admin: Client, make: Make) -> None:
    device = make()
    first, second = begin(admin, device, "lost"), begin(admin, device, "lost")
    assert first.pk == second.pk
    assert "Another case is open" in post(admin, device, "leaving", begin="1")
    assert Case.objects.count() == 1


def test_the_case_is_told_on_the_devices_page_and_in_the_list(
    admin: Client, make: Make
) -> None:
    device = make()
    cases = reverse("admin:commands_case_changelist")
    assert "No case is open" in admin.get(cases).content.decode()
    case = begin(admin, device, "lost")
    shown = admin.get(device.get_absolute_url()).content.decode()
    assert case.get_absolute_url() in shown
    assert "Left in a taxi" in shown
    assert str(device) in admin.get(cases).content.decode()
    post(admin, device, "lost", close="1", outcome="mistake", note="It was in a bag")
    case.refresh_from_db()
    assert case.outcome == Case.Outcome.MISTAKE
    assert case.closed_by
    assert "No case is open" in admin.get(cases).content.decode()
    closed = admin.get(reverse("admin:commands_case_change", args=[case.pk]))
    assert "opened by mistake" in closed.content.decode()
    assert "It was in a bag" in closed.content.decode()


def test_how_it_ended_is_to_be_said(admin: Client, make: Make) -> None:
    case = begin(admin, make(), "lost")
    assert "This field is required" in post(admin, case.device, "lost", close="1")
    case.refresh_from_db()
    assert case.is_open


def test_what_is_in_lost_mode_is_not_closed_as_found(admin: Client, make: Make) -> None:
    case = begin(admin, make(in_lost_mode=True), "lost")
    said = post(admin, case.device, "lost", close="1", outcome="found")
    assert "still in Lost Mode" in said
    case.refresh_from_db()
    assert case.is_open


def test_a_closed_case_tells_nothing_of_a_later_one(admin: Client, make: Make) -> None:
    case = begin(admin, make(), "leaving")
    post(admin, case.device, "leaving", done="backup")
    assert stands(case)["backup"] is Stand.DONE
    post(admin, case.device, "leaving", close="1", outcome="retired")
    again = begin(admin, case.device, "leaving")
    assert stands(again)["backup"] is Stand.OPEN


# --- Lost and stolen


def test_lost_then_located_then_found(admin: Client, make: Make) -> None:
    case = begin(admin, make(), "lost")
    assert stands(case)["locate"] is Stand.LATER
    do(admin, case, "lost-mode", Message="Please call", PhoneNumber="+49 30 1")
    command = Command.objects.get()
    assert command.keys == {"Message": "Please call", "PhoneNumber": "+49 30 1"}
    assert command.note == "Lost: Lost Mode"
    assert stands(case)["lost-mode"] is Stand.UNDER_WAY
    answered(case)
    Device.objects.update(in_lost_mode=True)
    assert stands(case)["lost-mode"] is Stand.DONE
    assert stands(case)["locate"] is Stand.OPEN
    tells_where(case.device)
    assert stands(case)["locate"] is Stand.DONE
    shown = admin.get(case.get_absolute_url()).content.decode()
    assert f"{case.device.get_absolute_url()}?tab=location" in shown
    do(admin, case, "end-lost-mode")
    assert orders_of(case.device) == ["EnableLostMode", "DisableLostMode"]


def test_the_message_is_the_organisations(
    admin: Client, make: Make, settings: object
) -> None:
    settings.ORGANIZATION = "Example Ltd"  # type: ignore[attr-defined]
    settings.ORGANIZATION_PHONE = "+49 30 123"  # type: ignore[attr-defined]
    case = begin(admin, make(), "lost")
    shown = admin.get(case.get_absolute_url()).content.decode()
    assert "This device belongs to Example Ltd. Please call us." in shown
    assert "+49 30 123" in shown


def test_who_may_not_see_locations_sees_no_way_to_the_map(
    admin: Client, sign_in: SignIn, make: Make
) -> None:
    case = begin(admin, make(in_lost_mode=True), "lost")
    tells_where(case.device)
    desk = sign_in(*LOCKS)
    assert "?tab=location" not in desk.get(case.get_absolute_url()).content.decode()


def test_lost_becomes_stolen_and_what_was_done_stays_done(
    admin: Client, make: Make
) -> None:
    case = begin(admin, make(), "lost")
    do(admin, case, "lost-mode", Message="Please call")
    answered(case)
    post(admin, case.device, "lost", turn="1")
    case.refresh_from_db()
    assert case.kind == Case.Kind.STOLEN
    steps = stands(case)
    assert steps["lost-mode"] is Stand.DONE
    assert steps["erase"] is Stand.OPEN
    shown = admin.get(case.get_absolute_url()).content.decode()
    assert "Activation Lock stays" in shown


def test_what_came_back_after_it_was_stolen_is_erased_again(
    admin: Client, make: Make
) -> None:
    case = begin(admin, make(), "stolen")
    do(admin, case, "erase")
    answered(case)
    old = Enrollment.objects.get()
    old.end(Enrollment.ERASED)
    assert stands(case)["erase"] is Stand.DONE
    new = Enrollment.objects.create(
        device=case.device,
        state=Enrollment.State.ACTIVE,
        topic=old.topic,
        access_rights=8191,
        opened_at=timezone.now() + dt.timedelta(seconds=1),
    )
    Channel.objects.create(enrollment=new, push_token="cd" * 32, push_magic="new")
    assert stands(case)["erase"] is Stand.OPEN
    shown = admin.get(case.get_absolute_url()).content.decode()
    assert "It has enrolled again" in shown


# --- Each kind of device

S = Stand
LOST: dict[str, dict[str, Stand | None]] = {
    "iphone": {"lost-mode": S.OPEN, "locate": S.LATER, "end-lost-mode": S.LATER},
    "shared": {"lost-mode": S.OPEN, "locate": S.LATER},
    "unsupervised": {"lost-mode": S.IMPOSSIBLE, "lock": S.OPEN, "find-my": S.OPEN},
    "own": {"lost-mode": S.IMPOSSIBLE, "lock": S.OPEN, "remove": S.OPEN},
    "silicon": {"lock": S.OPEN, "recovery": S.OPEN, "filevault": S.OPEN},
    "intel": {"lock": S.OPEN, "firmware": S.OPEN, "unlock": S.LATER},
    "tv": {"lost-mode": S.IMPOSSIBLE, "lock": S.IMPOSSIBLE, "find-my": S.OPEN},
    "vision": {"lost-mode": S.IMPOSSIBLE, "lock": S.OPEN},
}
LEAVING: dict[str, dict[str, Stand | None]] = {
    "iphone": {"erase": S.OPEN, "bypass": S.OPEN, "clear-passcode": S.OPEN},
    "unsupervised": {"erase": S.OPEN, "remove": S.OPEN},
    "own": {"remove": S.OPEN, "erase": S.IMPOSSIBLE},
    "shared": {"erase": S.OPEN, "tag": S.OPEN},
    "silicon": {"erase": S.OPEN, "bypass": S.OPEN},
    "tv": {"erase": S.OPEN, "lock": S.IMPOSSIBLE},
}
HANDOVER: dict[str, dict[str, Stand | None]] = {
    "iphone": {"return": S.OPEN, "erase": S.OPEN, "set-up": S.OPEN},
    "silicon": {"erase": S.OPEN, "preflight": S.OPEN, "assign": S.OPEN},
    "intel": {"erase": S.OPEN},
    "shared": {"delete-user": S.OPEN, "log-out": S.OPEN},
}
STOLEN: dict[str, dict[str, Stand | None]] = {
    "iphone": {"erase": S.OPEN, "remove": None, "bypass": S.OPEN, "sign-out": None},
    "own": {"erase": S.IMPOSSIBLE, "remove": S.OPEN, "lock": S.OPEN},
    "intel": {"erase": S.OPEN, "lock": S.OPEN, "firmware": S.OPEN},
}
EACH = [
    (workflow, kind, expected)
    for workflow, of in (
        ("lost", LOST),
        ("stolen", STOLEN),
        ("leaving", LEAVING),
        ("handover", HANDOVER),
    )
    for kind, expected in of.items()
]


@pytest.mark.parametrize(("workflow", "kind", "expected"), EACH)
def test_the_steps_are_those_of_the_kind_of_device(
    admin: Client,
    make: Make,
    workflow: str,
    kind: str,
    expected: dict[str, Stand | None],
) -> None:
    case = begin(admin, make(kind), workflow)
    steps = stands(case)
    assert {name: steps.get(name) for name in expected} == expected
    shown = admin.get(case.get_absolute_url())
    assert shown.status_code == 200
    assert ("Not possible: " in shown.content.decode()) == (
        S.IMPOSSIBLE in steps.values()
    )


def test_a_lost_mac_keeps_its_pin_for_who_may_see_it(admin: Client, make: Make) -> None:
    case = begin(admin, make("silicon"), "lost")
    do(admin, case, "lock", Message="Please call")
    assert len(Command.objects.get().keys["PIN"]) == 6
    secret = Secret.objects.get(kind=Secret.Kind.LOCK_PIN)
    reveal = reverse("admin:devices_secret_reveal", args=[secret.pk])
    assert reveal in admin.get(case.get_absolute_url()).content.decode()
    answered(case)
    assert stands(case)["unlock"] is Stand.OPEN


def test_a_mac_whose_disk_is_open_says_so(admin: Client, make: Make) -> None:
    case = begin(admin, make("silicon", is_encrypted=False), "lost")
    shown = admin.get(case.get_absolute_url()).content.decode()
    assert "FileVault is off" in shown
    Device.objects.update(is_encrypted=True)
    assert stands(case)["filevault"] is Stand.DONE


def test_a_device_that_left_can_be_told_nothing(admin: Client, make: Make) -> None:
    device = make()
    Enrollment.objects.get().end("checked out")
    case = begin(admin, device, "stolen")
    steps = stands(case)
    assert steps["erase"] is Stand.IMPOSSIBLE
    assert steps["passwords"] is Stand.OPEN
    shown = admin.get(case.get_absolute_url()).content.decode()
    assert "it is not enrolled: it cannot be reached" in shown


# --- Leaving and changing hands


def test_from_a_persons_own_device_goes_what_is_ours(admin: Client, make: Make) -> None:
    case = begin(admin, make("own"), "leaving")
    shown = admin.get(case.get_absolute_url()).content.decode()
    assert "what is personal stays" in shown
    do(admin, case, "remove")
    command = Command.objects.get()
    assert (command.request_type, command.keys) == (
        "RemoveProfile",
        {"Identifier": PERSONAL},
    )
    answered(case)
    Enrollment.objects.get().end("removed")
    steps = stands(case)
    assert steps["remove"] is Stand.DONE
    assert steps["erase"] is Stand.IMPOSSIBLE


def test_another_profile_removed_is_not_management_removed(
    admin: Client, make: Make
) -> None:
    case = begin(admin, make("unsupervised"), "leaving")
    channel = Channel.objects.get()
    queue.enqueue([channel.pk], "RemoveProfile", {"Identifier": "com.example.wifi"})
    assert stands(case)["remove"] is Stand.OPEN
    queue.enqueue([channel.pk], "RemoveProfile", {"Identifier": PERSONAL})
    assert stands(case)["remove"] is Stand.UNDER_WAY


def test_an_organisations_device_is_put_away(admin: Client, make: Make) -> None:
    ada = User.objects.create_user("ada")
    case = begin(admin, make(owner=ada), "leaving")
    for step in ("have-back", "backup", "account"):
        post(admin, case.device, "leaving", done=step)
    do(admin, case, "bypass")
    answered(case)
    do(admin, case, "erase")
    assert stands(case)["unassign"] is Stand.OPEN
    do(admin, case, "unassign")
    do(admin, case, "tag")
    answered(case)
    case.device.refresh_from_db()
    assert case.device.owner is None
    assert [tag.name for tag in case.device.tags.all()] == ["retired"]
    shown = admin.get(case.get_absolute_url()).content.decode()
    assert "All steps are done" in shown
    assert AuditEntry.objects.filter(action="owner assigned").count() == 1


def test_a_step_can_be_skipped(admin: Client, make: Make) -> None:
    case = begin(admin, make(), "leaving")
    post(admin, case.device, "leaving", skip="backup")
    assert stands(case)["backup"] is Stand.SKIPPED
    post(admin, case.device, "leaving", done="backup")
    assert stands(case)["backup"] is Stand.DONE


def test_a_command_is_not_said_to_be_done(admin: Client, make: Make) -> None:
    case = begin(admin, make(), "leaving")
    post(admin, case.device, "leaving", done="erase")
    assert stands(case)["erase"] is Stand.OPEN


def test_the_next_person_is_named_beforehand(admin: Client, make: Make) -> None:
    User.objects.create_user("grace", email="grace@corp.example")
    case = begin(admin, make(), "handover")
    assert "Nobody has the username" in do(admin, case, "assign", owner="hopper")
    do(admin, case, "assign", owner="Grace@corp.example")
    case.device.refresh_from_db()
    assert str(case.device.owner) == "grace"
    assert stands(case)["assign"] is Stand.DONE


def test_a_mac_says_whether_it_can_go_back_to_its_first_start(
    admin: Client, make: Make
) -> None:
    case = begin(admin, make("silicon"), "handover")
    do(admin, case, "preflight")
    assert Command.objects.get().keys == {"Queries": ["EACSPreflight"]}
    Delivery.objects.all().delete()
    said = Inventory.objects.create(
        device=case.device,
        request_type="DeviceInformation",
        answer={"EACSPreflight": "Disk is not a seal"},
        received_at=timezone.now(),
    )
    shown = admin.get(case.get_absolute_url()).content.decode()
    assert "It says that it cannot: Disk is not a seal" in shown
    said.answer = {"EACSPreflight": "success"}
    said.save()
    assert stands(case)["preflight"] is Stand.DONE


def test_users_of_a_shared_ipad_are_deleted(admin: Client, make: Make) -> None:
    case = begin(admin, make("shared"), "handover")
    do(admin, case, "delete-user")
    assert Command.objects.get().keys == {"DeleteAllUsers": True}


def test_all_devices_of_who_leaves_are_on_one_page(admin: Client, make: Make) -> None:
    ada = User.objects.create_user("ada")
    url = reverse("admin:devices_user_leaving", args=[ada.pk])
    assert "No device is theirs" in admin.get(url).content.decode()
    phone, own = make(owner=ada), make("own", owner=ada)
    lost = begin(admin, make(owner=ada), "lost")
    shown = admin.get(url).content.decode()
    assert all(str(one) in shown for one in (phone, own, lost.device))
    assert "Begin with all 2" in shown
    admin.post(url)
    admin.post(url)
    kinds = dict(Case.objects.values_list("device", "kind"))
    assert kinds == {phone.pk: "leaving", own.pk: "leaving", lost.device_id: "lost"}
    person = admin.get(reverse("admin:devices_user_change", args=[ada.pk]))
    assert url in person.content.decode()


def test_the_session_of_who_signed_in_to_enroll_is_ended(
    admin: Client, make: Make
) -> None:
    case = begin(admin, make("own"), "leaving")
    do(admin, case, "sign-out")
    assert Enrollment.objects.get().signed_out_at
    assert stands(case)["sign-out"] is Stand.DONE


# --- Once, by whom


def test_a_double_click_orders_once(admin: Client, make: Make) -> None:
    case = begin(admin, make("silicon"), "lost")
    rows = admin.get(case.get_absolute_url()).context["rows"]
    seen = next(one.standing.seen for one in rows if one.standing.step.name == "lock")
    data = {"do": "lock", "seen": seen, "lock-confirm": str(case.device)}
    post(admin, case.device, "lost", **data)
    assert "nothing was done twice" in post(admin, case.device, "lost", **data)
    answered(case)
    assert "nothing was done twice" in post(admin, case.device, "lost", **data)
    assert orders_of(case.device) == ["DeviceLock"]
    do(admin, case, "lock", Message="Again, on purpose")
    assert len(orders_of(case.device)) == 2


def test_what_is_about_to_be_erased_is_told_nothing_else(
    admin: Client, make: Make
) -> None:
    device = make("unsupervised")
    queue.enqueue([Channel.objects.get().pk], "EraseDevice")
    case = begin(admin, device, "stolen")
    steps = stands(case)
    assert steps["erase"] is Stand.UNDER_WAY
    assert steps["lock"] is Stand.LATER
    shown = admin.get(case.get_absolute_url()).content.decode()
    assert "it is about to be erased" in shown
    post(admin, device, "stolen", do="erase", seen="0-0-OPEN")
    assert orders_of(device) == ["EraseDevice"]


def test_what_destroys_asks_for_the_name(admin: Client, make: Make) -> None:
    case = begin(admin, make(name="Maria’s iPhone"), "stolen")
    said = do(admin, case, "erase", confirm="Another device")
    assert "Type exactly: Maria’s iPhone" in said
    assert orders_of(case.device) == []
    do(admin, case, "erase", confirm="Maria's iPhone")  # as keyboards have it
    assert orders_of(case.device) == ["EraseDevice"]


def test_what_waits_for_approval_is_not_ordered_again(
    admin: Client, make: Make
) -> None:
    ApprovalRule.objects.create(request_type="EraseDevice", over=0)
    case = begin(admin, make(), "stolen")
    assert "second person" in do(admin, case, "erase")
    assert Order.objects.get().state == Order.State.AWAITING
    assert stands(case)["erase"] is Stand.UNDER_WAY
    assert "awaits approval" in admin.get(case.get_absolute_url()).content.decode()
    post(admin, case.device, "stolen", do="erase", seen="0-0-OPEN")
    assert Order.objects.count() == 1


def test_a_failed_order_is_offered_again(admin: Client, make: Make) -> None:
    case = begin(admin, make(), "stolen")
    do(admin, case, "erase")
    answered(case, State.FAILED)
    assert stands(case)["erase"] is Stand.OPEN


def test_help_desk_is_told_whom_to_ask(sign_in: SignIn, make: Make) -> None:
    boss = sign_in(*LOCKS, "commands.erase_device")
    desk = sign_in(*LOCKS)
    case = begin(desk, make(), "stolen")
    shown = desk.get(case.get_absolute_url()).content.decode()
    assert "Needs the right to erase devices: ask user0" in shown
    assert "erase-confirm" not in shown
    post(desk, case.device, "stolen", do="erase", seen="0-0-OPEN")
    assert orders_of(case.device) == []
    do(boss, case, "erase")
    assert orders_of(case.device) == ["EraseDevice"]


def test_who_may_not_change_devices_names_no_owner(sign_in: SignIn, make: Make) -> None:
    desk = sign_in(*LOCKS)
    case = begin(desk, make(owner=User.objects.create_user("ada")), "leaving")
    post(desk, case.device, "leaving", do="unassign", seen="0-0-OPEN")
    case.device.refresh_from_db()
    assert case.device.owner
    shown = desk.get(case.get_absolute_url()).content.decode()
    assert "Needs the right to change devices" in shown


def test_who_only_looks_does_nothing(sign_in: SignIn, make: Make) -> None:
    auditor, device = sign_in("devices.view_device"), make()
    shown = auditor.get(page(device, "lost"))
    assert shown.status_code == 200
    assert "may look, but not send commands" in shown.content.decode()
    url = reverse("admin:devices_device_guided_act", args=[device.pk, "lost"])
    assert auditor.post(url, {"begin": "1"}).status_code == 403
    assert not Case.objects.exists()


def test_one_device_is_led_through_from_the_list(admin: Client, make: Make) -> None:
    first, second = make(), make()
    url = reverse("admin:devices_device_changelist")
    data = {"action": "happened", "_selected_action": [first.pk]}
    answer = admin.post(url, data)
    assert answer.headers["Location"].endswith(f"/{first.pk}/happened/")
    data["_selected_action"] = [first.pk, second.pk]
    assert "Choose one device" in admin.post(url, data, follow=True).content.decode()


# --- What it costs


def test_the_page_asks_a_fixed_number_of_statements(admin: Client, make: Make) -> None:
    case = begin(admin, make("silicon"), "lost")
    few = statements(admin, case.get_absolute_url())
    for _ in range(20):
        queue.enqueue([Channel.objects.get().pk], "SecurityInfo")
    assert statements(admin, case.get_absolute_url()) <= few
    assert few <= 35


def test_the_pages_of_many_cost_as_much_as_those_of_few(
    admin: Client, make: Make
) -> None:
    ada = User.objects.create_user("ada")
    url = reverse("admin:devices_user_leaving", args=[ada.pk])
    cases = reverse("admin:commands_case_changelist")
    costs = []
    for count in (2, 12):
        for _ in range(count):
            make(owner=ada)
        admin.post(url)
        costs.append((statements(admin, url), statements(admin, cases)))
    assert costs[1] <= costs[0]
    assert max(costs[0]) <= 25


def test_a_case_is_drawn_again_while_somebody_looks(admin: Client, make: Make) -> None:
    case = begin(admin, make(), "lost")
    do(admin, case, "lost-mode", Message="Please call")
    url = reverse("admin:commands_live")
    with CaptureQueriesContext(connection) as asked:
        drawn = admin.get(url, {"of": f"case:{case.pk}"}).json()[f"case:{case.pk}"]
    assert "Waiting for: Lost Mode" in drawn
    assert 'data-open="1"' in drawn
    assert len(asked) <= 25
