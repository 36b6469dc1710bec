"""The page of a managed user of a Mac, and the page of a person."""

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from commands import queue
from commands.models import Delivery
from devices.models import (
    Application,
    Channel,
    Device,
    InstalledApplication,
    Inventory,
    User,
)

from .conftest import Fleet, SignIn

LIST = "admin:devices_user_changelist"


@pytest.fixture
def ada(fleet: Fleet) -> Channel:
    """Return the channel of Ada on a Mac, who is Ada in the portal, too."""
    stay = fleet(platform="macOS")[0].enrollment
    person = User.objects.create_user("ada@corp.example", email="ada@corp.example")
    created: Channel = stay.channels.create(
        user_id="GUID-ADA",
        user_short_name="ada",
        user_long_name="Ada Lovelace",
        push_token="cd" * 32,
        push_magic="magic",
        person=person,
    )
    return created


def page_of(channel: Channel) -> str:
    return reverse("admin:devices_channel_change", args=[channel.pk])


def test_a_managed_user_has_a_page(admin: Client, ada: Channel) -> None:
    page = admin.get(page_of(ada)).content.decode()
    for words in ("Ada Lovelace", "ada", "GUID-ADA", "ada@corp.example", "Device 0"):
        assert words in page
    assert ada.enrollment.device.get_absolute_url() in page
    assert f"order/?channel={ada.pk}" in page


def test_only_what_is_the_users_own_is_on_it(admin: Client, ada: Channel) -> None:
    device = ada.enrollment.device
    for user_id, name in (("", "Of all"), (ada.user_id, "Of Ada")):
        application = Application.objects.create(digest=name, name=name)
        InstalledApplication.objects.create(
            device=device, user_id=user_id, application=application
        )
        Inventory.objects.create(
            device=device,
            user_id=user_id,
            request_type="ProfileList",
            answer=[{"PayloadDisplayName": name}],
            received_at=timezone.now(),
        )
    for tab in ("apps", "profiles"):
        page = admin.get(page_of(ada), {"tab": tab}).content.decode()
        assert ("Of Ada" in page, "Of all" in page) == (True, False)
        page = admin.get(device.get_absolute_url(), {"tab": tab}).content.decode()
        assert ("Of Ada" in page, "Of all" in page) == (False, True)


def test_its_queue_is_not_that_of_the_device(admin: Client, ada: Channel) -> None:
    own = ada.enrollment.channels.get(user_id="")
    queue.enqueue([ada.pk], "InstallProfile")
    queue.enqueue([own.pk], "RestartDevice")
    answer = admin.get(page_of(ada), {"tab": "commands"})
    rows = answer.context["rows"]
    assert [row.command.request_type for row, _ in rows] == ["InstallProfile"]
    assert answer.context["waiting"] == 1


@pytest.mark.parametrize(
    "tab", ["overview", "apps", "profiles", "certificates", "timeline", "commands"]
)
def test_each_of_its_tabs_opens_at_a_bounded_cost(
    admin: Client, ada: Channel, tab: str
) -> None:
    url = f"{page_of(ada)}?tab={tab}"
    admin.get(url)
    with CaptureQueriesContext(connection) as few:
        assert admin.get(url).status_code == 200
    for _ in range(20):
        queue.enqueue([ada.pk], "ProfileList")
    with CaptureQueriesContext(connection) as many:
        admin.get(url)
    assert len(many) <= len(few)
    assert len(few) <= 20


def test_the_user_is_asked_by_its_own_channel(admin: Client, ada: Channel) -> None:
    ask = reverse("admin:devices_channel_ask", args=[ada.pk])
    admin.post(ask, {"request_type": "ProfileList", "tab": "profiles"})
    assert Delivery.objects.get().channel == ada


def test_the_user_is_pushed_to(admin: Client, ada: Channel) -> None:
    admin.post(reverse("admin:devices_channel_push", args=[ada.pk]))
    ada.refresh_from_db()
    assert ada.push_at is not None


def test_a_user_of_a_stay_that_is_over_is_told_nothing(
    admin: Client, ada: Channel
) -> None:
    ada.enrollment.end("checked out")
    page = admin.get(page_of(ada)).content.decode()
    assert "not managed any more" in page
    assert "Send a command…" not in page
    ask = reverse("admin:devices_channel_ask", args=[ada.pk])
    assert "nothing can be sent" in admin.post(ask, follow=True).content.decode()
    assert not Delivery.objects.exists()


def test_a_user_who_was_declined_is_not_called_managed(
    admin: Client, ada: Channel
) -> None:
    Channel.objects.filter(pk=ada.pk).update(auth_token_digest=Channel.DECLINED)
    assert "declined until the next login" in admin.get(page_of(ada)).content.decode()
    tab = {"tab": "users"}
    users = admin.get(ada.enrollment.device.get_absolute_url(), tab)
    assert "declined until the next login" in users.content.decode()


def test_the_devices_own_channel_has_no_such_page(admin: Client, ada: Channel) -> None:
    own = ada.enrollment.channels.get(user_id="")
    assert admin.get(page_of(own)).status_code == 302


def test_who_sees_devices_sees_their_users_and_orders_nothing(
    sign_in: SignIn, ada: Channel
) -> None:
    client = sign_in("devices.view_device")
    assert client.get(page_of(ada)).status_code == 200
    for name in ("ask", "push"):
        url = reverse(f"admin:devices_channel_{name}", args=[ada.pk])
        assert client.post(url).status_code == 403
    assert sign_in().get(page_of(ada)).status_code == 403


def test_managed_users_are_listed_and_found(admin: Client, ada: Channel) -> None:
    url = reverse("admin:devices_channel_changelist")
    for words in ("lovelace", "Device 0", "ada@corp"):
        [found] = admin.get(url, {"q": words}).context["cl"].result_list
        assert found == ada
    assert not admin.get(url, {"q": "nobody"}).context["cl"].result_list


# --- A person


def test_a_persons_page_lists_what_they_have_to_do_with(
    admin: Client, ada: Channel, fleet: Fleet
) -> None:
    stay = fleet(name="Her iPhone")[0].enrollment
    Device.objects.filter(pk=stay.device_id).update(owner=ada.person)
    type(stay).objects.filter(pk=stay.pk).update(owner=ada.person, way="Sign-in")
    page = admin.get(reverse("admin:devices_user_change", args=[ada.person_id]))
    text = page.content.decode()
    for words in ("Her iPhone", "Device 0", "Ada Lovelace", "Sign-in", "never"):
        assert words in text
    assert page.context["owned_count"] == 1
    assert reverse("admin:devices_user_edit", args=[ada.person_id]) in text


def test_a_person_is_edited_one_click_away(admin: Client, ada: Channel) -> None:
    url = reverse("admin:devices_user_edit", args=[ada.person_id])
    assert admin.get(url).status_code == 200
    form = {"username": "ada@corp.example", "first_name": "Ada", "is_active": "on"}
    answer = admin.post(url, form)
    assert answer.headers["Location"] == reverse(
        "admin:devices_user_change", args=[ada.person_id]
    )
    ada.person.refresh_from_db()  # type: ignore[union-attr]
    assert str(ada.person) == "Ada"


def test_a_person_who_was_added_is_filled_in_next(admin: Client) -> None:
    form = dict.fromkeys(("password1", "password2"), "a long enough word 7")
    answer = admin.post(
        reverse("admin:devices_user_add"),
        {"username": "bob", "usable_password": "true", **form},
    )
    bob = User.objects.get(username="bob")
    assert answer.headers["Location"] == reverse(
        "admin:devices_user_edit", args=[bob.pk]
    )


def test_who_sees_people_and_no_devices_sees_no_devices(
    sign_in: SignIn, ada: Channel
) -> None:
    Device.objects.update(owner=ada.person)
    client = sign_in("devices.view_user")
    page = client.get(reverse("admin:devices_user_change", args=[ada.person_id]))
    assert page.status_code == 200
    assert "Device 0" not in page.content.decode()
    edit = reverse("admin:devices_user_edit", args=[ada.person_id])
    assert client.post(edit, {"username": "other"}).status_code == 403


@pytest.mark.parametrize("words", ["ada", "LOVE", "corp.example", "managed@"])
def test_people_are_found_by_name_and_by_account(admin: Client, words: str) -> None:
    User.objects.create_user(
        "ada",
        "ada@corp.example",
        last_name="Lovelace",
        managed_apple_account="managed@corp.example",
    )
    found = admin.get(reverse(LIST), {"q": words}).context["cl"].result_list
    assert [user.username for user in found] == ["ada"]


def test_the_list_of_people_counts_their_devices_at_once(
    admin: Client, fleet: Fleet
) -> None:
    fleet(6)
    for number in range(3):
        user = User.objects.create_user(f"owner{number}")
        user.groups.add(Group.objects.get_or_create(name="Help desk")[0])
    owner = User.objects.get(username="owner1")
    Device.objects.all().update(owner=owner)
    admin.get(reverse(LIST))
    with CaptureQueriesContext(connection) as few:
        rows = admin.get(reverse(LIST)).context["cl"].result_list
    counts = {user.username: user.owned for user in rows}
    assert (counts["owner1"], counts["owner2"]) == (6, 0)
    for number in range(20):
        User.objects.create_user(f"other{number}")
    with CaptureQueriesContext(connection) as many:
        admin.get(reverse(LIST))
    assert len(many) <= len(few)
