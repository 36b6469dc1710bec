"""Owners, names, asset tags, groups and tags of devices, brought in from a file."""

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from commands import queue
from commands.importing import Choices, apply, planning
from commands.models import Command, Delivery, State
from devices import csv_import
from devices.csv_import import Line, Unreadable
from devices.models import AuditEntry, Device, DeviceGroup, RegroupMark, Tag, User

from .conftest import Fleet, SignIn
from .test_csv import body

URL = "/admin/devices/device/import/"


def file(*lines: str, encoding: str = "utf-8") -> SimpleUploadedFile:
    return SimpleUploadedFile("devices.csv", "\r\n".join(lines).encode(encoding))


def preview(client: Client, *lines: str, encoding: str = "utf-8", **more: str) -> Any:
    """Return the page that shows what a file would change."""
    answer = client.post(URL, {"file": file(*lines, encoding=encoding), **more})
    assert answer.status_code == 200
    return answer.context


def problems(page: Any) -> dict[int, str]:
    return {each.number: each.problem for each in page["wrong"].rows}


def changes(page: Any) -> list[tuple[int, str, str, str]]:
    return [
        (each.number, one.column, one.old, one.new)
        for each in page["changing"].rows
        for one in each.changes
    ]


def settle(client: Client, *lines: str, **more: str) -> str:
    """Look at a file and apply it; return the page that follows."""
    page = preview(client, *lines, **more)
    answer = client.post(
        URL, {"content": page["content"], "apply": "1", **more}, follow=True
    )
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def device(fleet: Fleet) -> Device:
    return fleet(1, asset_tag="A-1")[0].enrollment.device


def test_nothing_is_written_before_it_was_looked_at(
    admin: Client, device: Device
) -> None:
    page = preview(admin, "serial_number,asset_tag", "SERIAL0000,A-2")
    assert changes(page) == [(2, "asset_tag", "A-1", "A-2")]
    device.refresh_from_db()
    assert device.asset_tag == "A-1"
    assert not AuditEntry.objects.exists()


def test_everything_that_can_be_brought_in_is(admin: Client, device: Device) -> None:
    maria = User.objects.create_user("maria", email="Maria@Example.org")
    DeviceGroup.objects.create(name="Sales")
    DeviceGroup.objects.create(name="Berlin")
    said = settle(
        admin,
        "serial_number;owner;name;asset_tag;groups;tags",
        "SERIAL0000;maria@example.org;Front desk;A-7;Sales; loan",
        'unknown;maria;x;y;"Sales;Berlin";z',
    )
    assert "1 device changed, 1 new name ordered" in said
    assert "no device has the serial number unknown" in said.lower()
    device.refresh_from_db()
    assert (device.owner, device.asset_tag) == (maria, "A-7")
    assert [group.name for group in device.groups.all()] == ["Sales"]
    assert [tag.name for tag in device.tags.all()] == ["loan"]
    assert device.name == "Device 0"  # until the device tells the new one
    command = Command.objects.get()
    assert command.keys["Settings"] == [
        {"Item": "DeviceName", "DeviceName": "Front desk"}
    ]
    assert RegroupMark.objects.filter(device=device).exists()


def test_applied_twice_nothing_changes(admin: Client, device: Device) -> None:
    User.objects.create_user("maria")
    DeviceGroup.objects.create(name="Sales")
    lines = (
        "udid,owner,name,asset_tag,groups,tags",
        "UDID-000000,maria,Front desk,A-7,Sales,loan",
    )
    settle(admin, *lines)
    said = settle(admin, *lines)
    assert "0 devices changed; 1 line changed nothing." in said
    assert Command.objects.count() == 1
    assert AuditEntry.objects.filter(action="imported").count() == 1
    Delivery.objects.update(state=State.FAILED)
    assert changes(preview(admin, *lines)) == [(2, "name", "Device 0", "Front desk")]


def test_the_audit_says_what_was_what(admin: Client, device: Device) -> None:
    settle(admin, "id,asset_tag", f"{device.pk},A-2")
    entry = AuditEntry.objects.get(action="imported")
    assert (entry.device, entry.details) == (device, {"asset_tag": "A-1 → A-2"})


def test_an_empty_cell_leaves_and_a_dash_empties(admin: Client, device: Device) -> None:
    device.tags.add(Tag.objects.create(name="loan"))
    assert changes(preview(admin, "id,asset_tag,tags", f"{device.pk},,")) == []
    found = changes(preview(admin, "id,asset_tag,tags", f"{device.pk},-,-"))
    assert found == [(2, "asset_tag", "A-1", ""), (2, "tags", "loan", "")]


def test_groups_are_added_or_replaced_by_choice(admin: Client, device: Device) -> None:
    for name in ("Sales", "Berlin"):
        DeviceGroup.objects.create(name=name)
    DeviceGroup.objects.get(name="Sales").devices.add(device)
    lines = ("id,groups", f"{device.pk},Berlin")
    assert changes(preview(admin, *lines)) == [(2, "groups", "Sales", "Berlin; Sales")]
    assert changes(preview(admin, *lines, replace="1")) == [
        (2, "groups", "Sales", "Berlin")
    ]
    settle(admin, *lines, replace="1")
    assert [group.name for group in device.groups.all()] == ["Berlin"]


def test_smart_groups_stay_as_their_conditions_say(
    admin: Client, device: Device
) -> None:
    conditions = {"match": "all", "conditions": []}
    smart = DeviceGroup.objects.create(name="Old", conditions=conditions)
    other = DeviceGroup.objects.create(name="New", conditions=conditions)
    smart.devices.add(device)
    assert changes(preview(admin, "id,groups", f"{device.pk},Old", replace="1")) == []
    page = preview(admin, "id,groups", f"{device.pk},{other.name}")
    assert "New is a smart group" in problems(page)[2]
    DeviceGroup.objects.create(name="Sales").devices.add(device)
    settle(admin, "id,groups", f"{device.pk},-", replace="1")
    assert [group.name for group in device.groups.all()] == ["Old"]


@pytest.mark.parametrize(
    ("header", "line", "problem"),
    [
        ("serial_number,owner", "SERIAL0000,nobody", "nobody has the username"),
        ("serial_number,owner", ",maria", "says of no device what it is"),
        ("serial_number,groups", "SERIAL0000,None such", "there is no group None such"),
        ("serial_number,name", "SERIAL0000,-", "cannot be emptied"),
        ("serial_number,udid,asset_tag", "SERIAL0000,UDID-000001,x", "of different"),
        ("id,asset_tag", "99999999999999999999,x", "no device has the id"),
        ("serial_number,asset_tag", f"SERIAL0000,{'x' * 101}", "longer than 100"),
        ("serial_number,tags", f"SERIAL0000,{'x' * 51}", "longer than 50"),
    ],
)
def test_what_is_wrong_with_a_line_is_said(
    admin: Client, fleet: Fleet, header: str, line: str, problem: str
) -> None:
    fleet(2)
    assert problem in problems(preview(admin, header, line))[2]


def test_two_lines_about_one_device_are_one_too_many(
    admin: Client, device: Device
) -> None:
    lines = ("id,serial_number,asset_tag", f"{device.pk},,x", ",SERIAL0000,y")
    assert "same device as line 2" in problems(preview(admin, *lines))[3]


def test_a_serial_number_of_two_devices_is_not_enough(
    admin: Client, fleet: Fleet
) -> None:
    fleet(2, serial_number="TWICE")
    page = preview(admin, "serial_number,asset_tag", "TWICE,x")
    assert "2 devices have the serial number TWICE" in problems(page)[2]


def test_what_cannot_be_renamed_is_told_why(admin: Client, fleet: Fleet) -> None:
    fleet(1, is_supervised=False)
    fleet(1)[0].enrollment.end("checked out")
    page = preview(admin, "serial_number,name", "SERIAL0000,x", "SERIAL0001,x")
    assert problems(page) == {
        2: "it cannot be renamed: needs a supervised device",
        3: "it cannot be renamed: it is not enrolled",
    }


def test_only_who_may_order_renames_and_only_who_may_change_groups_does(
    sign_in: SignIn, device: Device
) -> None:
    DeviceGroup.objects.create(name="Sales")
    client = sign_in("devices.view_device", "devices.change_device")
    assert "may not order" in problems(preview(client, "id,name", f"{device.pk},x"))[2]
    page = preview(client, "id,groups", f"{device.pk},Sales")
    assert problems(page)[2] == "your account may not change groups"


def test_only_who_may_change_devices_imports(sign_in: SignIn) -> None:
    client = sign_in("devices.view_device")
    assert client.get(URL).status_code == 403
    page = client.get("/admin/devices/device/").content.decode()
    assert "Import CSV" not in page


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_whatever_a_spreadsheet_writes_is_read(delimiter: str, encoding: str) -> None:
    text = f"Serial number{delimiter}Asset tag\r\nC02{delimiter}Müller\r\n"
    table = csv_import.read(text.encode(encoding))
    assert table.lines == [Line(2, {"serial_number": "C02", "asset_tag": "Müller"})]


def test_lines_are_numbered_as_in_the_file() -> None:
    text = 'sep=;\nid;name\n1;"two\nlines"\n\n2;x\n'
    assert [line.number for line in csv_import.read(text.encode()).lines] == [3, 6]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "The file is empty"),
        (b"name\nx", "No column says which device"),
        (b"id,model\n1,x", "No column says what is to change"),
        (b"id,name,name\n1,x,y", "name is there twice"),
        (b"id,name\n1," + b"x" * 200_000, "Line 2 is not CSV"),
        (b"\xff\xfe\x00", "This is no text"),
        (b"id,name\n" + b"1,x\n" * 20_001, "more than 20,000 lines"),
        (b"x" * 5_000_001, "larger than 5 MB"),
    ],
)
def test_what_is_no_table_is_refused_in_words(content: bytes, problem: str) -> None:
    with pytest.raises(Unreadable, match=problem):
        csv_import.read(content)


@pytest.mark.parametrize("content", ["", "!", "AAAA"])
def test_a_form_without_its_file_asks_for_it_again(admin: Client, content: str) -> None:
    page = admin.post(URL, {"content": content, "apply": "1"})
    assert "choose it again" in page.content.decode()


def test_what_was_taken_out_comes_back_unchanged(admin: Client, fleet: Fleet) -> None:
    fleet(2, name="=Reception", asset_tag="+1")
    device = Device.objects.first()
    assert device
    device.owner = User.objects.create_user("maria")
    device.save()
    device.tags.add(Tag.objects.create(name="loan"))
    columns = "title,owner,asset_tag,groups,tags,last_seen"
    taken = body(admin, "/admin/devices/device/csv/", columns=columns)
    page = preview(admin, taken.decode("utf-8-sig").strip())
    assert (page["unchanged"], page["wrong"].count) == (2, 0)


def test_an_empty_file_to_begin_with_names_the_columns(admin: Client) -> None:
    text = admin.get(f"{URL}?template").content.decode("utf-8-sig")
    assert text.strip() == "serial_number,udid,name,owner,asset_tag,groups,tags"


def test_a_large_file_costs_by_the_batch(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "BATCH", 20)
    fleet(40)
    by = User.objects.create_superuser("root")
    User.objects.bulk_create([User(username=f"p{n}") for n in range(40)])
    DeviceGroup.objects.create(name="Sales")

    def lines(count: int, mark: str) -> list[Line]:
        return [
            Line(
                number,
                {
                    "serial_number": f"SERIAL{number:04}",
                    "owner": f"p{number}",
                    "name": f"{mark} {number}",
                    "asset_tag": f"{mark}{number}",
                    "groups": "Sales",
                    "tags": mark,
                },
            )
            for number in range(count)
        ]

    def cost(count: int, mark: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert apply(lines(count, mark), Choices(by)).changed == count
        return len(captured)

    assert cost(20, "one") <= PER_BATCH
    assert cost(40, "two") <= 2 * PER_BATCH


PER_BATCH = 40
"""Statements for a batch of lines in which everything changes."""


def test_the_list_leads_there(admin: Client) -> None:
    page = admin.get("/admin/devices/device/").content.decode()
    assert re.search(r'href="/admin/devices/device/import/"[^>]*>Import CSV', page)
    assert queue.BATCH >= planning.BATCH


def test_a_name_that_cannot_be_printed_is_refused(
    admin: Client, device: Device
) -> None:
    page = preview(admin, "serial_number,name", "SERIAL0000,a\x01b")
    assert "cannot be printed" in problems(page)[2]
