"""Orders by a program: said, looked at, confirmed, watched, taken back."""

import base64
import datetime as dt
import plistlib
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from api.models import KeyedOrder
from commands.models import ApprovalRule, Command, Delivery, Order, State
from devices.models import Channel, Device, DeviceGroup

from .conftest import Fleet, MakeProgram, Program

ASK = {"request_type": "SecurityInfo", "to": {"all": True}}
ERASE = {"request_type": "EraseDevice", "to": {"all": True}}


def fields(answer: Any) -> dict[str, str]:
    return {each["field"]: each["detail"] for each in answer["fields"]}


# --- To whom


def test_an_order_to_all_is_queued_for_all(api: Program, fleet: Fleet) -> None:
    fleet(3)
    made = api.post("orders/", {**ASK, "note": "why", "priority": 5})
    assert made["state"] == "done"
    assert made["deliveries"] == {"queued": 3}
    assert made["ordered_by"] == api.user.username
    assert (made["note"], made["priority"]) == ("why", 5)
    assert api.get(f"orders/{made['id']}/") == made


def test_devices_are_named_by_id_serial_number_or_udid(
    api: Program, fleet: Fleet
) -> None:
    ids = [each.enrollment.device_id for each in fleet(4)]
    to = {"devices": [ids[0], "SERIAL0001", "UDID-000002"]}
    made = api.post("orders/", {**ASK, "to": to})
    page = api.get(f"orders/{made['id']}/recipients/")
    assert [row["device"]["id"] for row in page["results"]] == ids[:3]


def test_a_serial_number_of_digits_never_means_another_device_s_id(
    api: Program, fleet: Fleet
) -> None:
    fleet()
    first = Device.objects.get()
    (other,) = fleet(serial_number=str(first.pk))
    made = api.post("orders/", {**ASK, "to": {"devices": [str(first.pk)]}})
    assert Delivery.objects.get().channel == other
    assert made["total"] == 1


@pytest.mark.parametrize(
    ("to", "field", "words"),
    [
        ({}, "to", "exactly one"),
        ({"all": True, "group": 1}, "to", "exactly one"),
        ({"all": False}, "to", "exactly one"),
        ({"devices": []}, "to.devices", "empty"),
        ({"devices": ["NOBODY"]}, "to.devices[0]", "NOBODY"),
        ({"devices": ["SERIAL0000", 4711]}, "to.devices[1]", "4711"),
        ({"devices": [True]}, "to.devices[0]", "serial number"),
        ({"devices": [2**70]}, "to.devices[0]", ""),
        ({"group": 4711}, "to.group", "/api/v1/groups/"),
        ({"channels": [4711]}, "to.channels[0]", "4711"),
        ({"everybody": True}, "to.everybody", "devices"),
    ],
)
def test_to_nobody_in_particular_nothing_is_ordered(
    api: Program, fleet: Fleet, to: Any, field: str, words: str
) -> None:
    fleet()
    answer = api.post("orders/", {**ASK, "to": to}, 400)
    assert words in fields(answer)[field]
    assert not Order.objects.exists()


def test_a_serial_number_that_two_have_names_neither(
    api: Program, fleet: Fleet
) -> None:
    fleet(2, serial_number="TWICE")
    answer = api.post("orders/", {**ASK, "to": {"devices": ["TWICE"]}}, 400)
    assert "2 devices" in fields(answer)["to.devices[0]"]


def test_a_group_is_whoever_is_in_it_now(api: Program, fleet: Fleet) -> None:
    fleet(3)
    group = DeviceGroup.objects.create(name="Sales")
    group.devices.set(Device.objects.order_by("pk")[:2])
    made = api.post("orders/", {**ASK, "to": {"group": group.pk}})
    assert (made["audience"], made["total"]) == ("Group Sales", 2)


def test_a_user_of_a_mac_is_named_by_the_channel(api: Program, fleet: Fleet) -> None:
    (mac,) = fleet(platform="macOS", os_version="15.0")
    user = Channel.objects.create(enrollment=mac.enrollment, user_id="U1")
    order = {"request_type": "ProfileList", "to": {"channels": [user.pk]}}
    made = api.post("orders/", order)
    assert Delivery.objects.get().channel == user
    (row,) = api.get(f"orders/{made['id']}/recipients/")["results"]
    assert row["user_id"] == "U1"


# --- What


@pytest.mark.parametrize(
    ("request_type", "keys", "field", "words"),
    [
        ("Nonsense", {}, "request_type", "/api/v1/commands/"),
        ("DeviceLock", {"Mesage": "x"}, "keys.Mesage", "not a key"),
        ("DeviceLock", {"Message": 7}, "keys.Message", "string"),
        ("InstallProfile", {}, "keys.Payload", "required"),
        ("InstallProfile", {"Payload": "$$$"}, "keys.Payload", "base64"),
        (
            *("Settings", {"Settings": [{"Item": "Nope"}]}),
            *("keys.Settings[0].Item", "one of"),
        ),
    ],
)
def test_what_is_wrong_with_a_key_is_named(
    api: Program,
    fleet: Fleet,
    request_type: str,
    keys: Any,
    field: str,
    words: str,
) -> None:
    fleet()
    order = {"request_type": request_type, "keys": keys, "to": {"all": True}}
    answer = api.post("orders/", order, 400)
    assert answer["code"] == "invalid"
    assert words in fields(answer)[field]
    assert not Order.objects.exists()


def test_data_is_written_as_base64(api: Program, fleet: Fleet) -> None:
    fleet()
    payload = base64.b64encode(plistlib.dumps({"PayloadType": "Configuration"}))
    api.post(
        "orders/",
        {
            "request_type": "InstallProfile",
            "keys": {"Payload": payload.decode()},
            "to": {"all": True},
        },
    )
    assert Command.objects.get().keys["Payload"] == base64.b64decode(payload)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"expires": "2030-01-01"}, "expires"),
        ({"priority": 1000}, "priority"),
        ({"first": 0}, "first"),
        ({"spread": -1}, "spread"),
        ({"note": "x" * 256}, "note"),
        ({"note": "\0"}, "note"),
        ({"expires_at": "soon"}, "expires_at"),
        (
            {"window": {"days": [7], "from": "22:00", "until": "05:00"}},
            "window.days[0]",
        ),
        ({"window": {"days": [1], "from": "22:00"}}, "window.until"),
        ({"window": {"days": [1], "from": "5:00", "until": "05:00"}}, "window.until"),
        ({"plist": "x"}, "request_type"),
        ({"request_type": None}, "request_type"),
    ],
)
def test_what_is_wrong_or_not_known_is_never_passed_over(
    api: Program, fleet: Fleet, more: Any, field: str
) -> None:
    fleet()
    assert field in fields(api.post("orders/", {**ASK, **more}, 400))
    assert not Order.objects.exists()


def test_terms_are_taken_over(api: Program, fleet: Fleet) -> None:
    fleet(3)
    window = {"days": [5, 6], "from": "22:00", "until": "05:00"}
    tomorrow = timezone.now().replace(microsecond=0) + dt.timedelta(days=1)
    terms = {
        "starts_at": tomorrow.isoformat(),
        "expires_at": (tomorrow + dt.timedelta(days=7)).isoformat(),
        "window": window,
        "spread": 600,
        "first": 2,
        "most_failed": 1,
    }
    made = api.post("orders/", {**ASK, **terms})
    assert made["state"] == "running"
    assert made["window"] == window
    assert (made["spread"], made["first"], made["most_failed"]) == (600, 2, 1)
    assert made["starts_at"] == tomorrow.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert not Delivery.objects.exists()


def test_an_order_that_ends_before_it_begins_is_refused(
    api: Program, fleet: Fleet
) -> None:
    fleet()
    answer = api.post("orders/", {**ASK, "expires_at": "2020-01-01T00:00:00Z"}, 400)
    assert "expire" in answer["detail"]


def test_whom_nothing_can_be_told_is_named_with_the_reason(
    api: Program, fleet: Fleet
) -> None:
    fleet(2, platform="macOS", os_version="15.0")
    lost = {"request_type": "EnableLostMode", "keys": {"Message": "x"}}
    answer = api.post("orders/", {**lost, "to": {"all": True}, "confirm": "2"}, 409)
    assert answer["code"] == "nobody"
    (refused,) = answer["refused"]
    assert (refused["count"], refused["names"]) == (2, ["Device 0", "Device 1"])
    assert not Order.objects.exists()


# --- Looking first


def test_a_dry_run_says_who_gets_it_and_who_not_and_keeps_nothing(
    api: Program, fleet: Fleet
) -> None:
    fleet(2)
    fleet(platform="macOS", os_version="15.0")
    seen = api.post("orders/", {**ASK, **LOST, "dry_run": True}, 200)
    assert (seen["total"], seen["able"]) == (3, 2)
    (refused,) = seen["refused"]
    assert refused["names"] == ["Device 2"]
    assert refused["reason"]
    assert seen["consequence"]
    assert seen["confirm"] == "3"
    assert not Order.objects.exists()


LOST = {"request_type": "EnableLostMode", "keys": {"Message": "Found me?"}}


# --- What destroys


@pytest.mark.parametrize("confirm", [None, "", "yes", "2", "Device 0"])
def test_what_destroys_is_not_ordered_without_the_right_number(
    api: Program, fleet: Fleet, confirm: str | None
) -> None:
    fleet(3)
    order = {**ERASE, "confirm": confirm} if confirm is not None else ERASE
    if confirm == "":
        api.post("orders/", order, 400)
    else:
        answer = api.post("orders/", order, 409)
        assert answer["code"] == "confirm"
        assert answer["confirm"] == "3"
        assert "erased" in answer["detail"]
    assert not Order.objects.exists()
    assert not Delivery.objects.exists()


def test_with_the_number_it_is_ordered(api: Program, fleet: Fleet) -> None:
    fleet(3)
    assert api.post("orders/", {**ERASE, "confirm": 3})["queued"] == 3


def test_of_one_device_the_name_is_said(api: Program, fleet: Fleet) -> None:
    fleet(2)
    order = {**ERASE, "to": {"devices": ["SERIAL0001"]}}
    assert api.post("orders/", order, 409)["confirm"] == "Device 1"
    api.post("orders/", {**order, "confirm": "Device 0"}, 409)
    api.post("orders/", {**order, "confirm": "Device 1"})
    assert Delivery.objects.get().channel.enrollment.device.name == "Device 1"


def test_a_device_that_came_meanwhile_makes_the_number_wrong(
    api: Program, fleet: Fleet
) -> None:
    fleet(2)
    seen = api.post("orders/", {**ERASE, "dry_run": True}, 200)
    fleet()
    answer = api.post("orders/", {**ERASE, "confirm": seen["confirm"]}, 409)
    assert answer["confirm"] == "3"


def test_a_second_person_approves_or_rejects(
    fleet: Fleet, program: MakeProgram
) -> None:
    fleet(2)
    ApprovalRule.objects.create(request_type="EraseDevice")
    one, other = program(superuser=True), program(superuser=True)
    assert one.post("orders/", {**ERASE, "dry_run": True}, 200)["needs_approval"]
    orders = [one.post("orders/", {**ERASE, "confirm": "2"}) for _ in range(2)]
    assert {order["state"] for order in orders} == {"awaiting"}
    assert not Delivery.objects.exists()
    first, second = (order["id"] for order in orders)
    one.post(f"orders/{first}/approve/", status=403)
    assert other.post(f"orders/{first}/approve/", status=200)["state"] == "done"
    other.post(f"orders/{second}/reject/", {}, 400)
    rejected = other.post(f"orders/{second}/reject/", {"why": "too many"}, 200)
    assert (rejected["state"], rejected["why"]) == ("rejected", "too many")
    again = other.post(f"orders/{second}/approve/", status=409)
    assert again["code"] == "too_late"


# --- After


def test_cancelling_says_what_was_too_late(api: Program, fleet: Fleet) -> None:
    fleet(3)
    made = api.post("orders/", ASK)
    sent = Delivery.objects.order_by("pk")[:1].get()
    Delivery.objects.filter(pk=sent.pk).update(state=State.SENT)
    done = api.post(f"orders/{made['id']}/cancel/", status=200)
    assert done == {"waiting": 0, "unsent": 2, "too_late": 1}
    assert api.get(f"orders/{made['id']}/")["state"] == "cancelled"


def test_what_failed_is_ordered_again_once_it_is_confirmed(
    api: Program, fleet: Fleet
) -> None:
    fleet(3)
    made = api.post("orders/", {**ERASE, "confirm": "3"})
    ids = list(Delivery.objects.order_by("pk").values_list("pk", flat=True))
    Delivery.objects.filter(pk__in=ids[:2]).update(state=State.FAILED)
    road = f"orders/{made['id']}/repeat/"
    seen = api.post(road, {"dry_run": True}, 200)
    assert (seen["total"], seen["confirm"]) == (2, "2")
    assert api.post(road, {}, 409)["confirm"] == "2"
    again = api.post(road, {"confirm": "2"})
    assert (again["repeats"], again["queued"]) == (made["id"], 2)
    assert Order.objects.count() == 2


def test_an_order_is_found_by_its_state_and_what_it_says(
    api: Program, fleet: Fleet
) -> None:
    fleet()
    first, second = (
        api.post("orders/", {**ASK, "request_type": name})["id"]
        for name in ("SecurityInfo", "ProfileList")
    )

    def found(query: str) -> list[int]:
        return [row["id"] for row in api.get(f"orders/?{query}")["results"]]

    assert found("") == [second, first]
    assert found("request_type=SecurityInfo") == [first]
    assert found("state=done") == [second, first]
    assert found("state=paused") == []
    assert found(f"ordered_by={api.user.username}") == [second, first]


def test_a_secret_key_is_not_told(api: Program, fleet: Fleet) -> None:
    fleet(platform="macOS", os_version="15.0")
    lock = {"request_type": "DeviceLock", "keys": {"PIN": "193847"}}
    order = {**lock, "to": {"all": True}, "confirm": "Device 0"}
    answer = api.answer("POST", "orders/", order)
    assert answer.status_code == 201
    row = api.get("deliveries/")["results"][0]
    told = api.answer("GET", f"deliveries/{row['id']}/")
    assert b"193847" not in answer.content + told.content


# --- A command of one's own


def custom(command: Any) -> str:
    return base64.b64encode(plistlib.dumps(command)).decode()


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_custom_command_is_sent_as_it_is(
    api: Program, fleet: Fleet, wrapped: bool
) -> None:
    fleet()
    command = {"RequestType": "Later", "Key": b"x"}
    body = {"Command": command, "CommandUUID": "0"} if wrapped else command
    order = {"plist": custom(body), "to": {"all": True}}
    assert api.post("orders/", order, 409)["code"] == "confirm"
    made = api.post("orders/", {**order, "confirm": "Device 0"})
    assert (made["is_custom"], made["request_type"]) == (True, "Later")
    assert Command.objects.get().keys == {"Key": b"x"}


@pytest.mark.parametrize("plist", ["$", "aGVsbG8=", custom({"Key": 1})])
def test_what_is_no_command_is_refused(api: Program, fleet: Fleet, plist: str) -> None:
    fleet()
    answer = api.post("orders/", {"plist": plist, "to": {"all": True}}, 400)
    assert "plist" in fields(answer)


# --- Once


def test_under_the_same_key_the_same_order_is_made_once(
    api: Program, fleet: Fleet
) -> None:
    fleet(2)
    key = "night-17"
    first = api.post("orders/", ASK, key=key)
    again = api.answer("POST", "orders/", ASK, **{"Idempotency-Key": key})
    assert (again.status_code, again["Idempotent-Replayed"]) == (201, "true")
    assert again.json()["id"] == first["id"]
    assert again["Location"] == f"/api/v1/orders/{first['id']}/"
    assert Delivery.objects.count() == 2
    other = api.post("orders/", {**ASK, "note": "another"}, 409, key=key)
    assert other["code"] == "key_used"


def test_a_key_is_one_token_s_own(fleet: Fleet, program: MakeProgram) -> None:
    fleet()
    for one in (program(superuser=True), program(superuser=True)):
        one.post("orders/", ASK, key="1")
    assert Order.objects.count() == 2


def test_an_order_that_was_refused_leaves_its_key_free(
    api: Program, fleet: Fleet
) -> None:
    fleet(2)
    api.post("orders/", ERASE, 409, key="1")
    assert not KeyedOrder.objects.exists()
    api.post("orders/", {**ERASE, "confirm": "2"}, key="1")


def test_keys_are_forgotten(api: Program, fleet: Fleet) -> None:
    fleet()
    api.post("orders/", ASK, key="1")
    assert KeyedOrder.forget() == 0
    KeyedOrder.objects.update(created_at=timezone.now() - dt.timedelta(days=3))
    assert KeyedOrder.forget() == 1
    api.post("orders/", {**ASK, "note": "another"}, key="1")


# --- What it costs


def statements(api: Program, body: Any, status: int = 201) -> int:
    with CaptureQueriesContext(connection) as captured:
        api.post("orders/", body, status)
    return len(captured)


@pytest.mark.parametrize("dry_run", [False, True])
def test_an_order_to_thirty_costs_as_much_as_one_to_three(
    api: Program, fleet: Fleet, dry_run: bool
) -> None:
    body = {**ASK, "dry_run": dry_run}
    status = 200 if dry_run else 201
    fleet(3)
    statements(api, body, status)
    few = statements(api, body, status)
    fleet(27)
    assert statements(api, body, status) <= few
    assert few <= (25 if dry_run else 50)


CONFIGURATION = (
    '{"Settings": [{"Item": "ApplicationConfiguration", "Identifier": "a.b", '
    '"Configuration": {"a": %s}}]}'
)


@pytest.mark.parametrize(
    ("request_type", "keys"),
    [
        ("DeviceLock", r'{"Message": "a\u0000b"}'),
        ("DeviceLock", r'{"Message": "\ud800"}'),
        ("EnableLostMode", r'{"Message": "x", "Footnote": "\uffff"}'),
        ("RemoveProfile", r'{"Identifier": "\u0000"}'),
        ("SetAutoAdminPassword", r'{"passwordHash": "\ud800"}'),
        ("AccountConfiguration", '{"AutoSetupAdminAccounts": {"a": 1}}'),
        ("Settings", CONFIGURATION % "null"),
        ("Settings", CONFIGURATION % ("1" + "0" * 40)),
        ("Settings", CONFIGURATION % ("[" * 100 + "]" * 100)),
        ("Settings", CONFIGURATION % ("[" * 50_000 + "]" * 50_000)),
    ],
)
@pytest.mark.parametrize("dry_run", ["true", "false"])
def test_what_no_property_list_holds_is_refused(
    api: Program, fleet: Fleet, request_type: str, keys: str, dry_run: str
) -> None:
    fleet()
    fleet(platform="macOS")
    body = (
        f'{{"request_type": "{request_type}", "keys": {keys}, "to": {{"all": true}}, '
        f'"confirm": "2", "dry_run": {dry_run}}}'
    )
    path = "/api/v1/orders/"
    answer = api.client.generic(
        "POST", path, body, content_type="application/json", headers=api.headers
    )
    assert answer.status_code == 400
    assert not Order.objects.exists()


def test_a_custom_command_holds_what_a_property_list_can(
    api: Program, fleet: Fleet
) -> None:
    fleet()
    command = {"RequestType": "Later", "Key": "a\0b"}
    binary = plistlib.dumps(command, fmt=plistlib.FMT_BINARY)
    order = {"plist": base64.b64encode(binary).decode(), "to": {"all": True}}
    api.post("orders/", {**order, "confirm": "Device 0"}, 400)


def test_a_custom_command_may_be_made_wrong(api: Program, fleet: Fleet) -> None:
    fleet(platform="macOS")
    command = {"RequestType": "AccountConfiguration", "AutoSetupAdminAccounts": [5]}
    order = {"plist": custom(command), "to": {"all": True}, "confirm": "Device 0"}
    answer = api.answer("POST", "orders/", order)
    assert answer.status_code < 500
