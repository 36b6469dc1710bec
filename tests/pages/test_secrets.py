"""Secrets at rest are decrypted where they are used, and on no list."""

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from apns import certificates
from commands import queue
from commands.models import Delivery, Result
from enrollment import authority

from .conftest import Fleet
from .test_access import LISTS
from .test_push_certificate import certificate, key, pem

TABS = ("overview", "commands", "security", "secrets")
CHOOSE = "/admin/commands/command/order/"
ORDERING = (f"{CHOOSE}?list=", f"{CHOOSE}ClearPasscode/?ids={{}}")


@pytest.fixture
def lost_keys(fleet: Fleet, settings: Settings) -> None:
    """Every kind of secret, encrypted under a key that is not there any more."""
    command = queue.enqueue([each.pk for each in fleet(2)], "DeviceLock", {"PIN": "1"})
    Result.objects.create(delivery=command.deliveries.all()[0], body=b"answer")
    certificates.take(certificates.read(pem(certificate()), pem(key())))
    authority.current()
    settings.FIELD_KEYS = ["0" * 64]


def test_what_is_encrypted_cannot_be_read_without_its_key(lost_keys: None) -> None:
    with pytest.raises(ValueError, match="a key that FIELD_KEYS lacks"):
        Delivery.objects.select_related("command").first()


@pytest.mark.parametrize("name", LISTS)
def test_no_list_decrypts_anything(admin: Client, lost_keys: None, name: str) -> None:
    answer = admin.get(reverse(f"admin:{name}_changelist"), follow=True)
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/admin/", *ORDERING])
def test_neither_the_overview_nor_choosing_a_command_decrypts(
    admin: Client, lost_keys: None, path: str
) -> None:
    device = Delivery.objects.all()[0].channel.enrollment.device_id
    assert admin.get(path.format(device)).status_code == 200


@pytest.mark.parametrize("tab", TABS)
def test_the_page_of_a_device_decrypts_nothing(
    admin: Client, lost_keys: None, tab: str
) -> None:
    device = Delivery.objects.all()[0].channel.enrollment.device
    answer = admin.get(device.get_absolute_url(), {"tab": tab})
    assert answer.status_code == 200


def test_cancelling_decrypts_nothing(admin: Client, lost_keys: None) -> None:
    rows = list(Delivery.objects.values_list("pk", flat=True))
    chosen = {"action": "cancel", "_selected_action": rows}
    url = reverse("admin:commands_delivery_changelist")
    assert b"2 cancelled." in admin.post(url, chosen, follow=True).content
