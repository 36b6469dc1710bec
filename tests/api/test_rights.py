"""What the pages refuse an account, its tokens are refused, address by address."""

import itertools
from typing import Any

import pytest
from django.urls import URLPattern

from api import urls
from commands import ordering
from commands.models import Order
from commands.targets import Targets
from devices.models import Device

from .conftest import Fleet, MakeProgram

SEES = ("commands.view_order",)
MAKES = ("commands.add_command", "devices.view_device")
LOCK = {"request_type": "DeviceLock", "to": {"devices": [1]}, "confirm": "Device 0"}
ERASE = {"request_type": "EraseDevice", "to": {"devices": [1]}, "confirm": "Device 0"}
ASK = {"request_type": "SecurityInfo", "to": {"devices": [1]}}

ROADS: list[tuple[str, str, Any, tuple[str, ...]]] = [
    ("GET", "devices/", None, ("devices.view_device",)),
    ("GET", "devices/1/", None, ("devices.view_device",)),
    ("GET", "groups/", None, ("devices.view_devicegroup",)),
    ("GET", "commands/", None, ("commands.add_command",)),
    ("GET", "commands/", None, SEES),
    ("GET", "commands/DeviceLock/", None, ("commands.view_command",)),
    (
        *("GET", "commands/?device=1", None),
        ("commands.view_command", "devices.view_device"),
    ),
    ("GET", "orders/", None, SEES),
    ("GET", "orders/", None, ("commands.view_command",)),
    ("GET", "orders/1/", None, SEES),
    ("GET", "orders/1/recipients/", None, SEES),
    ("GET", "deliveries/", None, ("commands.view_delivery",)),
    ("GET", "deliveries/1/", None, ("commands.view_delivery",)),
    ("POST", "orders/", ASK, MAKES),
    ("POST", "orders/", LOCK, (*MAKES, "commands.order_destructive")),
    (
        *("POST", "orders/", ERASE),
        (*MAKES, "commands.order_destructive", "commands.erase_device"),
    ),
    ("POST", "orders/1/repeat/", {"dry_run": True}, (*SEES, *MAKES)),
]


@pytest.fixture
def order(fleet: Fleet) -> Order:
    fleet()
    order = ordering.order(Targets(Device.objects.all()), "SecurityInfo", {}, by=None)
    ordering.cancel(order, None)
    return order


@pytest.mark.parametrize(("method", "path", "body", "rights"), ROADS)
def test_a_road_opens_with_all_its_rights_and_with_nothing_less(
    order: Order,
    program: MakeProgram,
    method: str,
    path: str,
    body: Any,
    rights: tuple[str, ...],
) -> None:
    for fewer in itertools.combinations(rights, len(rights) - 1):
        answer = program(*fewer).answer(method, path, body)
        assert answer.status_code == 403, (fewer, answer.content)
        assert answer.json()["code"] == "permission_denied"
    answer = program(*rights).answer(method, path, body)
    assert answer.status_code in (200, 201), answer.content


def test_every_address_is_looked_at() -> None:
    names = {one.name for one in urls.urlpatterns if isinstance(one, URLPattern)}
    asked = {path.rstrip("/").rpartition("/")[2] for _, path, _, _ in ROADS}
    lists = {"devices", "groups", "commands", "orders", "deliveries", "recipients"}
    open_to_all = {"root", "schema", "docs", None}
    one_row = {"device", "command", "order", "delivery"}
    decided_elsewhere = {"approve", "reject", "go_on", "cancel"}
    rest = names - open_to_all - one_row - decided_elsewhere
    assert rest == lists | {"repeat"}
    assert lists - {"commands"} <= asked


@pytest.mark.parametrize("act", ["approve", "reject", "go_on", "cancel", "repeat"])
def test_an_order_is_not_decided_on_without_the_right(
    order: Order, program: MakeProgram, act: str
) -> None:
    program(*SEES).post(f"orders/1/{act}/", {"why": "no"}, 403)


def test_a_custom_command_takes_a_right_of_its_own(
    fleet: Fleet, program: MakeProgram
) -> None:
    fleet()
    custom = {"plist": PLIST, "to": {"devices": [1]}, "confirm": "Device 0"}
    rights = (*MAKES, "commands.order_destructive")
    program(*rights).post("orders/", custom, 403)
    program(*rights, "commands.order_custom").post("orders/", custom)


PLIST = (
    "PHBsaXN0PjxkaWN0PjxrZXk+UmVxdWVzdFR5cGU8L2tleT48c3RyaW5nPk5ld0NvbW1hbmQ8L3N0cmlu"
    "Zz48L2RpY3Q+PC9wbGlzdD4="
)
"""A command that the catalogue has not."""


def test_who_orders_sees_their_own_orders_without_a_right_to_see_all(
    order: Order, program: MakeProgram
) -> None:
    one = program(*MAKES)
    made = one.post("orders/", ASK)
    assert one.get(f"orders/{made['id']}/")["state"] == "done"
    assert one.get(f"orders/{made['id']}/recipients/")["results"]
    one.get("orders/1/", 403)
    one.get("orders/1/recipients/", 403)
    one.get("orders/", 403)


def test_what_an_account_loses_its_tokens_lose_at_once(program: MakeProgram) -> None:
    one = program("devices.view_device")
    one.get("devices/")
    one.user.user_permissions.clear()
    assert "devices.view_device" in one.get("devices/", 403)["detail"]
