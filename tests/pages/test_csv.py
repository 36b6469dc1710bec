"""Lists as CSV files."""

import csv
import io
from collections.abc import Iterable

import pytest
from django.contrib import admin as site
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from commands import queue
from devices import csv_export
from devices.models import AuditEntry, Device, DeviceGroup, Secret, Tag

from .conftest import Fleet, SignIn

DEVICES = "/admin/devices/device/csv/"
Rows = list[dict[str, str]]


def body(client: Client, url: str, **query: str) -> bytes:
    answer = client.get(url, query)
    assert answer.status_code == 200
    content: Iterable[bytes] = answer.streaming_content  # type: ignore[attr-defined]
    return b"".join(content)


def rows(client: Client, url: str = DEVICES, **query: str) -> Rows:
    text = body(client, url, **query).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


LISTS = sorted(
    f"admin:{model._meta.app_label}_{model._meta.model_name}_csv"
    for model, its in site.site._registry.items()
    if hasattr(its, "csv_view")
)


@pytest.mark.parametrize("name", LISTS)
def test_every_list_is_a_file_too(admin: Client, fleet: Fleet, name: str) -> None:
    queue.enqueue([each.pk for each in fleet(2)], "SecurityInfo")
    head = body(admin, reverse(name)).partition(b"\r\n")[0]
    assert head.startswith(csv_export.BOM.encode())
    assert b"id" in head.split(b",")[0], "what a row is found by comes first"


def test_nearly_every_list_is_one_of_ours() -> None:
    assert {"admin:devices_auditentry_csv", "admin:commands_delivery_csv"} <= set(LISTS)


def test_the_file_holds_what_the_list_was_filtered_to(
    admin: Client, fleet: Fleet
) -> None:
    fleet(2)
    fleet(1, platform="macOS")
    [row] = rows(admin, platform="macOS")
    assert row["title"] == "Device 2"
    assert row["serial_number"] == "SERIAL0002"
    assert row["id"] == str(Device.objects.get(platform="macOS").pk)


def test_the_columns_are_those_shown_and_dates_are_iso(
    admin: Client, fleet: Fleet
) -> None:
    device = fleet()[0].enrollment.device
    [row] = rows(admin, columns="title,created_at,groups")
    assert list(row)[-2:] == ["created_at", "groups"]
    assert row["created_at"] == device.created_at.isoformat()


@pytest.mark.parametrize("formula", ["=1+1", "+49170", "-2", "@SUM(A1)", "\t=1"])
def test_what_would_be_calculated_is_text(
    admin: Client, fleet: Fleet, formula: str
) -> None:
    fleet(1, name=formula)
    [row] = rows(admin)
    assert row["title"] == f"'{formula}"


def test_numbers_stay_numbers() -> None:
    assert csv_export.text(-0.5) == "-0.5"


def test_many_things_stand_in_one_cell(admin: Client, fleet: Fleet) -> None:
    device = fleet()[0].enrollment.device
    device.tags.set([Tag.objects.create(name=name) for name in ("loan", "van")])
    DeviceGroup.objects.create(name="Sales").devices.add(device)
    [row] = rows(admin, columns="title,groups,tags")
    assert (row["groups"], row["tags"]) == ("Sales", "loan; van")


def test_no_secret_is_in_a_file(admin: Client, fleet: Fleet) -> None:
    Secret.keep(fleet()[0].enrollment, Secret.Kind.UNLOCK_TOKEN, b"unlock-me")
    text = body(admin, reverse("admin:devices_secret_csv"))
    assert b"unlock token" in text
    assert b"unlock-me" not in text


def test_who_may_not_see_a_list_gets_no_file(sign_in: SignIn, fleet: Fleet) -> None:
    fleet()
    assert sign_in("devices.view_user").get(DEVICES).status_code == 403
    assert not AuditEntry.objects.exists()


def test_the_audit_says_what_was_taken_away(admin: Client, fleet: Fleet) -> None:
    fleet()
    rows(admin, platform="iOS")
    entry = AuditEntry.objects.get(action="exported")
    assert (entry.target, entry.details) == ("devices", {"filters": "platform=iOS"})


def test_a_search_that_makes_no_sense_leads_back_to_the_list(admin: Client) -> None:
    answer = admin.get(DEVICES, {"nonsense": "1"})
    assert answer.status_code == 302


def test_a_file_costs_by_the_chunk_not_by_the_row(
    admin: Client, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_export, "CHUNK", 10)

    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert len(rows(admin)) == Device.objects.count()
        return len(captured)

    fleet(10)
    one = cost()
    fleet(20)
    assert cost() - one <= 2 * 3 + 3  # enrollments, channels; the count, the page


def test_roles_have_a_file_as_well(admin: Client) -> None:
    Group.objects.create(name="Librarians")
    names = [row["group"] for row in rows(admin, reverse("admin:auth_group_csv"))]
    assert "Librarians" in names
