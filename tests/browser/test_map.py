"""The map of a lost device in a browser: drawn by the portal alone, asking nobody."""

from playwright.sync_api import expect

from mdmportal.simulator.hardware import IPHONE_16

from ..journeys.conftest import Enroll
from ..servers import wait_for
from .conftest import Visitor

MESSAGE = '{"Message": "Please bring it back"}'


def test_a_lost_device_is_on_the_map_without_a_request_to_elsewhere(
    staff: Visitor, enroll: Enroll
) -> None:
    phone = enroll(IPHONE_16)
    phone.device.supervised = True
    page, device = staff.page, phone.row()["id"]
    where = f"/admin/devices/device/{device}/change/?tab=location"
    staff.open(where)
    expect(page.locator(".mp-empty")).to_contain_text("Where it is, is not known")
    phone.order("DeviceInformation", "--keys", '{"Queries": ["IsSupervised"]}')
    phone.device.session()

    def is_supervised() -> bool:
        staff.open(where)
        return page.locator(".mp-badge:text-is('supervised')").count() == 1

    wait_for(is_supervised, "it to be known as supervised")
    phone.order("EnableLostMode", "--keys", MESSAGE)
    phone.device.session()

    def is_located() -> bool:
        phone.device.session()
        staff.open(where)
        return page.locator("[data-map]").count() == 1

    wait_for(is_located, "its place")
    expect(page.locator(".mp-map__last")).to_have_count(1)
    expect(page.locator(".mp-map__around")).to_have_count(1)
    expect(page.locator(".mp-map__land").first).to_be_attached()
    expect(page.locator("[data-country]")).not_to_be_empty()
    expect(page.locator(".leaflet-control-scale-line")).to_be_visible()
    page.click("text=Ask now")

    def is_tracked() -> bool:
        phone.device.session()
        staff.open(where)
        return page.locator(".mp-map__way").count() == 1

    wait_for(is_tracked, "its way")
    page.click("text=Closer")
    page.locator(".mp-map__last").hover()
    expect(page.locator(".leaflet-tooltip")).to_contain_text("± 12 m")
    assert staff.overflow <= 0
    assert staff.complaints == []
