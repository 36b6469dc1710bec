"""A secret is shown to who may see it, says why, and proved lately who they are."""

import datetime as dt
import logging
import re

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from commands import orders, queue
from commands.models import Delivery
from devices import spelling
from devices.models import AuditEntry, Device, Secret
from mdmportal import accounts

from .conftest import Fleet, SignIn

RIGHTS = ("devices.view_device", "devices.view_secret", "devices.reveal_secret")
CODE = "ABCDE-FGH12"
WHY = "Ticket 4711: returned without signing out"


@pytest.fixture
def device(fleet: Fleet) -> Device:
    """A Mac, of which a bypass code is kept."""
    [channel] = fleet(platform="macOS", os_version="15.1")
    Secret.objects.all().delete()
    Secret.keep(channel.enrollment, Secret.Kind.BYPASS_CODE, CODE.encode())
    return channel.enrollment.device


@pytest.fixture
def secret(device: Device) -> Secret:
    return Secret.objects.get()


@pytest.fixture
def helper(sign_in: SignIn) -> Client:
    """Somebody who may reveal secrets and has just proved who they are."""
    return proved(sign_in(*RIGHTS))


def proved(client: Client) -> Client:
    client.post(reverse("account_reauthenticate"), {"password": "of this test"})
    return client


def page(secret: Secret) -> str:
    return reverse("admin:devices_secret_reveal", args=[secret.pk])


def tab(device: Device) -> str:
    return f"{device.get_absolute_url()}?tab=secrets"


def test_a_secret_is_shown_for_a_reason(helper: Client, secret: Secret) -> None:
    asked = helper.get(page(secret)).content.decode()
    assert "Why do you need it?" in asked
    assert CODE not in asked
    shown = helper.post(page(secret), {"reason": WHY})
    assert CODE in shown.content.decode()
    assert "no-store" in shown.headers["Cache-Control"]


def test_it_can_be_read_aloud_and_by_a_camera(helper: Client, secret: Secret) -> None:
    shown = helper.post(page(secret), {"reason": WHY}).content.decode()
    assert "Alfa" in shown
    assert "dash" in shown
    assert "<svg" in shown
    assert f'data-copy="{CODE}"' in shown


def test_loading_the_page_again_shows_nothing(helper: Client, secret: Secret) -> None:
    seen = helper.get(page(secret)).context["seen"]
    helper.post(page(secret), {"reason": WHY, "seen": seen})
    again = helper.post(page(secret), {"reason": WHY, "seen": seen}, follow=True)
    text = again.content.decode()
    assert "Say again why you need it" in text
    assert bytes(secret.value).decode() not in text
    assert AuditEntry.objects.filter(action="secret revealed").count() == 1


@pytest.mark.parametrize("reason", ["", "  ", "why?"])
def test_without_a_reason_nothing_is_shown(
    helper: Client, secret: Secret, reason: str
) -> None:
    answer = helper.post(page(secret), {"reason": reason}).content.decode()
    assert CODE not in answer
    assert not AuditEntry.objects.filter(action="secret revealed").exists()


def test_it_is_written_down_who_saw_which_and_why(
    helper: Client, secret: Secret, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    helper.post(page(secret), {"reason": WHY})
    entry = AuditEntry.objects.get(action="secret revealed")
    assert entry.device == secret.device
    assert entry.details == {
        "kind": "activation lock bypass code",
        "reason": WHY,
        "version": secret.pk,
    }
    secret.refresh_from_db()
    assert secret.revealed_at is not None
    assert CODE not in caplog.text
    history = helper.get(reverse("admin:devices_secret_change", args=[secret.pk]))
    assert WHY in history.content.decode()
    assert entry.device is not None
    assert entry.actor_name in history.content.decode()
    assert WHY in helper.get(tab(entry.device)).content.decode()


@pytest.mark.parametrize("missing", ["devices.reveal_secret", "devices.view_secret"])
def test_without_the_right_there_is_neither_value_nor_button(
    sign_in: SignIn, secret: Secret, missing: str
) -> None:
    client = proved(sign_in(*(right for right in RIGHTS if right != missing)))
    assert client.get(page(secret)).status_code == 403
    assert client.post(page(secret), {"reason": WHY}).status_code == 403
    assert secret.device is not None
    shown = client.get(tab(secret.device)).content.decode()
    assert "Activation lock bypass code" in shown
    assert page(secret) not in shown
    assert CODE not in shown
    secret.refresh_from_db()
    assert secret.revealed_at is None


def test_a_value_is_on_no_page_but_the_one_that_reveals_it(
    admin: Client, secret: Secret
) -> None:
    proved(admin).post(page(secret), {"reason": WHY})
    assert secret.device is not None
    pages = [
        tab(secret.device),
        secret.device.get_absolute_url(),
        f"{secret.device.get_absolute_url()}?tab=timeline",
        reverse("admin:devices_secret_changelist"),
        reverse("admin:devices_secret_change", args=[secret.pk]),
        reverse("admin:devices_auditentry_changelist"),
        page(secret),
    ]
    for path in pages:
        answer = admin.get(path)
        assert answer.status_code == 200
        assert CODE not in answer.content.decode()


def test_an_old_session_proves_first_who_is_there(
    sign_in: SignIn, secret: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in(*RIGHTS)
    asked = client.get(page(secret))
    assert asked.headers["Location"].startswith(reverse("account_reauthenticate"))
    back = client.post(asked.headers["Location"], {"password": "of this test"})
    assert back.headers["Location"] == page(secret)
    assert b"Why do you need it?" in client.get(page(secret)).content
    monkeypatch.setattr(accounts, "FRESH", 0)
    answer = client.post(page(secret), {"reason": WHY})
    assert answer.status_code == 302
    secret.refresh_from_db()
    assert secret.revealed_at is None
    assert CODE not in str([each.get_decoded() for each in Session.objects.all()])


def test_tokens_are_not_for_reading(helper: Client, device: Device) -> None:
    stay = device.enrollments.get()
    Secret.keep(stay, Secret.Kind.BOOTSTRAP_TOKEN, b"\x00\xff binary")
    token = Secret.objects.get(kind=Secret.Kind.BOOTSTRAP_TOKEN)
    shown = helper.post(page(token), {"reason": WHY}).content.decode()
    assert "AP8gYmluYXJ5" in shown
    assert "it need not be seen" in shown
    assert "<svg" not in shown


def test_of_a_device_that_was_deleted_all_can_still_be_seen(
    helper: Client, secret: Secret
) -> None:
    Device.objects.all().delete()
    shown = helper.post(page(secret), {"reason": WHY}).content.decode()
    assert CODE in shown
    assert "SERIAL0000, deleted" in shown


def test_what_was_ordered_is_shown_beside_what_is_in_force(
    admin: Client, device: Device
) -> None:
    stay = device.enrollments.get()
    Secret.keep(stay, Secret.Kind.RECOVERY_LOCK, b"first")
    orders.place(list(stay.channels.all()), "SetRecoveryLock")
    shown = admin.get(tab(device)).content.decode()
    assert "in force" in shown
    assert "ordered, not confirmed yet" in shown
    assert len(re.findall(r"/reveal/", shown)) == 3
    delivery = Delivery.objects.get()
    assert reverse("admin:commands_delivery_change", args=[delivery.pk]) in shown
    hidden = admin.get(reverse("admin:commands_delivery_change", args=[delivery.pk]))
    for secret in Secret.objects.filter(kind=Secret.Kind.RECOVERY_LOCK):
        assert bytes(secret.value).decode() not in hidden.content.decode()


def test_a_mac_is_asked_for_its_filevault_key_from_its_page(
    admin: Client, device: Device
) -> None:
    assert "Escrow the FileVault key" in admin.get(tab(device)).content.decode()
    answer = admin.post(
        reverse("admin:devices_device_escrow", args=[device.pk]), follow=True
    )
    assert b"which brings the key" in answer.content
    ordered = Delivery.objects.order_by("pk").select_related("command")
    assert [each.command.request_type for each in ordered] == [
        "InstallProfile",
        "SecurityInfo",
    ]


def test_who_may_not_order_has_no_button_for_it(
    sign_in: SignIn, device: Device
) -> None:
    client = sign_in("devices.view_device")
    assert "Escrow the FileVault key" not in client.get(tab(device)).content.decode()
    path = reverse("admin:devices_device_escrow", args=[device.pk])
    assert client.post(path).status_code == 403


def test_a_password_is_replaced_at_once_from_the_page(
    admin: Client, device: Device
) -> None:
    stay = device.enrollments.get()
    Secret.keep(stay, Secret.Kind.RECOVERY_LOCK, b"first")
    kept = Secret.objects.get(kind=Secret.Kind.RECOVERY_LOCK)
    path = reverse("admin:devices_device_rotate", args=[device.pk, kept.pk])
    assert path in admin.get(tab(device)).content.decode()
    admin.post(path)
    delivery = Delivery.objects.select_related("command").get()
    assert delivery.command.keys["CurrentPassword"] == "first"
    again = admin.post(path, follow=True).content.decode()
    assert "an order for that is under way" in again


def test_who_may_not_destroy_replaces_nothing(sign_in: SignIn, device: Device) -> None:
    client = sign_in("devices.view_device", "commands.add_command")
    kept = Secret.objects.get()
    path = reverse("admin:devices_device_rotate", args=[device.pk, kept.pk])
    assert client.post(path).status_code == 403


def test_it_says_why_something_was_not_replaced_and_when_it_will_be(
    admin: Client, device: Device
) -> None:
    stay = device.enrollments.get()
    Secret.keep(stay, Secret.Kind.RECOVERY_LOCK, b"first")
    soon = timezone.now() + dt.timedelta(hours=1)
    rows = Secret.objects.filter(kind=Secret.Kind.RECOVERY_LOCK)
    rows.update(rotate_at=soon)
    assert "will be replaced after" in admin.get(tab(device)).content.decode()
    rows.update(rotate_at=None, rotation="the device has left: it cannot be told.")
    assert "the device has left" in admin.get(tab(device)).content.decode()


def test_the_tab_costs_the_same_for_many_versions(
    admin: Client, device: Device, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    stay = device.enrollments.get()
    for number in range(20):
        Secret.keep(stay, Secret.Kind.RECOVERY_LOCK, b"%d" % number)
    with django_assert_max_num_queries(40):
        admin.get(tab(device))


def test_the_form_of_a_lock_need_not_be_given_a_pin(
    admin: Client, device: Device
) -> None:
    path = reverse("admin:commands_command_order_form", args=["DeviceLock"])
    url = f"{path}?ids={device.pk}"
    assert "a random one for each" in admin.get(url).content.decode()
    admin.post(url, {"confirm": str(device), "expires": ""})
    pin = Secret.objects.get(kind=Secret.Kind.LOCK_PIN)
    assert re.fullmatch(rb"\d{6}", bytes(pin.value))


def test_the_form_of_a_password_sets_or_removes_one(
    admin: Client, device: Device
) -> None:
    path = reverse("admin:commands_command_order_form", args=["SetRecoveryLock"])
    url = f"{path}?ids={device.pk}"
    form = {"confirm": str(device), "expires": ""}
    admin.post(url, {**form, "key.NewPassword": "of a person"})
    kept = Secret.objects.get(kind=Secret.Kind.RECOVERY_LOCK)
    assert bytes(kept.value) == b"of a person"
    queue.cancel(Delivery.objects.all())
    Secret.objects.all().delete()
    admin.post(url, {**form, "key.NewPassword.remove": "1"})
    command = Delivery.objects.order_by("-pk")[0].command
    assert command.keys == {"NewPassword": ""}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a1-", ["Alfa", "one", "dash"]),
        ("AB", ["Alfa", "Bravo"]),
        ("aB", ["Alfa", "capital Bravo"]),
        ("é!", ["é", "!"]),
    ],
)
def test_text_is_spelled_as_over_the_radio(text: str, words: list[str]) -> None:
    assert [word for _, word in spelling.spell(text)] == words
