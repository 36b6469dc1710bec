"""Who gets into the dashboard, and how."""

import pytest
from django.core.cache import cache
from django.test import Client, override_settings
from django.urls import reverse

from commands import queue
from devices.models import User

from .conftest import Fleet, SignIn

LISTS = (
    "devices_device",
    "devices_devicegroup",
    "devices_enrollment",
    "devices_identity",
    "devices_secret",
    "devices_auditentry",
    "devices_user",
    "devices_channel",
    "auth_group",
    "commands_command",
    "commands_delivery",
    "commands_order",
    "commands_recipient",
    "commands_recurringorder",
    "commands_approvalrule",
    "apns_pushcertificate",
    "enrollment_enrollmentprofile",
    "enrollment_invitation",
    "enrollment_certificateauthority",
    "mfa_authenticator",
)
BANNER = "Simulated devices and Apple: nothing here is real."


def test_the_first_page_leads_to_the_dashboard_and_that_to_signing_in(
    client: Client, db: None
) -> None:
    last = client.get("/", follow=True)
    assert last.redirect_chain[-1][0].startswith("/accounts/login/?next=")
    assert last.status_code == 200


def test_who_is_not_staff_is_told_so_and_not_sent_in_circles(sign_in: SignIn) -> None:
    last = sign_in(staff=False).get("/", follow=True)
    assert last.status_code == 403
    assert b"The dashboard is for IT staff" in last.content


@pytest.mark.parametrize("name", LISTS)
def test_every_list_opens_empty_and_explains_itself(admin: Client, name: str) -> None:
    answer = admin.get(reverse(f"admin:{name}_changelist"), follow=True)
    assert answer.status_code == 200


@pytest.mark.parametrize("name", LISTS)
def test_no_list_opens_for_staff_without_the_right(sign_in: SignIn, name: str) -> None:
    answer = sign_in().get(reverse(f"admin:{name}_changelist"))
    assert answer.status_code == 403


@pytest.mark.parametrize("name", LISTS)
def test_a_row_that_is_not_there_leads_back(admin: Client, name: str) -> None:
    page = admin.get(reverse(f"admin:{name}_change", args=[17]), follow=True)
    assert page.redirect_chain
    assert "doesn’t exist" in page.content.decode()


def test_no_row_opens_for_staff_without_the_right(
    sign_in: SignIn, fleet: Fleet
) -> None:
    [channel] = fleet()
    command = queue.enqueue([channel.pk], "SecurityInfo")
    rows = (channel.enrollment.device, command, command.deliveries.get())
    for row in rows:
        url = reverse(
            f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk]
        )
        assert sign_in().get(url).status_code == 403


def test_the_navigation_holds_only_what_is_open_to_one(
    sign_in: SignIn, fleet: Fleet
) -> None:
    page = sign_in("devices.view_device").get(reverse("admin:index")).content.decode()
    assert reverse("admin:devices_device_changelist") in page
    assert f'href="{reverse("admin:devices_secret_changelist")}"' not in page


@override_settings(SIMULATED=True)
@pytest.mark.parametrize(
    "path", ["/accounts/login/", "/accounts/password/reset/", "/nothing/here/"]
)
def test_pages_before_the_dashboard_say_that_all_is_simulated(
    client: Client, db: None, path: str
) -> None:
    assert BANNER in client.get(path).content.decode()


@override_settings(SIMULATED=True)
@pytest.mark.parametrize(
    "name", ["index", "devices_device_changelist", "commands_command_order"]
)
def test_the_dashboard_says_that_all_is_simulated(admin: Client, name: str) -> None:
    assert BANNER in admin.get(reverse(f"admin:{name}")).content.decode()


def test_a_real_portal_says_nothing_of_the_kind(admin: Client) -> None:
    assert BANNER not in admin.get(reverse("admin:index")).content.decode()


@pytest.mark.parametrize(
    "path", ["/accounts/password/change/", "/accounts/2fa/", "/accounts/logout/"]
)
def test_the_pages_of_ones_account_open(admin: Client, path: str) -> None:
    assert admin.get(path).status_code == 200


def test_who_is_no_superuser_makes_none(sign_in: SignIn) -> None:
    keeper = sign_in("devices.add_user", "devices.change_user")
    form = dict.fromkeys(("password1", "password2"), "a long enough word 7")
    rank = {"usable_password": "true", "is_staff": "on", "is_superuser": "on"}
    address = reverse("admin:devices_user_add")
    answer = keeper.post(address, {"username": "crony", **form, **rank})
    assert answer.status_code == 302
    assert not User.objects.get(username="crony").is_superuser


@pytest.mark.parametrize("page", ["edit", "password_change", "delete"])
def test_who_is_no_superuser_touches_none(sign_in: SignIn, page: str) -> None:
    keeper = sign_in("devices.view_user", "devices.change_user", "devices.delete_user")
    boss = User.objects.create_superuser("boss", password="a long enough word 7")
    args = [boss.pk]
    if page == "password_change":
        address = reverse("admin:auth_user_password_change", args=args)
    else:
        address = reverse(f"admin:devices_user_{page}", args=args)
    form = dict.fromkeys(("password1", "password2"), "another long word 8")
    answer = keeper.post(
        address, {"username": "boss", "email": "x@corp.example", "post": "yes", **form}
    )
    assert answer.status_code == 403
    boss.refresh_from_db()
    assert (boss.email, boss.check_password("a long enough word 7")) == ("", True)


def test_what_was_counted_is_not_pushed_out_by_many_other_counts(db: None) -> None:
    cache.set("wrong:one", 5, 600)
    for number in range(1000):
        cache.set(f"wrong:another:{number}", 1, 600)
    assert cache.get("wrong:one") == 5


def test_nobody_takes_an_address_by_themselves(db: None) -> None:
    user = User.objects.create_user("bob", "bob@corp.example", "a long enough word 7")
    client = Client()
    client.post(
        "/accounts/login/", {"login": "bob", "password": "a long enough word 7"}
    )
    said = client.post(
        "/accounts/email/", {"action_add": "", "email": "boss@corp.example"}
    )
    assert "IT keeps your address" in said.content.decode()
    client.post(
        "/accounts/email/", {"action_primary": "", "email": "boss@corp.example"}
    )
    user.refresh_from_db()
    assert user.email == "bob@corp.example"
