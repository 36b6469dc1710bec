"""The dashboard in a browser, with a device that enrolled over the network."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from ..journeys.conftest import Enroll
from ..pages import agents
from ..portal import Portal
from ..servers import wait_for
from .conftest import PHONE, WIDE, Visitor

PAGES = (
    "/admin/",
    "/admin/devices/device/",
    "/admin/devices/enrollment/",
    "/admin/devices/identity/",
    "/admin/devices/secret/",
    "/admin/devices/auditentry/",
    "/admin/devices/user/",
    "/admin/devices/channel/",
    "/admin/auth/group/",
    "/admin/commands/command/",
    "/admin/commands/delivery/",
    "/admin/commands/delivery/?state=",
    "/admin/commands/order/",
    "/admin/commands/recipient/",
    "/admin/commands/recurringorder/",
    "/admin/commands/recurringorder/add/",
    "/admin/commands/recurringorder/add/?command=RestartDevice",
    "/admin/commands/approvalrule/",
    "/admin/commands/approvalrule/add/",
    "/admin/commands/case/",
    "/admin/commands/command/order/",
    "/admin/commands/command/order/?list=",
    "/admin/commands/command/order/EraseDevice/?list=",
    "/admin/commands/command/order/Settings/?list=",
    "/admin/enrollment/enrollmentprofile/",
    "/admin/enrollment/enrollmentprofile/add/",
    "/admin/enrollment/identityprovider/",
    "/admin/enrollment/identityprovider/add/",
    "/admin/enrollment/maildomain/",
    "/admin/enrollment/maildomain/add/",
    "/admin/enrollment/invitation/",
    "/admin/enrollment/invitation/add/",
    "/admin/devices/tag/",
    "/admin/devices/inventoryschedule/",
    "/admin/devices/inventoryschedule/add/",
    "/admin/devices/application/",
    "/admin/devices/installedprofile/",
    "/admin/devices/installedcertificate/",
    "/admin/devices/device/import/",
    "/admin/compliance/policy/",
    "/admin/compliance/policy/add/",
    "/admin/compliance/standing/",
    "/admin/compliance/action/",
    "/admin/enrollment/businesskey/",
    "/admin/devices/devicegroup/",
    "/admin/devices/devicegroup/add/",
    "/admin/apns/pushcertificate/",
    "/admin/apns/pushcertificate/add/",
    "/accounts/password/change/",
    "/accounts/email/",
    "/accounts/2fa/",
    "/accounts/logout/",
)
GUIDED = (
    "happened",
    *(f"guided/{kind}" for kind in ("lost", "stolen", "leaving", "handover")),
)
TABS = (
    "overview",
    "timeline",
    "compliance",
    "apps",
    "profiles",
    "certificates",
    "provisioning",
    "restrictions",
    "security",
    "secrets",
    "network",
    "location",
    "users",
    "updates",
    "commands",
    "enrollments",
)


@pytest.mark.parametrize("visitor", [WIDE], indirect=True, ids=["wide, then phone"])
def test_every_page_fits_its_window_and_meets_no_error(
    staff: Visitor, enroll: Enroll
) -> None:
    device = enroll().row()["id"]
    tabs = [f"/admin/devices/device/{device}/change/?tab={tab}" for tab in TABS]
    guided = [f"/admin/devices/device/{device}/{each}/" for each in GUIDED]
    for path in (*PAGES, *tabs, *guided):
        staff.resize(WIDE)
        assert staff.open(path) == 200, path
        assert staff.overflow <= 0, path
        staff.resize(PHONE)
        assert staff.overflow <= 0, f"{path} on a phone"
        assert staff.complaints == [], path


def test_a_command_is_followed_to_its_answer_without_reloading(
    staff: Visitor, enroll: Enroll
) -> None:
    phone = enroll()
    page = staff.page
    staff.open(f"/admin/devices/device/{phone.row()['id']}/change/")
    page.click("text=Send a command…")
    page.fill("[data-search]", "profiles on the device")
    expect(page.locator("#catalogue li:visible")).to_have_count(1)
    page.click("#catalogue li:visible a")
    page.click("button:has-text('Ask for profiles')")
    expect(page.locator(".mp-table .mp-badge")).to_have_text("queued")
    phone.is_pushed()
    page.evaluate("window.loadedOnce = true")
    phone.device.session()
    expect(page.locator(".mp-table .mp-badge")).to_have_text("acknowledged")
    expect(page.locator(".mp-legend")).to_contain_text("1 acknowledged")
    assert page.evaluate("window.loadedOnce") is True


def test_an_order_to_several_is_looked_at_sent_and_watched(
    staff: Visitor, enroll: Enroll
) -> None:
    phones = [enroll(), enroll()]
    ids = ",".join(str(phone.row()["id"]) for phone in phones)
    page = staff.page
    staff.open(f"/admin/commands/command/order/SecurityInfo/?ids={ids}")
    page.fill("[name=note]", "Before the audit")
    page.click("text=Look at who gets it")
    expect(page.locator(".mp-title")).to_have_text("2 devices get it")
    assert staff.overflow <= 0
    page.click("a.mp-button:has-text('Change')")
    expect(page.locator("[name=note]")).to_have_value("Before the audit")
    page.click("text=Look at who gets it")
    page.click("button[name=send]")
    expect(page.locator("[data-live^='orderstate']")).to_have_text("waits for answers")
    assert staff.overflow <= 0
    for phone in phones:
        phone.is_pushed()
        phone.device.session()
    expect(page.locator("[data-live^='orderstate']")).to_have_text("done")
    expect(page.locator(".mp-legend").first).to_contain_text("2 acknowledged")
    assert staff.complaints == []


def test_erasing_asks_for_the_devices_name(staff: Visitor, enroll: Enroll) -> None:
    phone = enroll()
    page, its_page = staff.page, f"/admin/devices/device/{phone.row()['id']}/change/"

    def has_told_its_name() -> bool:
        staff.open(its_page)
        return phone.device.state.name in page.locator("h1").first.inner_text()

    wait_for(has_told_its_name, "its name, which is to be typed")
    page.click("a.mp-button:has-text('Erase…')")
    page.click("button.mp-button--danger:has-text('Erase')")
    expect(page.locator(".mp-note--bad").last).to_contain_text("Nothing was sent")
    page.fill("[name=confirm]", page.locator("label q").inner_text())
    page.click("button.mp-button--danger:has-text('Erase')")
    expect(page).to_have_url(re.compile(r"/admin/commands/order/\d+/change/"))
    phone.is_pushed()
    phone.device.session()
    assert not phone.device.enrolled


def test_filters_are_part_of_the_address(staff: Visitor, enroll: Enroll) -> None:
    phone = enroll()
    name = phone.device.state.name
    wait_for(lambda: phone.row()["name"] == name, "the first answers to be read")
    page = staff.page
    staff.open("/admin/devices/device/")
    page.locator("a:has-text('Filters')").first.click()
    page.select_option("select[name=state]", "active")
    page.select_option("select[name=supervised]", "no")
    page.click("text=Apply Filters")
    page.wait_for_url("**state=active**")
    assert "supervised=no" in page.url
    count = 0 if phone.device.supervised else 1
    expect(page.get_by_text(phone.serial)).to_have_count(count)


def test_the_palette_finds_a_device(staff: Visitor, enroll: Enroll) -> None:
    phone = enroll()
    page = staff.page
    staff.open("/admin/")
    page.keyboard.press("Control+k")
    page.locator("#search-input-command").press_sequentially(phone.serial)
    expect(page.locator("#command-results")).to_contain_text(phone.serial)


def test_choosing_a_file_writes_into_no_other_field(
    staff: Visitor, tmp_path: Path
) -> None:
    file = tmp_path / "push.pem"
    file.write_text("-----BEGIN")
    page = staff.page
    staff.open("/admin/apns/pushcertificate/add/")
    account = page.locator("input[name=apple_account]")
    before = account.input_value()
    for chosen in page.locator("input[type=file]").all():
        chosen.set_input_files(file)
    assert account.input_value() == before
    assert staff.complaints == []


def test_the_first_run_makes_an_administrator(staff: Visitor) -> None:
    page = staff.page
    staff.open("/admin/devices/user/add/?is_staff=1&is_superuser=1")
    assert page.locator("input[name=is_staff]").is_checked()
    assert page.locator("input[name=is_superuser]").is_checked()


def test_before_signing_in_pages_fit_too(visitor: Visitor) -> None:
    for path in ("/accounts/login/", "/accounts/password/reset/"):
        assert visitor.open(path) == 200
        assert visitor.overflow <= 0, path
    assert visitor.complaints == []


@pytest.mark.parametrize(
    ("width", "agent"), [(390, agents.IPHONE), (1440, agents.MAC)], ids=["phone", "Mac"]
)
def test_the_enrollment_page_needs_no_javascript(
    browser: Browser, portal: Portal, width: int, agent: str
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 844},
        user_agent=agent,
        java_script_enabled=False,
        accept_downloads=True,
    )
    page = context.new_page()
    page.goto(portal.url + "/accounts/login/")
    page.fill("input[name=login]", portal.admin)
    page.fill("input[name=password]", portal.password)
    page.click("button[type=submit]")
    page.goto(portal.url + "/admin/enrollment/enrollmentprofile/")
    page.click("text=Devices of the organisation")
    address = page.locator(".mp-mono").first.inner_text()
    page.goto(address)
    expect(page.locator("body")).to_contain_text("nothing here is real")
    assert page.locator(".mp-qr").is_visible() == (width > 1000)
    with page.expect_download() as download:
        page.click("text=Download the profile")
    assert download.value.suggested_filename.endswith(".mobileconfig")
    context.close()
