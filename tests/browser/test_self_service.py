"""Enrolling by oneself, in a browser: from signing in to “enrolled”."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from mdmportal.simulator.courier import Courier
from mdmportal.simulator.device import SimulatedDevice
from mdmportal.simulator.hardware import IPHONE_16, MACBOOK_AIR, Hardware
from mdmportal.simulator.transport import HTTPTransport

from ..journeys.conftest import Traveller
from ..pages.agents import IPHONE, MAC
from ..portal import Portal
from ..servers import wait_for
from .conftest import PHONE, WIDE, Visitor

SEED = """
import json
from devices.models import User
from enrollment.models import EnrollmentProfile

EnrollmentProfile.objects.update_or_create(
    code="company",
    defaults=dict(name="Company devices", is_listed=True, requires_sign_in=True),
)
EnrollmentProfile.objects.update_or_create(
    code="own", defaults=dict(name="Own devices", is_listed=True, kind="byod")
)
user, made = User.objects.get_or_create(
    username="anna", defaults=dict(email="anna@example.com", first_name="Anna")
)
user.set_password("a word for this test")
user.save()
print(json.dumps([user.pk]))
"""
NAME, PASSWORD = "anna", "a word for this test"


@pytest.fixture(
    params=[(PHONE, IPHONE, IPHONE_16, "light"), (WIDE, MAC, MACBOOK_AIR, "dark")],
    ids=["phone", "mac"],
)
def scene(browser: Browser, portal: Portal, request: pytest.FixtureRequest) -> "Scene":
    (width, height), user_agent, hardware, scheme = request.param
    portal.manage("shell", "--no-imports", "--command", SEED)
    return Scene(
        browser,
        portal,
        hardware,
        {
            "viewport": {"width": width, "height": height},
            "user_agent": user_agent,
            "color_scheme": scheme,
        },
    )


class Scene:
    """A person before the portal, with a browser and a device of one kind."""

    def __init__(
        self,
        browser: Browser,
        portal: Portal,
        hardware: Hardware,
        options: dict[str, Any],
    ) -> None:
        self.browser, self.portal = browser, portal
        self.hardware, self.options = hardware, options

    def context(self, **more: Any) -> BrowserContext:
        return self.browser.new_context(**self.options, **more)

    def visitor(self, page: Page) -> Visitor:
        return Visitor(page, self.portal.url)


def sign_in(visitor: Visitor) -> None:
    page = visitor.page
    page.fill("input[name=login]", NAME)
    page.fill("input[name=password]", PASSWORD)
    page.click("form button[type=submit]")


def settled(visitor: Visitor) -> None:
    assert visitor.overflow <= 0, visitor.page.url
    assert visitor.complaints == [], visitor.page.url


def install(scene: Scene, courier: Courier, profile: bytes) -> Traveller:
    seed = abs(hash((profile,))) % 10**9
    device = SimulatedDevice(
        scene.hardware, HTTPTransport(), seed=seed, courier=courier
    )
    device.install(profile)
    traveller = Traveller(scene.portal, device)
    traveller.settle()
    return traveller


def test_a_person_enrolls_and_sees_it_come_about(
    scene: Scene, courier: Courier
) -> None:
    context = scene.context(accept_downloads=True)
    visitor = scene.visitor(context.new_page())
    page = visitor.page
    visitor.open("/enroll/")
    settled(visitor)
    page.click("text=Sign in")
    sign_in(visitor)
    expect(page.locator("h1")).to_have_text("Hello, Anna")
    settled(visitor)
    page.click("a.mp-way:has-text('Company devices')")
    expect(page.locator("#status")).to_contain_text("Not begun yet")
    settled(visitor)
    with page.expect_download() as begun:
        page.click("text=Download the profile >> visible=true")
    page.evaluate("window.loadedOnce = true")
    expect(page.locator("#status")).to_contain_text("Profile downloaded")
    device = install(scene, courier, Path(begun.value.path()).read_bytes())
    expect(page.locator("#status")).to_contain_text("is enrolled. That is all.")
    assert page.evaluate("window.loadedOnce") is True
    settled(visitor)
    name = device.device.state.name
    wait_for(lambda: device.row()["name"] == name, "the first answers to be read")
    visitor.open("/enroll/devices/")
    expect(page.locator("main")).to_contain_text(name)
    settled(visitor)
    context.close()


def test_all_of_it_works_without_javascript(scene: Scene, courier: Courier) -> None:
    context = scene.context(java_script_enabled=False, accept_downloads=True)
    visitor = scene.visitor(context.new_page())
    page = visitor.page
    visitor.open("/enroll/company/")
    page.click("text=Sign in to go on")
    sign_in(visitor)
    expect(page).to_have_url(f"{scene.portal.url}/enroll/company/")
    with page.expect_download() as begun:
        page.click("text=Download the profile >> visible=true")
    page.click("text=Look again")
    expect(page.locator("#status")).to_contain_text("Profile downloaded")
    install(scene, courier, Path(begun.value.path()).read_bytes())
    page.click("text=Look again")
    expect(page.locator("#status")).to_contain_text("is enrolled. That is all.")
    assert visitor.complaints == []
    context.close()


def test_an_owner_has_the_device_removed(scene: Scene, courier: Courier) -> None:
    context = scene.context(accept_downloads=True)
    visitor = scene.visitor(context.new_page())
    page = visitor.page
    visitor.open("/accounts/login/?next=/enroll/company/")
    sign_in(visitor)
    with page.expect_download() as begun:
        page.click("text=Download the profile >> visible=true")
    device = install(scene, courier, Path(begun.value.path()).read_bytes())
    row = device.row()
    visitor.open(f"/enroll/devices/{row['id']}/remove/")
    device.device.pushed.clear()
    page.click("text=Yes, remove it")
    expect(page.locator("[role=status]").last).to_contain_text("Remove was sent")
    device.is_pushed()
    device.device.session()
    assert not device.device.enrolled
    settled(visitor)
    context.close()


def test_every_page_fits_its_window(scene: Scene) -> None:
    context = scene.context()
    visitor = scene.visitor(context.new_page())
    visitor.open("/accounts/login/?next=/enroll/")
    sign_in(visitor)
    for path in (
        "/enroll/",
        "/enroll/own/",
        "/enroll/own/?on=mac",
        "/enroll/company/?on=vision",
        "/enroll/company/?on=other",
        "/enroll/devices/",
    ):
        assert visitor.open(path) == 200, path
        settled(visitor)
    context.close()
