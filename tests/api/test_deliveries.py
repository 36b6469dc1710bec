"""Deliveries: what each device was told and answered, asked for by a program."""

import plistlib
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commands import queue
from commands.models import Delivery, Result, State

from .conftest import Fleet, Program


def ids(api: Program, query: str = "") -> list[int]:
    return [row["id"] for row in api.get(f"deliveries/?{query}")["results"]]


def test_a_delivery_is_told_with_what_was_answered(api: Program, fleet: Fleet) -> None:
    queue.enqueue([fleet()[0].pk], "DeviceInformation", {"Queries": ["UDID"]})
    delivery = Delivery.objects.get()
    answer = {"QueryResponses": {"UDID": "UDID-000000"}, "UnlockToken": b"secret"}
    Result.objects.create(delivery=delivery, body=plistlib.dumps(answer))
    told = api.get(f"deliveries/{delivery.pk}/")
    assert told["command_uuid"] == delivery.uuid
    assert told["keys"] == {"Queries": ["UDID"]}
    assert told["device"]["serial_number"] == "SERIAL0000"
    assert told["answer"]["QueryResponses"]["UDID"] == "UDID-000000"
    assert told["answer"]["UnlockToken"] == "••••••"
    assert told["answered_at"].endswith("Z")


def test_an_answer_that_cannot_be_read_says_so(api: Program, fleet: Fleet) -> None:
    queue.enqueue([fleet()[0].pk], "SecurityInfo")
    Result.objects.create(delivery=Delivery.objects.get(), body=b"no plist")
    (pk,) = ids(api)
    assert "unreadable" in api.get(f"deliveries/{pk}/")["answer"]


def test_what_went_wrong_is_told_in_the_device_s_words(
    api: Program, fleet: Fleet
) -> None:
    queue.enqueue([fleet()[0].pk], "SecurityInfo")
    chain: list[dict[str, Any]] = [
        {
            "ErrorCode": 12021,
            "ErrorDomain": "MCMDMErrorDomain",
            "LocalizedDescription": "Unknown command",
            "USEnglishDescription": "Unknown command",
        }
    ]
    Delivery.objects.update(state=State.FAILED, error_chain=chain)
    (row,) = api.get("deliveries/?state=failed")["results"]
    assert row["error"] == "Unknown command"
    assert row["error_chain"] == chain


def test_deliveries_are_found_newest_first(api: Program, fleet: Fleet) -> None:
    first, second = fleet(2)
    to = {"devices": [first.enrollment.device_id]}
    made = api.post("orders/", {"request_type": "SecurityInfo", "to": to})
    queue.enqueue([first.pk, second.pk], "ProfileList")
    one, two, three = Delivery.objects.order_by("pk").values_list("pk", flat=True)
    assert ids(api) == [three, two, one]
    assert ids(api, f"order={made['id']}") == [one]
    assert ids(api, f"device={second.enrollment.device_id}") == [three]
    assert ids(api, "request_type=ProfileList") == [three, two]
    assert ids(api, "state=acknowledged") == []
    assert ids(api, f"after={three}&limit=1") == [two]


@pytest.mark.parametrize("query", ["", "state=queued", "device=1", "order=1"])
def test_a_list_costs_as_much_for_thirty_as_for_three(
    api: Program, fleet: Fleet, query: str
) -> None:
    ask = {"request_type": "SecurityInfo", "to": {"all": True}}

    def statements() -> int:
        api.post("orders/", ask)
        with CaptureQueriesContext(connection) as captured:
            api.get(f"deliveries/?{query}")
        return len(captured)

    fleet(3)
    few = statements()
    fleet(27)
    assert statements() == few
    assert few <= 3


def test_orders_and_recipients_cost_as_much_for_thirty_as_for_three(
    api: Program, fleet: Fleet
) -> None:
    ask = {"request_type": "SecurityInfo", "to": {"all": True}}

    def statements() -> list[int]:
        made = api.post("orders/", ask)["id"]
        counts = []
        for path in ("orders/", f"orders/{made}/", f"orders/{made}/recipients/"):
            with CaptureQueriesContext(connection) as captured:
                api.get(path)
            counts.append(len(captured))
        return counts

    fleet(3)
    few = statements()
    fleet(27)
    assert statements() == few
    assert few <= [2, 4, 3]
