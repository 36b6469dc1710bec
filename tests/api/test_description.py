"""What the API says of itself, and the page on which it is tried."""

import re
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from .conftest import Program

ROADS = {
    "commands/": {"get"},
    "commands/{request_type}/": {"get"},
    "deliveries/": {"get"},
    "deliveries/{id}/": {"get"},
    "devices/": {"get"},
    "devices/{id}/": {"get"},
    "groups/": {"get"},
    "orders/": {"get", "post"},
    "orders/{id}/": {"get"},
    "orders/{id}/approve/": {"post"},
    "orders/{id}/cancel/": {"post"},
    "orders/{id}/go_on/": {"post"},
    "orders/{id}/recipients/": {"get"},
    "orders/{id}/reject/": {"post"},
    "orders/{id}/repeat/": {"post"},
}


def test_the_description_is_valid_and_lacks_nothing(tmp_path: Any) -> None:
    file = tmp_path / "schema.yaml"
    call_command("spectacular", "--validate", "--fail-on-warn", file=str(file))
    assert "openapi" in file.read_text()


def test_the_description_is_open_and_names_every_road(client: Client) -> None:
    answer = client.get("/api/v1/schema/")
    assert answer.status_code == 200
    paths = answer.json()["paths"]
    found = {path.removeprefix("/api/v1/"): set(each) for path, each in paths.items()}
    assert found == ROADS


def test_every_road_says_how_it_refuses(client: Client) -> None:
    document = client.get("/api/v1/schema/").json()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert {"400", "401", "403", "429"} <= operation["responses"].keys(), path
            assert operation["description"], path
            assert operation["security"] == [{"token": []}]


def test_the_page_to_try_it_on_needs_nothing_from_elsewhere(client: Client) -> None:
    answer = client.get("/api/v1/docs/")
    assert answer.status_code == 200
    text = answer.content.decode()
    asked = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert asked
    assert all(each.startswith("/static/") for each in asked), asked
    assert "default-src 'self'" in answer["Content-Security-Policy"]
    assert '"/api/v1/schema/"' in text


def test_the_root_says_what_there_is(client: Client) -> None:
    found = client.get("/api/v1/").json()
    assert found["devices"].endswith("/api/v1/devices/")
    assert found.keys() >= {"orders", "deliveries", "groups", "commands", "docs"}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_what_is_not_done_there_is_said_in_json(api: Program, method: str) -> None:
    answer = api.answer(method, "devices/")
    assert answer.status_code == 405
    assert answer.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[]", b'"x"', b"null"])
def test_what_is_no_object_is_refused(api: Program, body: bytes) -> None:
    answer = api.client.generic(
        *("POST", "/api/v1/orders/", body),
        content_type="application/json",
        headers=api.headers,
    )
    assert answer.status_code == 400
    assert answer.json()["code"]


def test_another_type_of_body_is_refused(api: Program) -> None:
    answer = api.client.post("/api/v1/orders/", {"to": "x"}, headers=api.headers)
    assert answer.status_code == 415
