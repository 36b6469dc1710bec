"""How often devices are asked is set on a page."""

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from devices.models import AuditEntry, Channel, DeviceGroup, InventorySchedule

from .conftest import Fleet

pytestmark = pytest.mark.django_db

LIST = "/admin/devices/inventoryschedule/"


def test_an_empty_list_says_what_holds_without_one(admin: Client) -> None:
    page = admin.get(LIST).content.decode()
    assert "There is no schedule yet" in page
    assert "every 24 hours" in page
    assert f'href="{LIST}add/"' in page


def test_a_schedule_of_a_group_counts_at_once(admin: Client, fleet: Fleet) -> None:
    inside, outside = fleet(2)
    tomorrow = timezone.now() + dt.timedelta(days=1)
    Channel.objects.update(inventory_due_at=tomorrow)
    group = DeviceGroup.objects.create(name="Reception")
    group.devices.add(inside.enrollment.device)
    form = {"group": group.pk, "every_hours": 2, "queries": ["SecurityInfo"]}
    assert admin.post(f"{LIST}add/", form).status_code == 302
    page = admin.get(LIST).content.decode()
    assert "Reception" in page
    assert "every 2 hours" in page
    assert "security" in page
    assert InventorySchedule.objects.get().queries == ["SecurityInfo"]
    soon = timezone.now() + dt.timedelta(hours=2)
    assert Channel.objects.get(inventory_due_at__lte=soon) == inside
    assert Channel.objects.get(inventory_due_at=tomorrow) == outside
    assert AuditEntry.objects.filter(action="inventory schedule added").exists()


def test_there_is_one_schedule_for_all(admin: Client) -> None:
    form = {"group": "", "every_hours": 12}
    assert admin.post(f"{LIST}add/", form).status_code == 302
    again = admin.post(f"{LIST}add/", form)
    assert "There is a schedule for all devices already" in again.content.decode()
    assert InventorySchedule.objects.get().every_hours == 12


def test_a_schedule_is_not_shorter_than_an_hour(admin: Client) -> None:
    answer = admin.post(f"{LIST}add/", {"group": "", "every_hours": 0})
    assert answer.status_code == 200
    assert not InventorySchedule.objects.exists()
