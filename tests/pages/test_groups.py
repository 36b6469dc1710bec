"""Groups and tags: their forms, who may use them, and what their pages cost."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from devices import tasks
from devices.admin.translation import translate
from devices.models import (
    AuditEntry,
    Device,
    DeviceGroup,
    InventorySchedule,
    RegroupMark,
    Tag,
    User,
)
from enrollment.models import EnrollmentProfile, GroupRule, IdentityProvider

from .conftest import Fleet, SignIn

ADD = "admin:devices_devicegroup_add"
LIST = "admin:devices_device_changelist"
Row = tuple[str, str, str]
SUPERVISED = ("supervised", "is", "yes")


def form(*rows: Row, **others: str) -> dict[str, Any]:
    """Return what a browser sends of the form with these conditions."""
    return {
        "name": "Supervised",
        "kind": "smart",
        "match": "all",
        "condition_field": [row[0] for row in rows],
        "condition_operator": [row[1] for row in rows],
        "condition_value": [row[2] for row in rows],
        **others,
    }


def smart(*rows: Row, name: str = "Supervised") -> DeviceGroup:
    keys = ("field", "operator", "value")
    source = {
        "match": "all",
        "conditions": [dict(zip(keys, row, strict=True)) for row in rows],
    }
    return DeviceGroup.objects.create(name=name, conditions=source)


def page_of(group: DeviceGroup) -> str:
    return reverse("admin:devices_devicegroup_change", args=[group.pk])


# --- The form


def test_a_smart_group_is_made_row_by_row_without_javascript(
    admin: Client, fleet: Fleet, django_capture_on_commit_callbacks: Any
) -> None:
    fleet(3)
    url = reverse(ADD)
    begun = form(add_condition="1", new_field="supervised")
    shown = admin.post(url, begun)
    [row] = shown.context["editor"].rows
    assert (row.field.name, row.problem) == ("supervised", "")
    assert not DeviceGroup.objects.exists()
    again = admin.post(url, form(SUPERVISED, add_condition="1", new_field="owner"))
    assert [row.field.name for row in again.context["editor"].rows] == [
        "supervised",
        "owner",
    ]
    rows = SUPERVISED, ("owner", "nobody", "")
    less = admin.post(url, form(*rows, remove_condition="1"))
    assert [row.field.name for row in less.context["editor"].rows] == ["supervised"]
    counted = admin.post(url, form(SUPERVISED, count_devices="1"))
    assert "3 of 3 devices; namely: Device 0, Device 1, Device 2." in counted.text
    with django_capture_on_commit_callbacks(execute=True):
        assert admin.post(url, form(SUPERVISED)).status_code == 302
    group = DeviceGroup.objects.get()
    assert group.is_smart
    tasks.sweep_group(group.pk)
    assert "3 devices" in admin.get(page_of(group)).text
    assert AuditEntry.objects.get().details == {"conditions": "Supervised: yes"}


def test_a_group_filled_by_hand_has_no_conditions(admin: Client) -> None:
    sent = form(("os_version", "is", "nonsense"), name="Hall", kind="hand")
    assert admin.post(reverse(ADD), sent).status_code == 302
    assert not DeviceGroup.objects.get().is_smart


def test_what_is_wrong_stands_at_its_row_and_nothing_is_saved(admin: Client) -> None:
    shown = admin.post(reverse(ADD), form(SUPERVISED, ("os_version", "is", "new")))
    good, bad = shown.context["editor"].rows
    assert good.problem == ""
    assert bad.problem == "Give a version such as 17.6.1, not “new”."
    assert bad.problem in shown.text
    assert 'value="new"' in shown.text, "what was typed is kept"
    assert not DeviceGroup.objects.exists()


def test_a_smart_group_needs_a_condition(admin: Client) -> None:
    assert "Add at least one condition." in admin.post(reverse(ADD), form()).text


def test_other_conditions_have_the_devices_looked_for_anew(
    admin: Client, fleet: Fleet, monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:  # fmt: skip
    fleet()
    swept: list[int] = []
    monkeypatch.setattr(tasks.sweep_group, "delay", swept.append)
    group = smart(SUPERVISED)
    with django_capture_on_commit_callbacks(execute=True):
        admin.post(page_of(group), form(SUPERVISED, name="Renamed"))
        assert swept == []
        admin.post(page_of(group), form(("supervised", "is", "no"), name="Renamed"))
    assert swept == [group.pk]


def test_a_value_that_is_gone_can_still_be_seen(admin: Client) -> None:
    loan = Tag.objects.create(name="loan")
    group = smart(("tag", "has", str(loan.pk)))
    loan.delete()
    assert "(gone)" in admin.get(page_of(group)).text


# --- The live count


def count(client: Client, *rows: Row) -> Any:
    return client.get(reverse("admin:devices_devicegroup_count"), form(*rows))


def test_the_count_is_live_and_says_who_comes_first(
    admin: Client, fleet: Fleet
) -> None:
    fleet(5)
    fleet(2, is_supervised=False)
    said = count(admin, SUPERVISED).json()["text"]
    assert said == "5 of 7 devices; the first: Device 0, Device 1, Device 2."
    assert count(admin, ("name", "is", "none")).json()["text"] == "0 of 7 devices."
    problem = count(admin, SUPERVISED, ("battery", "below", "200")).json()["text"]
    assert problem.startswith("Condition 2: Give a number from 0 to 100")


@pytest.mark.parametrize("permission", ["devicegroup", "device"])
def test_who_may_not_see_devices_is_not_told_which_meet(
    sign_in: SignIn, fleet: Fleet, permission: str
) -> None:
    fleet()
    client = sign_in(f"devices.view_{permission}")
    assert count(client, SUPERVISED).status_code == 403
    row = reverse("admin:devices_devicegroup_condition")
    assert client.get(row, {"field": "owner"}).status_code == 403


def test_who_may_only_look_sees_the_conditions_in_words(
    sign_in: SignIn, fleet: Fleet
) -> None:
    fleet()
    client = sign_in("devices.view_devicegroup")
    group = smart(("os_version", "at_least", "17"))
    shown = client.get(page_of(group)).text
    assert "OS version is at least 17" in shown
    assert "condition_field" not in shown
    assert client.post(page_of(group), form(SUPERVISED)).status_code == 403
    assert client.get(reverse(ADD)).status_code == 403


def test_a_row_comes_from_the_server(admin: Client) -> None:
    url = reverse("admin:devices_devicegroup_condition")
    assert "is below" in admin.get(url, {"field": "os_version"}).text
    assert admin.get(url, {"field": "nothing"}).status_code == 404


# --- From the list of devices


def test_the_lists_filters_become_conditions(admin: Client, fleet: Fleet) -> None:
    fleet(2)
    filters = {"supervised": "yes", "state": "active", "q": "Device", "seen": "hour"}
    shown = admin.get(reverse(LIST), filters)
    [(url, words)] = [
        each for each in shown.context["list_buttons"] if "group" in each[1]
    ]
    assert words == "Save as smart group"
    page = admin.get(url)
    rows = [(r.field.name, r.operator, r.value) for r in page.context["editor"].rows]
    assert set(rows) == {
        SUPERVISED,
        ("enrollment", "is", "active"),
        ("search", "contains", "Device"),
    }
    assert page.context["untranslated"] == ["seen = hour"]
    assert "seen = hour" in page.text


@pytest.mark.parametrize(
    ("query", "row"),
    [
        ("platform=iOS", ("platform", "is", "iOS")),
        ("platform=unknown", ("platform", "unknown", "")),
        ("encrypted=unknown", ("encrypted", "unknown", "")),
        ("seen=missing", ("seen", "not_within", "30")),
        ("owner__isempty=1", ("owner", "nobody", "")),
        ("os_version=17.6", ("os_version", "is", "17.6")),
        ("app=com.x", ("application", "installed", "com.x")),
        ("certificate=30", ("certificate", "expires", "30")),
        ("mode=device", ("mode", "is", "device")),
    ],
)  # fmt: skip
def test_a_filter_is_translated(db: None, query: str, row: Row) -> None:
    editor, left = translate(query)
    assert left == []
    assert [(r.field.name, r.operator, r.value) for r in editor.rows] == [row]


@pytest.mark.parametrize(
    "query", ["os_version=17.6&os_version=18.0", "new_filter=1", "platform=BeOS"]
)
def test_what_conditions_cannot_say_is_named(db: None, query: str) -> None:
    editor, left = translate(query)
    assert editor.rows == []
    assert len(left) == 1


def test_a_smart_group_in_the_filter_brings_its_own_conditions(db: None) -> None:
    group = smart(SUPERVISED)
    hall = DeviceGroup.objects.create(name="Hall")
    [row] = translate(f"group={group.pk}")[0].rows
    assert row.field.name == "supervised"
    [row] = translate(f"group={hall.pk}")[0].rows
    assert (row.field.name, row.operator, row.value) == ("group", "in", str(hall.pk))


def names(client: Client, **query: Any) -> list[str]:
    rows = client.get(reverse(LIST), query).context["cl"].result_list
    return [device.name for device in rows]


def test_group_and_tag_are_filters(admin: Client, fleet: Fleet) -> None:
    fleet(3)
    hall, loan = (
        DeviceGroup.objects.create(name="Hall"),
        Tag.objects.create(name="loan"),
    )
    hall.devices.add(Device.objects.get(name="Device 1"))
    loan.devices.add(Device.objects.get(name="Device 2"))
    assert names(admin, group=hall.pk) == ["Device 1"]
    assert names(admin, tag=loan.pk) == ["Device 2"]


def act(client: Client, action: str, *devices: Device, **query: str) -> str:
    url = f"{reverse(LIST)}?{'&'.join(f'{k}={v}' for k, v in query.items())}"
    sent: dict[str, Any] = {
        "action": action,
        "_selected_action": [str(device.pk) for device in devices],
    }
    if query:
        sent["select_across"] = "1"
    answer = client.post(url, sent)
    assert answer.status_code == 302
    return str(answer.headers["Location"])


def test_devices_are_put_into_a_group_and_taken_out(
    admin: Client, fleet: Fleet
) -> None:
    fleet(3)
    first, second, _ = Device.objects.order_by("pk")
    hall = DeviceGroup.objects.create(name="Hall")
    smart(SUPERVISED)
    url = act(admin, "group_add", first, second)
    shown = admin.get(url)
    assert "2 devices chosen" in shown.text
    assert "Supervised" not in str(shown.context["form"]["row"]), "only those by hand"
    admin.post(url, {"row": hall.pk})
    assert set(hall.devices.all()) == {first, second}
    admin.post(act(admin, "group_remove", first), {"row": hall.pk})
    assert set(hall.devices.all()) == {second}
    last = AuditEntry.objects.first()
    assert last is not None
    assert (last.action, last.device, last.details) == (
        "group removed",
        first,
        {"group": "Hall"},
    )


def test_all_that_the_filters_leave_get_a_new_tag(admin: Client, fleet: Fleet) -> None:
    fleet(2)
    fleet(3, platform="macOS")
    url = act(admin, "tag_add", Device.objects.all()[0], platform="macOS")
    assert "3 devices chosen" in admin.get(url).text
    assert "Choose a tag, or give a new one" in admin.post(url, {}).text
    admin.post(url, {"new": "loan"})
    tagged = Tag.objects.get(name="loan").devices
    assert set(tagged.values_list("platform", flat=True)) == {"macOS"}
    assert tagged.count() == 3
    url = act(admin, "tag_remove", Device.objects.all()[0], platform="macOS")
    admin.post(url, {"row": Tag.objects.get().pk})
    assert not tagged.exists()


def test_putting_needs_the_right_to_change(sign_in: SignIn, fleet: Fleet) -> None:
    fleet()
    hall = DeviceGroup.objects.create(name="Hall")
    looks = sign_in("devices.view_device")
    url = reverse("admin:devices_device_put", args=["group_add"])
    ids = Device.objects.get().pk
    assert looks.post(f"{url}?ids={ids}", {"row": hall.pk}).status_code == 403
    changes = sign_in("devices.view_device", "devices.change_device")
    tag = reverse("admin:devices_device_put", args=["tag_add"])
    changes.post(f"{tag}?ids={ids}", {"new": "loan"})
    assert not Tag.objects.exists(), "a new tag needs a right of its own"


def test_a_devices_details_are_what_people_say_of_it(
    admin: Client, fleet: Fleet
) -> None:
    device = fleet()[0].enrollment.device
    loan, hall = (
        Tag.objects.create(name="loan"),
        DeviceGroup.objects.create(name="Hall"),
    )
    owner = User.objects.create_user("maria")
    url = reverse("admin:devices_device_owner", args=[device.pk])
    sent = {
        "owner": owner.pk,
        "asset_tag": "A-17",
        "tags": [loan.pk],
        "by_hand": [hall.pk],
    }
    assert admin.post(url, sent).status_code == 302
    device.refresh_from_db()
    assert (device.owner, device.asset_tag) == (owner, "A-17")
    assert list(device.tags.all()) == [loan]
    assert list(device.groups.all()) == [hall]
    assert RegroupMark.objects.filter(device=device).exists()
    admin.post(url, {"owner": owner.pk, "asset_tag": ""})
    assert not device.tags.exists()
    assert not device.groups.exists()
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert actions == {"owner assigned", "details changed"}


def test_a_command_goes_to_a_group(admin: Client, fleet: Fleet) -> None:
    fleet(3)
    hall = DeviceGroup.objects.create(name="Hall")
    hall.devices.set(Device.objects.all()[:2])
    order = f"{reverse('admin:commands_command_order')}?group={hall.pk}"
    assert order in admin.get(page_of(hall)).text
    assert admin.get(order).context["targets"].count == 2


# --- Who else uses groups


def test_devices_cannot_be_put_into_a_smart_group_by_ways_or_rules(
    admin: Client, fleet: Fleet
) -> None:
    group, hall = smart(SUPERVISED), DeviceGroup.objects.create(name="Hall")
    offered = admin.get(
        reverse("admin:autocomplete"),
        {
            "app_label": "enrollment",
            "model_name": "enrollmentprofile",
            "field_name": "device_group",
        },
    ).json()
    assert [each["text"] for each in offered["results"]] == ["Hall"]
    way = reverse("admin:enrollment_enrollmentprofile_add")
    shown = admin.post(way, {"device_group": group.pk})
    assert "device_group" in shown.context["adminform"].form.errors
    shown = admin.post(way, {"device_group": hall.pk})
    assert "device_group" not in shown.context["adminform"].form.errors


def test_deleting_a_group_says_who_uses_it_and_lists_no_devices(
    admin: Client, fleet: Fleet
) -> None:
    fleet(2)
    hall = DeviceGroup.objects.create(name="Hall")
    hall.devices.set(Device.objects.all())
    smart(("group", "in", str(hall.pk)), name="Of the hall")
    InventorySchedule.objects.create(group=hall)
    EnrollmentProfile.objects.create(name="Front door", device_group=hall)
    url = reverse("admin:devices_devicegroup_delete", args=[hall.pk])
    said = admin.get(url).text
    for words in ("Of the hall", "inventory schedule", "Front door"):
        assert words in said
    assert "Device 0" not in said
    assert admin.post(url, {"post": "yes"}).status_code == 302
    assert list(DeviceGroup.objects.values_list("name", flat=True)) == ["Of the hall"]
    assert AuditEntry.objects.filter(action="group deleted").exists()


def test_tags_are_listed_with_their_devices_and_deleted_with_a_warning(
    admin: Client, fleet: Fleet
) -> None:
    fleet(2)
    loan = Tag.objects.create(name="loan")
    loan.devices.set(Device.objects.all())
    smart(("tag", "has", str(loan.pk)), name="Lent")
    listed = admin.get(reverse("admin:devices_tag_changelist")).text
    assert f'?tag={loan.pk}">2</a>' in listed
    url = reverse("admin:devices_tag_delete", args=[loan.pk])
    assert "Lent" in admin.get(url).text
    admin.post(url, {"post": "yes"})
    assert not Tag.objects.exists()


def test_a_rule_of_sign_on_is_a_use_of_its_group(admin: Client) -> None:
    hall = DeviceGroup.objects.create(name="Hall")
    provider = IdentityProvider.objects.create(name="P", code="p", protocol="oidc")
    GroupRule.objects.create(provider=provider, value="teachers", device_group=hall)
    assert "group rule “teachers”" in admin.get(page_of(hall)).text


# --- What it costs


def statements(client: Client, url: str) -> int:
    client.get(url)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


@pytest.mark.parametrize("what", ["list", "page", "count", "filter", "tags"])
def test_pages_of_groups_cost_the_same_for_three_hundred_devices_as_for_sixty(
    admin: Client, fleet: Fleet, what: str
) -> None:
    group = smart(SUPERVISED, ("platform", "is", "iOS"))
    urls = {
        "list": reverse("admin:devices_devicegroup_changelist"),
        "page": page_of(group),
        "count": reverse("admin:devices_devicegroup_count")
        + "?condition_field=supervised&condition_operator=is&condition_value=yes",
        "filter": f"{reverse(LIST)}?group={group.pk}",
        "tags": reverse("admin:devices_tag_changelist"),
    }

    def grow(number: int) -> int:
        first = Device.objects.count()
        Device.objects.bulk_create(
            Device(udid=f"U{n}", name=f"N{n}", platform="iOS", is_supervised=True)
            for n in range(first, number)
        )
        for n in range(2):
            smart(SUPERVISED, name=f"group {number} {n}")
        tasks.sweep()
        return statements(admin, urls[what])

    few = grow(60)
    assert grow(300) <= few
    assert few <= {"count": 8}.get(what, 20)
