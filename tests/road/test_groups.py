"""Groups: who is in a smart group follows from what is known of the devices."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commands import results
from devices import conditions, groups, putting, tasks
from devices.models import (
    Application,
    Channel,
    Device,
    DeviceGroup,
    Enrollment,
    InstalledApplication,
    InstalledCertificate,
    InstalledProfile,
    Inventory,
    RegroupMark,
    Tag,
    User,
)
from devices.signals import devices_regrouped
from mdmportal.simulator.device import SimulatedDevice

from .conftest import IPAD, TOPIC, Enroll, row

pytestmark = pytest.mark.django_db
NOW = timezone.now
SEQUOIA, ROOMY = {"os_version": "15.9"}, {"available_capacity": 5.0}


def device(number: int = 0, **facts: Any) -> Device:
    made = Device.objects.create(udid=f"UDID-{Device.objects.count()}-{number}")
    made.learn(**facts)
    RegroupMark.objects.all().delete()
    return made


def marked() -> set[int]:
    return set(RegroupMark.objects.values_list("pk", flat=True))


def enrolled(device: Device, seen_days_ago: int | None = 0, **columns: Any) -> Device:
    values = {"state": "active", "topic": TOPIC, "enrolled_at": NOW(), **columns}
    stay = Enrollment.objects.create(device=device, **values)
    seen = None
    if seen_days_ago is not None:
        seen = NOW() - dt.timedelta(days=seen_days_ago)
    Channel.objects.create(enrollment=stay, last_seen_at=seen)
    return device


def told(device: Device, request_type: str) -> Device:
    Inventory.objects.create(
        device=device, request_type=request_type, answer={}, received_at=NOW()
    )
    return device


def smart(*rows: tuple[str, str, str], match: str = "all", name: str = "smart") -> Any:
    items = [{"field": f, "operator": o, "value": v} for f, o, v in rows]
    source = {"match": match, "conditions": items}
    return DeviceGroup.objects.create(name=name, conditions=source)


def meeting(field: str, operator: str, value: object = "") -> set[int]:
    source = {"field": field, "operator": operator, "value": value}
    found = Device.objects.filter(conditions.read_one(source).q())
    ids = list(found.values_list("pk", flat=True))
    assert len(ids) == len(set(ids)), "each device once"
    return set(ids)


def unknown(field: str, operator: str, value: str = "") -> set[int]:
    one = conditions.read_one({"field": field, "operator": operator, "value": value})
    found = one.unknown()
    assert found is not None
    return set(Device.objects.filter(found).values_list("pk", flat=True))


# --- What conditions find


@pytest.mark.parametrize(
    ("field", "operator", "value", "facts", "others"),
    [
        ("name", "is", "ada's iphone", {"name": "Ada's iPhone"}, {"name": "Ada"}),
        ("name", "is_not", "b", {"name": "a"}, {"name": "B"}),
        ("serial_number", "begins", "c02", {"serial_number": "C02X"}, {}),
        ("platform", "is", "macOS", {"platform": "macOS"}, {"platform": "iOS"}),
        ("platform", "is_not", "iOS", {"platform": "macOS"}, {"platform": "iOS"}),
        ("model", "contains", "15,", {"model": "iPhone15,2"}, {"model": "iPhone16,1"}),
        ("product_name", "contains_not", "Mac", {"product_name": "iPad"}, {}),
        ("os_version", "at_least", "15.10", {"os_version": "15.10"}, SEQUOIA),
        ("os_version", "below", "15.10", SEQUOIA, {"os_version": "15.10"}),
        ("os_version", "is", "17.0", {"os_version": "17"}, {"os_version": "17.0.1"}),
        ("os_version", "series", "17", {"os_version": "17.6"}, {"os_version": "170"}),
        ("build_version", "is", "22B83", {"build_version": "22B83"}, {}),
        (
            "update_available",
            "any",
            "",
            {"update_available": "18.1", "os_version": "18.0"},
            {"update_available": "18.1", "os_version": "18.1"},
        ),
        ("supervised", "is", "yes", {"is_supervised": True}, {"is_supervised": False}),
        ("supervised", "is", "no", {"is_supervised": False}, {"is_supervised": True}),
        ("passcode", "is", "yes", {"passcode_present": True}, {}),
        ("passcode_compliant", "is", "no", {"passcode_compliant": False}, {}),
        ("encrypted", "is", "no", {"is_encrypted": False}, {"is_encrypted": True}),
        ("firewall", "is", "no", {"firewall_enabled": False}, {}),
        ("activation_lock", "is", "yes", {"is_activation_locked": True}, {}),
        ("lost_mode", "is", "yes", {"in_lost_mode": True}, {"in_lost_mode": False}),
        ("roaming", "is", "yes", {"is_roaming": True}, {"is_roaming": False}),
        ("carrier", "is", "Swisscom", {"carrier": "swisscom"}, {"carrier": "Salt"}),
        ("phone_number", "contains", "79", {"phone_number": "+4179"}, {}),
        ("storage_free", "below", "5", {"available_capacity": 4.9}, ROOMY),
        (
            "storage_free_percent",
            "below",
            "10",
            {"available_capacity": 12.0, "capacity": 128.0},
            {"available_capacity": 13.0, "capacity": 128.0},
        ),
        ("battery", "below", "20", {"battery_level": 0.1}, {"battery_level": 0.2}),
        ("battery", "at_least", "20", {"battery_level": 0.2}, {"battery_level": -1.0}),
        ("platform", "unknown", "", {"name": "x"}, {"platform": "iOS"}),
    ],
)  # fmt: skip
def test_a_fact_is_compared(
    field: str, operator: str, value: str, facts: Any, others: Any
) -> None:
    wanted, _other, silent = device(**facts), device(**others), device()
    found = meeting(field, operator, value)
    if operator == "unknown":
        assert found == {wanted.pk, silent.pk}
    else:
        assert found == {wanted.pk}
        assert silent.pk in unknown(field, operator, value)
        assert wanted.pk not in unknown(field, operator, value)


def test_who_has_not_told_neither_meets_nor_fails() -> None:
    silent = device()
    for value in ("yes", "no"):
        assert meeting("encrypted", "is", value) == set()
        assert unknown("encrypted", "is", value) == {silent.pk}


def test_what_staff_says_of_a_device_is_compared() -> None:
    lent, other = device(), device()
    Device.objects.filter(pk=lent.pk).update(asset_tag="A-17")
    loan = Tag.objects.create(name="loan")
    hall = DeviceGroup.objects.create(name="Hall")
    lent.tags.add(loan)
    lent.groups.add(hall)
    assert meeting("asset_tag", "is", "a-17") == {lent.pk}
    assert meeting("asset_tag", "none") == {other.pk}
    assert meeting("tag", "has", loan.pk) == {lent.pk}
    assert meeting("tag", "has_not", loan.pk) == {other.pk}
    assert meeting("group", "in", hall.pk) == {lent.pk}
    assert meeting("group", "not_in", hall.pk) == {other.pk}
    assert meeting("tag", "has", loan.pk + 1) == set()


def test_the_owner_is_compared() -> None:
    staff = Group.objects.create(name="Staff")
    ada = User.objects.create_user("ada", "ada@corp.example", last_name="Lovelace")
    ada.groups.add(staff)
    eve = User.objects.create_user("eve", "eve@other.example")
    adas, eves, nobodys = (device(owner=owner) for owner in (ada, eve, None))
    assert meeting("owner", "is", "ADA") == {adas.pk}
    assert meeting("owner", "is", "ada@corp.example") == {adas.pk}
    assert meeting("owner", "contains", "ada love") == {adas.pk}
    assert meeting("owner", "nobody") == {nobodys.pk}
    assert meeting("owner", "somebody") == {adas.pk, eves.pk}
    assert meeting("owner_domain", "is", "@corp.example") == {adas.pk}
    assert meeting("owner_domain", "is_not", "corp.example") == {eves.pk}
    assert unknown("owner_domain", "is", "corp.example") == {nobodys.pk}
    assert meeting("owner_group", "in", staff.pk) == {adas.pk}
    assert meeting("owner_group", "not_in", staff.pk) == {eves.pk, nobodys.pk}


def test_the_stay_is_compared() -> None:
    old = NOW() - dt.timedelta(days=100)
    fresh = enrolled(device(), way="Front door", mode="user")
    settled = enrolled(device(), 40, enrolled_at=old)
    never = enrolled(device(), None)
    gone = enrolled(device(), state="ended")
    waiting = enrolled(device(), state="pending")
    assert meeting("enrollment", "is", "active") == {fresh.pk, settled.pk, never.pk}
    assert meeting("enrollment", "is", "pending") == {waiting.pk}
    assert meeting("enrollment", "is", "left") == {gone.pk}
    assert gone.pk not in meeting("enrollment", "is_not", "left")
    assert meeting("mode", "is", "user") == {fresh.pk}
    assert meeting("mode", "is_not", "user") == {settled.pk, never.pk}
    assert meeting("way", "is", "front door") == {fresh.pk}
    assert meeting("enrolled", "within", "30") == {fresh.pk, never.pk}
    assert meeting("enrolled", "before", "30") == {settled.pk}
    assert meeting("seen", "within", "7") == {fresh.pk}
    assert meeting("seen", "not_within", "7") == {settled.pk, never.pk}
    assert unknown("seen", "within", "7") == {gone.pk, waiting.pk}


def test_managed_users_are_compared() -> None:
    mac = enrolled(device())
    enrolled(device())
    stay = mac.enrollments.get()
    Channel.objects.create(enrollment=stay, user_id="U", user_short_name="grace")
    assert meeting("user", "has", "Grace") == {mac.pk}
    stay.end("checked out")
    assert meeting("user", "has", "grace") == set()


def test_when_the_inventory_was_told_is_compared() -> None:
    fresh, stale = device(), device()
    Device.objects.filter(pk=fresh.pk).update(inventory_at=NOW())
    assert meeting("inventory", "within", "7") == {fresh.pk}
    assert meeting("inventory", "not_within", "7") == {stale.pk}


def test_applications_are_compared() -> None:
    old, new, without, silent = (device() for _ in range(4))
    for each in (old, new, without):
        told(each, "InstalledApplicationList")
    for each, version in ((old, "9.9"), (new, "10.1")):
        app = Application.objects.create(
            digest=version, identifier="com.x", name="The X", short_version=version
        )
        for user in ("", "a user"):
            InstalledApplication.objects.create(
                device=each, application=app, user_id=user
            )
    assert meeting("application", "installed", "com.x") == {old.pk, new.pk}
    assert meeting("application", "not_installed", "com.x") == {without.pk}
    assert meeting("application", "at_least", "com.x 10") == {new.pk}
    assert meeting("application", "below", "com.x 10") == {old.pk}
    assert meeting("application", "named", "the x") == {old.pk, new.pk}
    assert meeting("application", "not_named", "the x") == {without.pk}
    assert meeting("application", "at_least", "com.none 1") == set()
    assert unknown("application", "installed", "com.x") == {silent.pk}


def test_profiles_and_certificates_are_compared() -> None:
    has, lacks, silent = device(), device(), device()
    for each in (has, lacks):
        told(told(each, "ProfileList"), "CertificateList")
    InstalledProfile.objects.create(device=has, identifier="com.x.wifi", uuid="1")
    for days in (10, 400):
        InstalledCertificate.objects.create(
            device=has, not_after=NOW() + dt.timedelta(days=days)
        )
    InstalledCertificate.objects.create(
        device=lacks, not_after=NOW() - dt.timedelta(days=1)
    )
    assert meeting("profile", "installed", "com.x.wifi") == {has.pk}
    assert meeting("profile", "not_installed", "com.x.wifi") == {lacks.pk}
    assert meeting("certificate", "expires", "30") == {has.pk}
    assert meeting("certificate", "expired") == {lacks.pk}
    assert unknown("profile", "installed", "com.x.wifi") == {silent.pk}


def test_all_or_any_of_several_conditions() -> None:
    both = device(platform="iOS", is_supervised=True)
    one = device(platform="iOS", is_supervised=False)
    device(platform="macOS")
    rows = ("platform", "is", "iOS"), ("supervised", "is", "yes")
    for match, wanted in (("all", {both.pk}), ("any", {both.pk, one.pk})):
        read = conditions.read(smart(*rows, match=match, name=match).conditions)
        found = Device.objects.filter(read.q()).values_list("pk", flat=True)
        assert set(found) == wanted


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"field": "none"}, "Choose what the condition is on."),
        ({"field": "name", "operator": "smells"}, "Choose how to compare: is, is not"),
        ({"field": "name", "operator": "is"}, "Say what to compare with."),
        (
            {"field": "os_version", "operator": "is", "value": "x"},
            "Give a version such",
        ),
        ({"field": "battery", "operator": "below", "value": "101"}, "from 0 to 100"),
        ({"field": "seen", "operator": "within", "value": "1.5"}, "a whole number"),
        ({"field": "tag", "operator": "has", "value": "loan"}, "Choose a tag."),
        (
            {"field": "platform", "operator": "is", "value": "BeOS"},
            "Choose one of: iOS",
        ),
        (
            {"field": "application", "operator": "below", "value": "com.x"},
            "com.example.app 2.1",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(row: Any, words: str) -> None:
    good = {"field": "owner", "operator": "nobody"}
    with pytest.raises(conditions.Invalid, match="Condition 2: ") as problem:
        conditions.read({"match": "all", "conditions": [good, row]})
    assert words in str(problem.value)


@pytest.mark.parametrize(
    "source", [None, [], {}, {"conditions": []}, {"match": "some", "conditions": [{}]}]
)
def test_what_are_no_conditions_is_refused(source: object) -> None:
    with pytest.raises(conditions.Invalid):
        conditions.read(source)


def test_a_condition_says_itself_and_what_a_device_says() -> None:
    phone = device(os_version="16.2")
    source = {"field": "os_version", "operator": "at_least", "value": "17.0"}
    one = conditions.read_one(source)
    assert one.words() == "OS version is at least 17.0"
    assert one.said(phone) == "16.2"
    tag = Tag.objects.create(name="loan")
    has = {"field": "tag", "operator": "has", "value": str(tag.pk)}
    assert conditions.read_one(has).words() == "it has the tag “loan”"


# --- Kept up as answers arrive


def members(group: DeviceGroup) -> set[int]:
    return set(group.devices.values_list("pk", flat=True))


def test_a_device_joins_by_what_it_answers(iphone: SimulatedDevice) -> None:
    group = smart(("os_version", "at_least", "18"))
    results.read_waiting()
    assert members(group) == set()
    tasks.regroup()
    assert members(group) == {row(iphone).pk}
    row(iphone).learn(os_version="17.1")
    tasks.regroup()
    assert members(group) == set()


def test_a_device_leaves_a_group_of_enrolled_ones_with_its_stay(
    iphone: SimulatedDevice,
) -> None:
    group = smart(("enrollment", "is", "active"))
    tasks.regroup()
    assert members(group) == {row(iphone).pk}
    iphone.check_out()
    tasks.regroup()
    assert members(group) == set()


Change = Callable[[Device], object]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda each: each.tags.add(Tag.objects.get()), id="a tag"),
        pytest.param(lambda each: Tag.objects.get().devices.add(each), id="tagged"),
        pytest.param(lambda each: Tag.objects.get().devices.set([each]), id="set"),
        pytest.param(lambda each: _hall().devices.add(each), id="a group"),
        pytest.param(lambda each: putting.put(_only(each), _hall()), id="put"),
        pytest.param(lambda each: each.learn(name="Other"), id="a fact"),
    ],
)
def test_what_changes_for_a_device_marks_it(change: Change) -> None:
    Tag.objects.create(name="loan")
    DeviceGroup.objects.create(name="Hall")
    changed, other = device(), device()
    change(changed)
    assert marked() == {changed.pk} != {other.pk}


def _hall() -> DeviceGroup:
    return DeviceGroup.objects.get(name="Hall")


def _only(each: Device) -> Any:
    return Device.objects.filter(pk=each.pk)


def test_losing_a_tag_with_its_end_marks_too() -> None:
    tagged = device()
    loan = Tag.objects.create(name="loan")
    group = smart(("tag", "has", str(loan.pk)))
    tagged.tags.add(loan)
    tasks.regroup()
    assert members(group) == {tagged.pk}
    loan.delete()
    tasks.regroup()
    assert members(group) == set()


def test_a_device_marked_again_meanwhile_stays_marked() -> None:
    each = device(platform="iOS")
    Device.regroup([each.pk])

    def while_it_is_looked_at(device_ids: list[int], **_: object) -> None:
        Device.regroup(device_ids)

    devices_regrouped.connect(while_it_is_looked_at)
    try:
        assert groups.regroup(most=1) == 1
    finally:
        devices_regrouped.disconnect(while_it_is_looked_at)
    assert marked() == {each.pk}
    assert tasks.regroup() == 1
    assert marked() == set()


def test_who_listens_is_told_and_one_that_fails_stops_nothing() -> None:
    each, heard = device(), []

    def listen(device_ids: list[int], **_: object) -> None:
        heard.extend(device_ids)
        raise RuntimeError

    devices_regrouped.connect(listen)
    try:
        Device.regroup([each.pk])
        tasks.regroup()
    finally:
        devices_regrouped.disconnect(listen)
    assert heard == [each.pk]
    assert marked() == set()


def test_a_batch_whose_worker_died_is_taken_again() -> None:
    each = device(platform="iOS")
    group = smart(("platform", "is", "iOS"))
    Device.regroup([each.pk])
    assert groups._take(NOW() + groups.LEASE) == [each.pk]
    assert tasks.regroup() == 0, "somebody is at it"
    RegroupMark.objects.update(at=NOW() - dt.timedelta(seconds=1))
    assert tasks.regroup() == 1
    assert members(group) == {each.pk}


def test_void_conditions_leave_their_group_and_the_others_alone() -> None:
    each = device(platform="iOS")
    void = smart(("gone", "is", "x"), name="void")
    void.devices.add(each)
    good = smart(("platform", "is", "iOS"), name="good")
    Device.regroup([each.pk])
    tasks.regroup()
    tasks.sweep()
    assert members(void) == members(good) == {each.pk}


# --- Swept


def test_a_new_group_finds_all_its_devices_and_has_them_looked_at() -> None:
    ours, gone, other = device(platform="iOS"), device(), device(platform="macOS")
    group = smart(("platform", "is", "iOS"))
    group.devices.add(gone)
    RegroupMark.objects.all().delete()
    assert tasks.sweep_group(group.pk) == 2
    assert members(group) == {ours.pk}
    assert marked() == {ours.pk, gone.pk}
    group.refresh_from_db()
    assert group.matched_at is not None
    assert tasks.sweep_group(group.pk) == 0
    assert other.pk not in members(group)


def test_time_alone_brings_devices_into_groups() -> None:
    each = enrolled(device())
    group = smart(("seen", "not_within", "7"))
    tasks.sweep()
    assert members(group) == set()
    Channel.objects.update(last_seen_at=NOW() - dt.timedelta(days=8))
    tasks.regroup()
    assert members(group) == set(), "nothing marked it"
    assert tasks.sweep() == 1
    assert members(group) == {each.pk}


def test_a_group_that_is_gone_is_swept_in_peace() -> None:
    group = smart(("platform", "is", "iOS"))
    pk = group.pk
    group.delete()
    assert tasks.sweep_group(pk) == 0
    hall = DeviceGroup.objects.create(name="Hall")
    hall.devices.add(device())
    assert tasks.sweep_group(hall.pk) == 0, "who joined by hand stays"
    assert hall.devices.count() == 1


# --- What it costs


def statements(work: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        work()
    return len(captured)


def many(count: int) -> None:
    first = Device.objects.count()
    Device.objects.bulk_create(
        Device(
            udid=f"MANY-{number}",
            platform="iOS" if number % 2 else "macOS",
        )
        for number in range(first, first + count)
    )
    Device.regroup(Device.objects.values_list("pk", flat=True))


def test_regrouping_costs_the_same_for_ten_devices_as_for_three_hundred() -> None:
    for name in ("a", "b", "c"):
        smart(("platform", "is", "iOS"), name=name)
    costs = []
    for count in (10, 300):
        many(count)
        costs.append(statements(groups.regroup))
    assert costs[0] == costs[1]
    assert costs[1] <= 3 * 3 + 12
    Device.regroup(Device.objects.values_list("pk", flat=True))
    assert statements(groups.regroup) == costs[1] - 3, "nothing changed, but the look"


def test_sweeping_costs_the_same_for_ten_devices_as_for_three_hundred() -> None:
    group = smart(("platform", "is", "iOS"))
    costs = []
    for count in (10, 300):
        many(count)
        costs.append(statements(lambda: groups.sweep_one(group.pk)))
        assert group.devices.count() == Device.objects.filter(platform="iOS").count()
    assert costs[0] == costs[1] <= 10


def test_putting_a_tag_on_three_hundred_devices_costs_as_much_as_on_ten() -> None:
    many(10)
    loan = Tag.objects.create(name="loan")
    few = statements(lambda: putting.put(Device.objects.all(), loan))
    many(290)
    assert statements(lambda: putting.put(Device.objects.all(), loan)) == few <= 6
    assert loan.devices.count() == 300
    assert putting.put(Device.objects.all(), loan) == 0
    assert statements(lambda: putting.take(Device.objects.all(), loan)) <= 6
    assert loan.devices.count() == 0


def test_two_devices_of_one_fleet_are_kept_apart(enroll: Enroll) -> None:
    phone, pad = enroll(), enroll(IPAD, 1)
    results.read_waiting()
    group = smart(("platform", "is", "iPadOS"))
    tasks.regroup()
    assert members(group) == {row(pad).pk}
    assert row(phone).pk not in members(group)
