"""What happened to a device, from the page that is opened in a hurry to its end."""

import re

import pytest
from playwright.sync_api import expect

from mdmportal.simulator.courier import Courier
from mdmportal.simulator.hardware import IPHONE_16

from ..journeys.conftest import Traveller, unpacked
from ..portal import Portal
from ..servers import wait_for
from .conftest import WIDE, Visitor


@pytest.fixture
def phone(portal: Portal, courier: Courier) -> Traveller:
    """A supervised iPhone that enrolled over the network, and said what it is."""
    device = unpacked(portal, courier, IPHONE_16, 66_000)
    device.supervised = True
    phone = Traveller(portal, device)
    phone.install()
    phone.settle()
    name = device.state.name
    wait_for(lambda: phone.row()["name"] == name, "the first answers to be read")
    return phone


def obeys(phone: Traveller) -> None:
    phone.is_pushed()
    phone.device.session()


@pytest.mark.parametrize("visitor", [WIDE], indirect=True, ids=["wide"])
def test_a_phone_is_lost_and_found_then_stolen_and_erased(
    staff: Visitor, phone: Traveller
) -> None:
    page, name = staff.page, phone.device.state.name
    staff.open(f"/admin/devices/device/{phone.row()['id']}/change/")
    page.click("text=Something happened…")
    page.click("text=Nobody knows where it is")
    page.fill("[name=note]", "Left in a taxi")
    page.click("text=Begin: lost")

    # Lost Mode, then where it is comes by itself and is told without reloading.
    page.fill("[name=lost-mode-Message]", "Please call us")
    page.fill("[name=lost-mode-confirm]", name)
    page.click("#lost-mode button[name=do]")
    obeys(phone)
    assert phone.device.state.lost_mode["Message"] == "Please call us"
    obeys(phone)
    progress = page.locator(".mp-guide__progress")
    expect(progress).to_contain_text("until it is found")
    page.reload()
    expect(page.locator("#locate a", has_text="See the map")).to_be_visible()

    # Found.
    page.click("#end-lost-mode button[name=do]")
    obeys(phone)
    assert not phone.device.state.lost_mode
    wait_for(lambda: _closes(staff, "found"), "Lost Mode to be known to be over")
    expect(page).to_have_url(re.compile(r"/admin/devices/device/\d+/change/"))

    # Stolen.
    page.click("text=Something happened…")
    page.click("text=Somebody took it")
    page.click("text=Begin: stolen")
    expect(page.locator("#bypass .mp-badge").first).to_have_text("done")
    page.fill("[name=erase-confirm]", name)
    page.click("#erase button[name=do]")
    expect(page.locator("#erase .mp-state")).to_contain_text("queued")
    obeys(phone)
    assert not phone.device.enrolled
    expect(page.locator("#erase .mp-state")).to_contain_text("acknowledged")
    assert _closes(staff, "erased")
    assert staff.complaints == []


def _closes(staff: Visitor, outcome: str) -> bool:
    """Close the case so; return whether it could be."""
    staff.page.select_option("[name=outcome]", outcome)
    staff.page.click("button[name=close]")
    return "/guided/" not in staff.page.url
