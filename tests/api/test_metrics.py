"""Counts for whoever watches the portal."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from prometheus_client.parser import text_string_to_metric_families

from commands import queue

from .conftest import Fleet, MakeProgram, Program

TOKEN = "of whoever scrapes"


def scrape(value: str = f"Bearer {TOKEN}") -> dict[tuple[str, ...], float]:
    """Return the values by name and label."""
    answer = Client().get("/metrics", headers={"Authorization": value})
    assert answer.status_code == 200, answer.content
    return {
        (one.name, *one.labels.values()): one.value
        for family in text_string_to_metric_families(answer.content.decode())
        for one in family.samples
    }


@pytest.fixture
def token(settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN


def test_what_is_open_is_counted(token: None, fleet: Fleet) -> None:
    queue.enqueue([each.pk for each in fleet(3)], "SecurityInfo")
    found = scrape()
    assert found["mdm_deliveries_open", "queued"] == 3
    assert found["mdm_channels",] == 3
    assert found["mdm_channels_seen", "hour"] == 3
    assert found["mdm_pushes_due",] == 3
    assert found["mdm_answers_unread",] == 0


def test_it_costs_as_much_for_thirty_devices_as_for_three(
    token: None, fleet: Fleet
) -> None:
    fleet(3)
    with CaptureQueriesContext(connection) as few:
        scrape()
    fleet(27)
    with CaptureQueriesContext(connection) as many:
        scrape()
    assert len(many) == len(few) <= 12


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Bearer x", f"Token {TOKEN}"]
)
def test_nobody_else_sees_them(token: None, db: None, value: str) -> None:
    answer = Client().get("/metrics", headers={"Authorization": value})
    assert answer.status_code == 401


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer "])
def test_where_no_token_is_set_none_opens_them(db: None, value: str) -> None:
    answer = Client().get("/metrics", headers={"Authorization": value})
    assert answer.status_code == 401


def test_it_opens_nothing_else(token: None, db: None) -> None:
    header = {"Authorization": f"Bearer {TOKEN}"}
    assert Client().get("/api/v1/devices/", headers=header).status_code == 401


def test_a_program_with_the_right_sees_them(program: MakeProgram, api: Program) -> None:
    assert scrape(f"Bearer {api.text}")["mdm_channels",] == 0
    other = program("devices.view_device")
    answer = Client().get("/metrics", headers=other.headers)
    assert answer.status_code == 403
