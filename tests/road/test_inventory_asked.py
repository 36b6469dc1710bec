"""Who is asked what, when, and how little that costs."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commands import forgetting, inventory, queue, results, schedule
from commands.models import Command, Delivery, Result, State
from devices.models import (
    Channel,
    Device,
    DeviceGroup,
    Enrollment,
    Inventory,
    InventorySchedule,
)
from mdmportal.simulator.device import SimulatedDevice

from .answering import enrolled, say, user_of
from .conftest import MAC, Enroll, channel, row

pytestmark = pytest.mark.django_db

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


def asked(to: Channel) -> list[str]:
    """Return what waits for a channel, in the order in which it is sent."""
    rows = Delivery.objects.filter(channel=to, state=State.QUEUED)
    ordered = rows.order_by("-priority", "pk")
    return list(ordered.values_list("command__request_type", flat=True))


def queries(to: Channel) -> set[str]:
    command = Command.objects.get(
        deliveries__channel=to, request_type="DeviceInformation"
    )
    return set(command.keys["Queries"])


def due(*channels: Channel, at: dt.datetime | None = None) -> None:
    ids = [one.pk for one in channels]
    moment = at or timezone.now() - HOUR
    Channel.objects.filter(pk__in=ids).update(inventory_due_at=moment)


def due_in(one: Channel) -> dt.timedelta:
    one.refresh_from_db()
    assert one.inventory_due_at is not None
    return one.inventory_due_at - timezone.now()


def group_of(*channels: Channel, name: str = "Some", hours: int = 6) -> DeviceGroup:
    group = DeviceGroup.objects.create(name=name)
    group.devices.add(*(one.enrollment.device for one in channels))
    InventorySchedule.objects.create(group=group, every_hours=hours)
    return group


# --- What


def test_an_iphone_is_asked_all_that_it_answers() -> None:
    phone = enrolled(is_supervised=True)
    inventory.ask(phone)
    assert asked(phone) == [
        *("DeviceInformation", "SecurityInfo", "ProfileList"),
        *("InstalledApplicationList", "CertificateList", "ManagedApplicationList"),
        *("ProvisioningProfileList", "Restrictions", "AvailableOSUpdates"),
        *("OSUpdateStatus", "ManagedMediaList"),
    ]
    restrictions = Command.objects.get(request_type="Restrictions")
    assert restrictions.keys == {"ProfileRestrictions": True}
    assert 0 < due_in(phone) / HOUR - 24 * 0.9 < 24 * 0.2


def test_what_needs_supervision_is_not_asked_of_others() -> None:
    phone = enrolled(is_supervised=False)
    inventory.ask(phone)
    assert not {"AvailableOSUpdates", "UserList"} & set(asked(phone))
    assert "AccessibilitySettings" not in queries(phone)


def test_a_persons_own_device_is_asked_nothing_that_names_it() -> None:
    own = enrolled(mode=Enrollment.Mode.USER, udid="", enrollment_id="E")
    inventory.ask(own)
    assert not {"Restrictions", "AvailableOSUpdates"} & set(asked(own))
    assert not {"SerialNumber", "IMEI", "PhoneNumber", "WiFiMAC"} & queries(own)


def test_rights_that_the_profile_lacks_are_not_used() -> None:
    phone = enrolled()
    Enrollment.objects.update(access_rights=1 | 16)
    phone = Channel.objects.select_related("enrollment__device").get()
    inventory.ask(phone)
    assert asked(phone) == ["DeviceInformation", "ProfileList", "CertificateList"]
    assert "ICCID" not in queries(phone), "the network is another right"


def test_a_user_of_a_mac_is_asked_on_their_own_channel() -> None:
    ada = user_of(enrolled(platform="macOS", os_version="15.1", is_supervised=True))
    inventory.ask(ada)
    found = asked(ada)
    assert {"ProfileList", "ActiveNSExtensions", "NSExtensionMappings"} <= set(found)
    of_device = {"UserList", "OSUpdateStatus", "ProvisioningProfileList"}
    assert not of_device & set(found)
    assert ada.pk in Channel.objects.exclude(inventory_due_at=None).values_list(
        "pk", flat=True
    )


def test_a_device_of_an_unknown_system_is_asked_what_all_answer() -> None:
    unknown = enrolled(platform="", os_version="")
    inventory.ask(unknown)
    assert asked(unknown) == list(inventory.FIRST)


def test_a_simulated_mac_answers_all_that_it_is_asked(enroll: Enroll) -> None:
    mac = enroll(MAC)
    results.read_waiting()
    mac.session()  # what was asked because of what it answered
    results.read_waiting()
    assert not Result.objects.exclude(problem="").exists()
    assert not Delivery.objects.exclude(state=State.ACKNOWLEDGED).exists()
    kept = set(Inventory.objects.values_list("request_type", flat=True))
    assert kept >= {
        *("DeviceInformation", "SecurityInfo", "ProfileList", "CertificateList"),
        *("InstalledApplicationList", "UserList", "AvailableOSUpdates"),
        *("ManagedApplicationList", "OSUpdateStatus", "ContentCachingInformation"),
    }
    device = row(mac)
    assert device.applications.exists()
    assert device.firewall_enabled is True
    assert device.certificates.filter(is_identity=True, not_after__isnull=False)


# --- How many


def test_thousands_share_a_handful_of_commands() -> None:
    fleet = [
        enrolled(
            number, "macOS" if number % 2 else "iOS", is_supervised=bool(number % 3)
        )
        for number in range(60)
    ]
    with CaptureQueriesContext(connection) as captured:
        count = inventory.ask_many(one.pk for one in fleet)
    assert count == 60
    assert Command.objects.count() < 20
    assert Delivery.objects.count() > 60 * 8
    assert len(captured) < 40
    alone = enrolled(99, is_supervised=False)
    inventory.ask(alone)
    assert asked(fleet[0]) == asked(alone), "the same as one by one"


def test_a_mac_is_asked_for_its_cache_while_it_has_one() -> None:
    with_cache = enrolled(1, "macOS", os_version="15.1")
    without = enrolled(2, "macOS", os_version="15.1")
    name = "ContentCachingInformation"
    say(with_cache, name, {"StatusResponse": {"Activated": True}})
    say(without, name, {"StatusResponse": {"Activated": False}})
    inventory.ask_many([with_cache.pk, without.pk])
    assert name in asked(with_cache)
    assert name not in asked(without)


# --- When


def test_what_is_due_is_asked_and_moved_on() -> None:
    phone, other = enrolled(1), enrolled(2)
    due(phone)
    due(other, at=timezone.now() + HOUR)
    assert schedule.ask_due() == 1
    assert asked(phone)
    assert not asked(other)
    assert 0.9 * DAY - HOUR < due_in(phone) < 1.1 * DAY + HOUR
    assert schedule.ask_due() == 0
    phone.refresh_from_db()
    assert phone.push_at is not None
    waiting = Delivery.objects.filter(channel=phone)
    assert {one.priority for one in waiting} == {queue.SCHEDULED}
    late = waiting.filter(expires_at__gte=phone.inventory_due_at)
    assert not late.exists()


def test_what_somebody_ordered_goes_first() -> None:
    phone = enrolled()
    due(phone)
    schedule.ask_due()
    queue.enqueue([phone.pk], "DeviceLock")
    assert asked(phone)[0] == "DeviceLock"


def test_a_device_that_is_off_has_one_round_waiting_and_no_more() -> None:
    phone = enrolled()
    due(phone)
    schedule.ask_due()
    once = asked(phone)
    for _ in range(3):
        due(phone)
        assert schedule.ask_due() == 1
    assert asked(phone) == once


def test_what_was_not_fetched_in_time_is_asked_anew() -> None:
    phone = enrolled()
    due(phone)
    schedule.ask_due()
    Delivery.objects.update(expires_at=timezone.now() - HOUR)
    queue.expire()
    due(phone)
    schedule.ask_due()
    assert asked(phone)


def test_who_left_or_cannot_be_reached_is_not_asked() -> None:
    gone, dead, pending = enrolled(1), enrolled(2), enrolled(3)
    due(gone, dead, pending)
    long_ago = timezone.now() - 60 * DAY
    stays = Enrollment.objects
    stays.filter(pk=gone.enrollment_id).update(state="ended", ended_at=long_ago)
    stays.filter(pk=pending.enrollment_id).update(state="pending")
    Channel.objects.filter(pk=dead.pk).update(push_dead=True)
    schedule.ask_due()
    assert not Delivery.objects.exists()
    gone.refresh_from_db()
    assert gone.inventory_due_at is None
    Channel.objects.filter(pk=dead.pk).update(push_dead=False)
    schedule.ask_due()
    assert asked(dead), "as soon as it is back"


def test_users_are_asked_by_the_schedule_of_their_mac() -> None:
    mac = enrolled(platform="macOS", os_version="15.1")
    ada = user_of(mac)
    group_of(mac, hours=2)
    due(ada)
    schedule.ask_due()
    assert "ProfileList" in asked(ada)
    assert due_in(ada) < 3 * HOUR


def test_the_shortest_schedule_of_a_devices_groups_counts() -> None:
    phone, other = enrolled(1), enrolled(2)
    group_of(phone, name="Slow", hours=72)
    group_of(phone, name="Fast", hours=4)
    InventorySchedule.objects.create(group=None, every_hours=48)
    due(phone, other)
    schedule.ask_due()
    assert due_in(phone) < 5 * HOUR
    assert 40 * HOUR < due_in(other) < 60 * HOUR


def test_a_schedule_may_ask_for_less() -> None:
    phone = enrolled()
    group = group_of(phone)
    InventorySchedule.objects.filter(group=group).update(
        queries=["SecurityInfo", "DeviceInformation", "OfAnotherRelease"]
    )
    due(phone)
    schedule.ask_due()
    assert asked(phone) == ["DeviceInformation", "SecurityInfo"]


def test_a_shorter_schedule_counts_at_once_and_spreads_its_devices() -> None:
    fleet = [enrolled(number) for number in range(32)]
    outside = enrolled(99)
    tomorrow = timezone.now() + DAY
    due(*fleet, outside, at=tomorrow)
    soon = fleet[0]
    due(soon, at=timezone.now() + dt.timedelta(minutes=1))
    with CaptureQueriesContext(connection) as captured:
        group_of(*fleet, hours=2)
    moments = [due_in(one) for one in fleet]
    assert all(moment <= 2 * HOUR for moment in moments)
    assert len({round(moment / HOUR, 1) for moment in moments[1:]}) > 8
    assert moments[0] < dt.timedelta(minutes=2), "what was due sooner stays"
    assert due_in(outside) > 20 * HOUR
    updates = [one["sql"] for one in captured if one["sql"].startswith("UPDATE")]
    assert len([sql for sql in updates if "devices_channel" in sql]) == schedule.SLOTS


def test_the_schedule_for_all_leaves_groups_with_their_own_alone() -> None:
    phone, other = enrolled(1), enrolled(2)
    group_of(phone, hours=72)
    due(phone, other, at=timezone.now() + 2 * DAY)
    InventorySchedule.objects.create(group=None, every_hours=3)
    assert due_in(other) <= 3 * HOUR
    assert due_in(phone) > DAY


def test_a_round_costs_the_same_for_a_few_and_for_many() -> None:
    def cost(first: int, count: int) -> int:
        due(*(enrolled(number) for number in range(first, first + count)))
        with CaptureQueriesContext(connection) as captured:
            assert schedule.ask_due() == count
        return len(captured)

    few, many = cost(0, 3), cost(100, 60)
    assert many <= few + 12, "SQLite splits what has more than 999 values"


def test_orders_of_the_schedule_are_forgotten_in_time(settings: Any) -> None:
    phone = enrolled()
    ordered = queue.enqueue([phone.pk], "DeviceLock")
    due(phone)
    schedule.ask_due()
    open_one = Delivery.objects.get(command__request_type="ProfileList")
    others = Delivery.objects.exclude(pk=open_one.pk)
    others.update(state=State.ACKNOWLEDGED)
    Command.objects.update(ordered_at=timezone.now() - 4 * DAY)
    forgetting.scheduled()
    left = set(Delivery.objects.values_list("command__request_type", flat=True))
    assert left == {"DeviceLock", "ProfileList"}
    assert set(Command.objects.values_list("pk", flat=True)) == {
        ordered.pk,
        open_one.command_id,
    }


def test_a_real_round_goes_all_the_way(iphone: SimulatedDevice) -> None:
    results.read_waiting()
    iphone.session()
    results.read_waiting()
    before = row(iphone)
    iphone.state.name = "Renamed"
    due(channel(iphone))
    schedule.ask_due()
    assert iphone.session()
    results.read_waiting()
    after = row(iphone)
    assert (before.name, after.name) != (after.name, before.name)
    assert after.name == "Renamed"
    assert list(Device.objects.get().changes.values_list("name", flat=True)) == [
        "DeviceName"
    ]
