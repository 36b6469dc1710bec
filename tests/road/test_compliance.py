"""Policies, told through simulated devices: an answer, a verdict, what follows."""

import datetime as dt
import hashlib
import hmac
import http.server
import json
import smtplib
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commands import results
from commands.models import ApprovalRule, Command, Delivery
from commands.orders import place
from compliance import actions, counts, sweeps
from compliance.actions import outbox
from compliance.actions.post import NotTaken, post, problem_with
from compliance.evaluation import evaluate
from compliance.models import Action, DailyCount, Policy, Standing, State
from devices import groups
from devices.models import (
    Application,
    AuditEntry,
    Change,
    Channel,
    Device,
    DeviceGroup,
    Enrollment,
    InstalledApplication,
    InstalledProfile,
    Inventory,
    RegroupMark,
    Tag,
    User,
)
from devices.models.device import version_key
from mdmportal.simulator.device import SimulatedDevice

from .conftest import channel, row

pytestmark = pytest.mark.django_db

PASSCODE = ("passcode", "is", "yes")
SECRET = b"what both sides know"


def policy(*rows: tuple[str, str, str], **columns: Any) -> Policy:
    """Return a policy that asks this, without grace."""
    names = ("field", "operator", "value")
    asked = [dict(zip(names, each, strict=True)) for each in rows or [PASSCODE]]
    given = {"name": "Policy", "grace_hours": 0, **columns}
    conditions = {"match": "all", "conditions": asked}
    made: Policy = Policy.objects.create(conditions=conditions, **given)
    return made


def sweep() -> None:
    sweeps.begin()
    while sweeps.go_on():
        pass


def tell(device: SimulatedDevice, request_type: str = "SecurityInfo") -> None:
    """Ask the device; have what it answers read, and devices grouped and judged."""
    place([channel(device)], request_type)
    device.session()
    results.read_waiting()
    groups.regroup()


def act() -> None:
    actions.plan()
    actions.run()


def state_of(device: SimulatedDevice) -> str:
    return Standing.objects.get(device=row(device)).state


def later(**span: float) -> None:
    """Have it be later: what was written before moves into the past."""
    past = dt.timedelta(**span)
    Standing.objects.update(since=F("since") - past)
    Action.objects.update(
        next_at=F("next_at") - past, created_at=F("created_at") - past
    )
    Policy.objects.update(emailed_at=F("emailed_at") - past)


# --- From an answer to what follows, and back


def test_a_device_violates_is_acted_on_and_complies_again(
    iphone: SimulatedDevice,
) -> None:
    tag = Tag.objects.create(name="no passcode")
    policy(tag=tag, emails=["it@corp.example"])
    iphone.state.passcode = True
    tell(iphone)
    assert state_of(iphone) == State.COMPLIES
    assert not Change.objects.filter(request_type="Compliance").exists()

    iphone.state.passcode = False
    tell(iphone)
    verdict = Standing.objects.get()
    assert (verdict.state, verdict.reasons) == ("violates", ["No passcode is set"])
    act()
    assert list(row(iphone).tags.all()) == [tag]
    [letter] = mail.outbox
    assert letter.subject == "Policy: 1 violates"
    assert "No passcode is set" in letter.body
    assert row(iphone).serial_number in letter.body
    act()
    assert len(mail.outbox) == 1

    iphone.state.passcode = True
    tell(iphone)
    assert state_of(iphone) == State.COMPLIES
    later(hours=2)
    act()
    assert not row(iphone).tags.exists()
    assert mail.outbox[1].subject == "Policy: 1 complies again"
    told = Change.objects.filter(request_type="Compliance").order_by("pk")
    assert [(each.before, each.after) for each in told] == [
        ("complies", "violates; No passcode is set"),
        ("violates", "complies"),
    ]


def test_what_did_not_change_is_not_written(iphone: SimulatedDevice) -> None:
    policy()
    iphone.state.passcode = False
    tell(iphone)
    before = Standing.objects.values().get()
    tell(iphone)
    sweep()
    assert Standing.objects.values().get() == before
    assert Change.objects.filter(request_type="Compliance").count() == 1


def test_a_device_that_leaves_management_is_not_judged_any_more(
    iphone: SimulatedDevice,
) -> None:
    tag = Tag.objects.create(name="no passcode")
    policy(tag=tag)
    iphone.state.passcode = False
    tell(iphone)
    act()
    device = row(iphone)
    assert device.tags.exists()
    iphone.check_out()
    groups.regroup()
    assert not Standing.objects.exists()
    assert not device.tags.exists()
    told = Change.objects.filter(request_type="Compliance").first()
    assert told
    assert (told.kind, told.before, told.after) == ("removed", "violates", "")


# --- Rules


def rows_of(count: int = 1, **columns: Any) -> list[Device]:
    """Return enrolled devices as rows."""
    facts = {"platform": "iOS", "os_version": "17.6", **columns}
    first = Device.objects.count()
    made = Device.objects.bulk_create(
        Device(
            udid=f"UDID-{number}",
            name=f"Device {number}",
            serial_number=f"SERIAL{number:05}",
            os_version_key=version_key(str(facts["os_version"])),
            **facts,
        )
        for number in range(first, first + count)
    )
    now = timezone.now()
    stays = Enrollment.objects.bulk_create(
        Enrollment(device=each, state="active", topic="topic", access_rights=8191)
        for each in made
    )
    Channel.objects.bulk_create(
        Channel(enrollment=stay, push_token="ab", push_magic="m", last_seen_at=now)
        for stay in stays
    )
    return made


def verdict(device: Device) -> tuple[str, list[str]]:
    evaluate([device.pk])
    found = Standing.objects.get(device=device)
    return found.state, found.reasons


@pytest.mark.parametrize(
    ("asked", "good", "bad", "why"),
    [
        (
            ("os_version", "at_least", "17.0"),
            {"os_version": "17.10"},
            {"os_version": "16.5"},
            "OS version is 16.5, at least 17.0 is asked",
        ),
        (
            PASSCODE,
            {"passcode_present": True},
            {"passcode_present": False},
            "No passcode is set",
        ),
        (
            ("passcode_compliant", "is", "yes"),
            {"passcode_compliant": True},
            {"passcode_compliant": False},
            "The passcode is not as profiles ask",
        ),
        (
            ("encrypted", "is", "yes"),
            {"is_encrypted": True},
            {"is_encrypted": False},
            "It is not encrypted",
        ),
        (
            ("firewall", "is", "yes"),
            {"firewall_enabled": True},
            {"firewall_enabled": False},
            "The firewall is off",
        ),
        (
            ("supervised", "is", "yes"),
            {"is_supervised": True},
            {"is_supervised": False},
            "It is not supervised",
        ),
        (
            ("storage_free", "at_least", "10"),
            {"available_capacity": 12.0},
            {"available_capacity": 3.25},
            "Free storage (GB) is 3.2 GB, at least 10 is asked",
        ),
    ],
)
def test_a_rule_on_a_fact_of_the_device(
    asked: tuple[str, str, str],
    good: dict[str, Any],
    bad: dict[str, Any],
    why: str,
) -> None:
    policy(asked)
    assert verdict(rows_of(**good)[0]) == ("complies", [])
    assert verdict(rows_of(**bad)[0]) == ("violates", [why])
    silent: dict[str, Any] = {"os_version": ""} if "os_version" in good else {}
    state, reasons = verdict(rows_of(**silent)[0])
    assert state == State.UNKNOWN
    assert reasons[0].startswith("Not told yet: ")


def answered(device: Device, request_type: str) -> None:
    Inventory.objects.create(
        device=device, request_type=request_type, answer=[], received_at=timezone.now()
    )


@pytest.mark.parametrize("forbidden", [False, True])
def test_a_rule_on_apps(forbidden: bool) -> None:
    policy(("application", "not_installed" if forbidden else "installed", "com.x"))
    has, has_not, silent = rows_of(3)
    app = Application.objects.create(digest="1", identifier="com.x", name="X")
    InstalledApplication.objects.create(device=has, application=app)
    for device in (has, has_not):
        answered(device, "InstalledApplicationList")
    good, bad = (has_not, has) if forbidden else (has, has_not)
    assert verdict(good) == ("complies", [])
    words = "The app com.x is installed" if forbidden else "The app com.x is missing"
    assert verdict(bad) == ("violates", [words])
    assert verdict(silent)[0] == State.UNKNOWN


def test_a_rule_on_a_profile() -> None:
    policy(("profile", "installed", "com.wifi"))
    has, has_not, silent = rows_of(3)
    InstalledProfile.objects.create(device=has, identifier="com.wifi", uuid="1")
    for device in (has, has_not):
        answered(device, "ProfileList")
    assert verdict(has) == ("complies", [])
    assert verdict(has_not) == ("violates", ["The profile com.wifi is missing"])
    assert verdict(silent)[0] == State.UNKNOWN


def test_the_hourly_sweep_finds_who_was_not_seen() -> None:
    policy(("seen", "within", "7"))
    [device] = rows_of()
    assert verdict(device) == ("complies", [])
    past = timezone.now() - dt.timedelta(days=8)
    Channel.objects.update(last_seen_at=past)
    sweep()
    found = Standing.objects.get()
    assert (found.state, found.reasons) == (
        "violates",
        ["It was not seen for 7 days"],
    )


def test_one_violation_counts_more_than_what_is_not_known() -> None:
    policy(PASSCODE, ("supervised", "is", "yes"))
    [device] = rows_of(is_supervised=False)
    assert verdict(device) == ("violates", ["It is not supervised"])


def test_a_policy_is_for_its_groups_and_platforms() -> None:
    group = DeviceGroup.objects.create(name="Sales")
    made = policy(platforms=["iOS"])
    made.groups.add(group)
    phone, other = rows_of(2, passcode_present=True)
    [mac] = rows_of(platform="macOS", passcode_present=True)
    group.devices.set([phone, mac])
    sweep()
    assert [each.device for each in Standing.objects.all()] == [phone]
    made.groups.clear()
    sweep()
    assert {each.device for each in Standing.objects.all()} == {phone, other}
    Policy.objects.update(is_enabled=False)
    sweeps.begin(Policy.objects.all())
    assert not sweeps.go_on()
    assert not Standing.objects.exists()


def test_conditions_that_cannot_be_read_make_nobody_guilty() -> None:
    policy(("no such field", "is", "yes"))
    state, reasons = verdict(rows_of()[0])
    assert state == State.UNKNOWN
    assert "Choose what the condition is on" in reasons[0]


# --- Grace, and verdicts that change before anything happened


def test_nothing_happens_within_the_grace() -> None:
    policy(grace_hours=4, emails=["it@corp.example"])
    [device] = rows_of(passcode_present=False)
    evaluate([device.pk])
    later(hours=3)
    act()
    assert not Action.objects.exists()
    later(hours=2)
    act()
    assert len(mail.outbox) == 1


def test_who_complies_again_in_time_is_not_told_about() -> None:
    policy(emails=["it@corp.example"], emailed_at=timezone.now())
    [device] = rows_of(passcode_present=False)
    evaluate([device.pk])
    act()
    assert Action.objects.get().state == Action.State.WAITING
    device.learn(passcode_present=True)
    groups.regroup()
    later(hours=2)
    act()
    assert not mail.outbox
    assert Action.objects.get().state == Action.State.DROPPED


def test_what_becomes_unknown_is_neither_taken_back_nor_done_again() -> None:
    tag = Tag.objects.create(name="no passcode")
    policy(tag=tag, emails=["it@corp.example"])
    [device] = rows_of(passcode_present=False)
    for present in (False, None, False):
        Device.objects.update(passcode_present=present)
        evaluate([device.pk])
        later(hours=2)
        act()
        assert device.tags.exists()
    assert len(mail.outbox) == 1


# --- E-mail


def test_one_letter_tells_of_all_devices_and_not_too_often() -> None:
    policy(emails=["it@corp.example", "boss@corp.example"], email_minutes=30)
    rows_of(60, passcode_present=False)
    sweep()
    act()
    [letter] = mail.outbox
    assert letter.subject == "Policy: 60 violate"
    assert letter.to == ["it@corp.example", "boss@corp.example"]
    assert letter.body.count("No passcode is set") == 50
    assert "and 10 more" in letter.body
    rows_of(1, passcode_present=False)
    sweep()
    act()
    assert len(mail.outbox) == 1
    later(minutes=31)
    act()
    assert mail.outbox[1].subject == "Policy: 1 violates"


def test_a_letter_that_is_not_taken_is_sent_again(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy(emails=["it@corp.example"])
    rows_of(2, passcode_present=False)
    sweep()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    act()
    for action in Action.objects.all():
        assert action.state == Action.State.WAITING
        assert "The mail server did not take it" in action.problem
        assert action.tries == 1
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    act()
    assert not mail.outbox
    later(minutes=2)
    act()
    assert mail.outbox[0].subject == "Policy: 2 violate"
    assert issubclass(smtplib.SMTPException, OSError)  # what is caught


# --- Webhooks, over a real socket


class Hook(http.server.BaseHTTPRequestHandler):
    """Keeps what it is sent; answers what it is told to."""

    def do_POST(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.taken.append((self.headers, body, self.path))
        status = server.answers.pop(0) if server.answers else 204
        self.send_response(status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hook(settings: Any) -> Iterator[Any]:
    """A server on loopback, where webhooks may be."""
    settings.SIMULATED = True
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8"]
    server: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.taken, server.answers = [], []
    server.url = f"http://127.0.0.1:{server.server_port}/hook?from=mdm"
    thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def hooked(hook: Any) -> Policy:
    return policy(webhook_url=hook.url, webhook_secret=SECRET)


def signed(headers: Any, body: bytes) -> bool:
    """Check the signature as docs/compliance.md says."""
    content = headers["MDM-Timestamp"].encode() + b"." + body
    wanted = hmac.new(SECRET, content, hashlib.sha256).hexdigest()
    return bool(headers["MDM-Signature"] == f"sha256={wanted}")


def test_a_webhook_is_told_both_verdicts_signed(hook: Any) -> None:
    hooked(hook)
    [device] = rows_of(passcode_present=False)
    evaluate([device.pk])
    act()
    device.learn(passcode_present=True)
    groups.regroup()
    act()
    first, second = hook.taken
    assert first[2] == "/hook?from=mdm"
    assert first[0]["Host"] == f"127.0.0.1:{hook.server_port}"
    assert abs(int(first[0]["MDM-Timestamp"]) - timezone.now().timestamp()) < 60
    for headers, body, _ in (first, second):
        assert headers["Content-Type"] == "application/json"
        assert signed(headers, body)
        assert not signed(headers, body + b" ")
    [event] = json.loads(first[1])["events"]
    assert (event["state"], event["reasons"]) == ("violates", ["No passcode is set"])
    assert event["device"]["serial_number"] == device.serial_number
    assert [each["state"] for each in json.loads(second[1])["events"]] == ["complies"]


def test_many_verdicts_share_requests(hook: Any) -> None:
    hooked(hook)
    rows_of(230, passcode_present=False)
    sweep()
    act()
    sizes = [len(json.loads(body)["events"]) for _, body, _ in hook.taken]
    assert sizes == [100, 100, 30]
    assert set(Action.objects.values_list("state", flat=True)) == {"done"}


def test_a_webhook_that_fails_is_tried_again_ever_later(hook: Any) -> None:
    hook.answers[:] = [500] * 20
    hooked(hook)
    rows_of(150, passcode_present=False)
    sweep()
    pauses = []
    for _ in range(outbox.MOST_TRIES):
        before = timezone.now()
        act()
        first = Action.objects.earliest("pk")
        pauses.append(round((first.next_at - before).total_seconds() / 60))
        later(days=1, minutes=5)
    assert pauses == sorted(pauses)
    assert pauses[:3] == [1, 5, 20]
    first.refresh_from_db()
    assert (first.state, first.problem) == ("failed", "It answered 500.")
    # While it fails, one request at a time tries it and not one for each hundred.
    assert len(hook.taken) <= 2 * outbox.MOST_TRIES
    hook.answers.clear()
    hook.taken.clear()
    actions.again(first.policy)
    act()
    assert set(Action.objects.values_list("state", flat=True)) == {"done"}
    events = [json.loads(body)["events"] for _, body, _ in hook.taken]
    assert sum(map(len, events)) == 150


def test_a_redirect_is_not_followed(hook: Any) -> None:
    hook.answers[:] = [307]
    with pytest.raises(NotTaken, match="307, which leads elsewhere"):
        post(hook.url, SECRET, {})
    assert len(hook.taken) == 1


def test_a_webhook_nobody_serves_is_said_in_words(hook: Any) -> None:
    with pytest.raises(NotTaken, match="cannot be reached"):
        post("http://127.0.0.1:1/", SECRET, {})
    with pytest.raises(NotTaken, match="is not known"):
        post("http://nowhere.invalid/", SECRET, {})


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://10.1.2.3/",
        "https://192.168.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[fd00::1]/",
        "https://0.0.0.0/",
        "https://localhost/",
        "https://2130706433/",
    ],
)
def test_a_webhook_reaches_nothing_inside(settings: Any, url: str) -> None:
    settings.SIMULATED, settings.WEBHOOK_NETWORKS = False, []
    with pytest.raises(NotTaken, match=r"not allowed|not known"):
        post(url, SECRET, {})


def test_a_network_can_be_allowed(settings: Any) -> None:
    settings.WEBHOOK_NETWORKS = ["10.1.0.0/16"]
    assert problem_with("https://10.1.2.3/") == ""
    assert "not allowed" in problem_with("https://10.2.2.3/")


def test_only_https_leaves_a_portal_that_is_not_simulated(settings: Any) -> None:
    settings.SIMULATED = settings.DEBUG = False
    assert "https://" in problem_with("http://hooks.example/")
    assert problem_with("https://user:pass@hooks.example/").startswith("Leave out")
    assert problem_with("https://hooks.example/x") == ""


# --- Commands


def orderer(*permissions: str) -> User:
    person = User.objects.create_user("orders", is_staff=True)
    for name in permissions or ("add_command",):
        person.user_permissions.add(
            Permission.objects.get(content_type__app_label="commands", codename=name)
        )
    return person


def test_a_command_is_ordered_once_a_day(iphone: SimulatedDevice) -> None:
    person = orderer()
    policy(command_type="SecurityInfo", command_by=person)
    before = Delivery.objects.count()
    for present, ordered in ((False, 1), (True, 1), (False, 1)):
        Device.objects.update(passcode_present=present)
        sweep()
        act()
        act()
        assert Delivery.objects.count() == before + ordered
    made = Command.objects.get(ordered_by=person)
    assert made.note == "Policy: Policy"
    assert AuditEntry.objects.filter(actor=person).exists()
    skipped = Action.objects.latest("pk")
    assert skipped.state == Action.State.DROPPED
    assert "within the last day already" in skipped.problem
    later(days=1, minutes=1)
    Device.objects.update(passcode_present=True)
    sweep()
    act()
    Device.objects.update(passcode_present=False)
    sweep()
    act()
    assert Delivery.objects.count() == before + 2


def test_a_command_that_nobody_may_order_any_more_is_not(
    iphone: SimulatedDevice,
) -> None:
    person = orderer("add_command", "order_destructive")
    policy(command_type="RestartDevice", command_by=person)
    before = Delivery.objects.count()
    person.user_permissions.all()[0].delete()
    Device.objects.update(passcode_present=False)
    sweep()
    act()
    assert Delivery.objects.count() == before
    failed = Action.objects.get()
    assert failed.state == Action.State.FAILED
    assert "may not order" in failed.problem


def test_a_command_that_a_second_person_must_approve_is_not_ordered_by_a_policy(
    iphone: SimulatedDevice,
) -> None:
    ApprovalRule.objects.create()
    person = orderer("add_command", "order_destructive")
    policy(command_type="DeviceLock", command_by=person)
    before = Delivery.objects.count()
    Device.objects.update(passcode_present=False)
    sweep()
    act()
    assert Delivery.objects.count() == before
    failed = Action.objects.get()
    assert failed.state == Action.State.FAILED
    assert "approval of a second person" in failed.problem


def test_who_cannot_take_the_command_is_told_apart(iphone: SimulatedDevice) -> None:
    policy(command_type="DisableRemoteDesktop", command_by=orderer())
    Device.objects.update(passcode_present=False)
    sweep()
    act()
    failed = Action.objects.get()
    assert failed.state == Action.State.FAILED
    assert failed.problem == "not on iOS"


# --- Tags, groups and other policies


def test_a_tag_stays_while_another_policy_wants_it() -> None:
    tag = Tag.objects.create(name="trouble")
    policy(tag=tag)
    policy(("supervised", "is", "yes"), name="Other", tag=tag)
    [device] = rows_of(passcode_present=False, is_supervised=False)
    sweep()
    act()
    Device.objects.update(passcode_present=True)
    sweep()
    act()
    assert device.tags.exists()
    Device.objects.update(is_supervised=True)
    sweep()
    act()
    assert not device.tags.exists()


def test_a_smart_group_follows_a_verdict() -> None:
    made = policy()
    source = {"field": "compliance", "operator": "violates", "value": str(made.pk)}
    group = DeviceGroup.objects.create(
        name="Violators", conditions={"match": "all", "conditions": [source]}
    )
    bad, _ = rows_of(passcode_present=False)[0], rows_of(passcode_present=True)
    sweep()
    groups.regroup()
    assert list(group.devices.all()) == [bad]
    bad.learn(passcode_present=True)
    groups.regroup()
    assert not group.devices.exists()


def test_a_policy_that_came_to_hang_on_itself_comes_to_rest() -> None:
    tag = Tag.objects.create(name="bad")
    made = policy(tag=tag)
    source = {"field": "compliance", "operator": "violates", "value": str(made.pk)}
    group = DeviceGroup.objects.create(name="Group")
    made.groups.add(group)
    [device] = rows_of(passcode_present=False)
    group.devices.add(device)
    group.conditions = {"match": "all", "conditions": [source]}
    group.save()
    for _ in range(3):
        sweep()
        groups.regroup()
        act()
    assert not RegroupMark.objects.exists()
    assert not Action.objects.exists()


def test_a_policy_whose_last_group_is_deleted_is_not_for_all_devices() -> None:
    group, other = (DeviceGroup.objects.create(name=name) for name in ("One", "Two"))
    alone, both = policy(name="Alone"), policy(name="Both")
    alone.groups.add(group)
    both.groups.add(group, other)
    [device] = rows_of(passcode_present=False)
    group.devices.add(device)
    sweep()
    assert Standing.objects.count() == 2
    group.delete()
    while sweeps.go_on():
        pass
    groups.regroup()
    assert not Standing.objects.exists()
    in_force = Policy.objects.filter(is_enabled=True)
    assert list(in_force) == [both]


# --- What it costs, and counts over time


def statements(work: Any) -> int:
    with CaptureQueriesContext(connection) as captured:
        work()
    return len(captured)


def test_judging_costs_the_same_for_ten_devices_as_for_three_hundred() -> None:
    for number in range(5):
        policy(
            PASSCODE,
            ("application", "not_installed", "com.x"),
            ("seen", "within", "7"),
            name=f"Policy {number}",
        )
    ids = [device.pk for device in rows_of(300, passcode_present=False)]
    few = statements(lambda: evaluate(ids[:10]))
    Standing.objects.all().delete()
    many = statements(lambda: evaluate(ids))
    assert Standing.objects.filter(state=State.VIOLATES).count() == 1500
    # Rows are written in batches, a few for all of them.
    assert many <= few + 30
    # Two for each of 15 conditions at most, one for each policy's devices.
    assert few <= 15 * 2 + 5 + 15
    assert statements(lambda: evaluate(ids)) <= few


def test_a_sweep_goes_on_where_it_was_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "BATCH", 4)
    made = policy()
    rows_of(10, passcode_present=False)
    assert sweeps.begin() == 1
    sweeps.step()
    made.refresh_from_db()
    assert (made.sweep_done, made.sweep_total) == (4, 10)
    assert Standing.objects.count() == 4
    assert not sweeps.go_on()
    made.refresh_from_db()
    assert (made.sweep_after, made.sweep_done) == (None, 10)
    assert made.swept_at
    assert Standing.objects.count() == 10


def test_counts_are_kept_day_by_day() -> None:
    made = policy()
    rows_of(2, passcode_present=True)
    rows_of(1, passcode_present=False)
    sweep()
    counts.keep()
    Device.objects.update(passcode_present=False)
    sweep()
    counts.keep()
    kept = DailyCount.objects.get()
    assert (kept.complies, kept.violates, kept.unknown) == (0, 3, 0)
    yesterday = kept.day - dt.timedelta(days=1)
    DailyCount.objects.create(policy=made, day=yesterday, complies=3)
    days = counts.days(made)
    assert len(days) == 30
    assert [day.total for day in days[-3:]] == [0, 3, 3]


def test_what_was_done_is_forgotten_after_a_month() -> None:
    policy(emails=["it@corp.example"])
    rows_of(1, passcode_present=False)
    sweep()
    act()
    later(days=31)
    actions.forget()
    assert not Action.objects.exists()
