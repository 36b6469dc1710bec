"""What a page costs the database does not grow with the fleet."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from commands import queue

from .conftest import Fleet

FEW, MANY = 3, 30

PAGES: dict[str, Callable[[], str]] = {
    "overview": lambda: reverse("admin:index"),
    "devices": lambda: reverse("admin:devices_device_changelist"),
    "managed users": lambda: reverse("admin:devices_channel_changelist"),
    "people": lambda: reverse("admin:devices_user_changelist"),
    "enrollments": lambda: reverse("admin:devices_enrollment_changelist"),
    "secrets": lambda: reverse("admin:devices_secret_changelist"),
    "queue": lambda: reverse("admin:commands_delivery_changelist") + "?state=open",
    "commands": lambda: reverse("admin:commands_command_changelist"),
    "orders": lambda: reverse("admin:commands_order_changelist"),
    "ways in": lambda: reverse("admin:enrollment_enrollmentprofile_changelist"),
    "choosing": lambda: reverse("admin:commands_command_order") + "?list=",
    "filling in": lambda: (
        reverse("admin:commands_command_order_form", args=["RestartDevice"]) + "?list="
    ),
}


def statements(client: Client, url: str) -> int:
    client.get(url)  # what is remembered from the first time on
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_costs_as_much_for_thirty_devices_as_for_three(
    admin: Client, fleet: Fleet, name: str
) -> None:
    url = PAGES[name]()
    queue.enqueue([each.pk for each in fleet(FEW)], "SecurityInfo")
    few = statements(admin, url)
    queue.enqueue([each.pk for each in fleet(MANY - FEW)], "SecurityInfo")
    assert statements(admin, url) <= few
    assert few <= (30 if name == "overview" else 20)
